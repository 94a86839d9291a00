"""Messages reach a real mail server: encrypted, signed in; what it says no to is told without names."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from deedbox.core.accounts.mails import Mail, Template
from deedbox.mail.messages import message_of
from deedbox.mail.sending import NotSent, connected
from deedbox.mail.settings import MailSettings, check_base_url, check_sender
from deedbox.mail.texts import paragraphs, subject, time
from tests.certificates import MadeCertificate, make_certificate
from tests.mail.mail_server import PASSWORD, USER, Mailbox, mail_server

NOW = 1_700_000_000_000
LINK = "https://things.test/api/noauth/activate?activateToken=k%3D&x=1"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> MadeCertificate:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def encrypted(certificate: MadeCertificate) -> Iterator[Mailbox]:
    with mail_server(certificate) as mailbox:
        yield mailbox


@pytest.fixture(scope="module")
def plain() -> Iterator[Mailbox]:
    with mail_server() as mailbox:
        yield mailbox


def invitation(address: str = "ada@example.org") -> Mail:
    return Mail(address, Template.ACTIVATION, NOW, {"email": address, "link": LINK, "lifetime_s": "86400"})


async def send(settings: MailSettings, *mails: Mail) -> None:
    async with connected(settings) as server:
        for mail in mails:
            await server.send(message_of(mail, uuid4(), settings, NOW))


async def test_over_tls_and_signed_in(encrypted: Mailbox, certificate: MadeCertificate) -> None:
    secure = {"tls": "starttls", "tls_ca_file": str(certificate.certificate)}
    await send(encrypted.settings(**secure, user=USER, password=PASSWORD), invitation())
    assert [it["To"] for it in encrypted.messages] == ["ada@example.org"]


@pytest.mark.parametrize(
    "wrong", [{"password": "wrong"}, {"tls_ca_file": ""}, {"tls": "none"}, {"port": 1}, {"tls": "tls"}]
)
async def test_what_is_set_wrongly_is_tried_again(
    encrypted: Mailbox, certificate: MadeCertificate, wrong: dict[str, object]
) -> None:
    """Whoever sets it right later has all mail sent: nothing of this is final."""
    right = {
        "tls": "starttls",
        "tls_ca_file": str(certificate.certificate),
        "user": USER,
        "password": PASSWORD,
    }
    before = len(encrypted.messages)
    with pytest.raises(NotSent) as refused:
        await send(encrypted.settings(**right | wrong, timeout_s=1), invitation())
    assert not refused.value.is_final and PASSWORD not in str(refused.value)
    assert len(encrypted.messages) == before


@pytest.mark.parametrize(("name", "is_final"), [("no.one", True), ("later.on", False)])
async def test_who_is_refused_for_ever_is_told_from_who_is_for_now(
    plain: Mailbox, name: str, is_final: bool
) -> None:
    with pytest.raises(NotSent) as refused:
        await send(plain.settings(), invitation(f"{name}@example.org"))
    assert refused.value.is_final is is_final and name not in str(refused.value)


async def test_several_go_over_one_connection_also_to_names_beyond_ascii(plain: Mailbox) -> None:
    before = len(plain.messages)
    await send(plain.settings(), invitation(), invitation("jörg@example.org"), invitation())
    assert len(plain.messages) == before + 3


def test_a_message_is_plain_text_and_the_same_as_html() -> None:
    settings = Mailbox().settings()
    mail_id = uuid4()
    message = message_of(invitation(), mail_id, settings, NOW)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text and html
    assert f"Choose a password:\n{LINK}\n" in text.get_content() and "for 24 hours" in text.get_content()
    assert LINK.replace("&", "&amp;") in html.get_content() and "src=" not in html.get_content()
    assert message["Message-ID"] == f"<{mail_id}@things.test>" and message["Auto-Submitted"]


def test_what_people_typed_stays_text() -> None:
    """Attack: markup or a header in a value."""
    evil = dict(invitation("a@example.org").values) | {"email": "<b>x</b>\r\nBcc: y@example.org"}
    message = message_of(
        Mail("a@example.org", Template.ACTIVATION, NOW, evil), uuid4(), Mailbox().settings(), NOW
    )
    html = message.get_body(("html",))
    assert html and "<b>x" not in html.get_content() and "Bcc" not in message


@pytest.mark.parametrize("template", [it for it in Template if it is not Template.NOBODY])
def test_every_template_has_its_words(template: Template) -> None:
    anything = {name: "x" for name in ("email", "site", "time", "source", "device", "new_email", "factor")}
    assert subject(template) and paragraphs(template, anything)


def test_times_in_words() -> None:
    assert [time(it) for it in (900, 3600, 7200, 86_400, 172_800)] == [
        "15 minutes", "60 minutes", "2 hours", "24 hours", "2 days",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["things.test", "ftp://things.test", "https://", "https://x.test/?a=b"])
def test_links_begin_with_a_complete_address(text: str) -> None:
    with pytest.raises(ValueError, match="https://"):
        check_base_url(text)


@pytest.mark.parametrize("text", ["Deedbox", "a@b\r\nBcc: c@d", "<>"])
def test_senders_are_addresses(text: str) -> None:
    with pytest.raises(ValueError, match="@"):
        check_sender(text)


def test_settings_without_mail_are_complete() -> None:
    check_sender(MailSettings().sender)
    check_base_url(MailSettings().base_url)
