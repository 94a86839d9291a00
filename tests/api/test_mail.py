"""Mail from the request that causes it to the mail server: sent after the commit, and once."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from deedbox.main.mailing import Mailing
from deedbox.storage.stores import Stores
from tests.api.deployment import EMAILS, PASSWORD, Deployment, copy_of, opened_deployment
from tests.mail.mail_server import BASE_URL, Mailbox, mail_server

FORGOTTEN = "/api/noauth/resetPasswordByEmail"
NEW = {"email": "carol@deedbox.test", "authority": "TENANT_ADMIN"}
CHANGED = "another good password"


@pytest.fixture(scope="module")
def server() -> Iterator[Mailbox]:
    with mail_server() as mailbox:
        yield mailbox


@pytest.fixture
def mailbox(server: Mailbox) -> Mailbox:
    server.messages.clear()
    return server


@pytest.fixture
async def site(mailbox: Mailbox, template_folder: Path, tmp_path: Path) -> AsyncIterator[Deployment]:
    folder = copy_of(template_folder, tmp_path / "data")
    async with opened_deployment(folder, mail=mailbox.settings(per_address=2)) as opened:
        yield opened


async def send(site: Deployment) -> None:
    """Let the scheduled work do what is due."""
    mailing = Mailing(site.parts)
    while await mailing.bite() == 0.0:
        pass


def token_in(text: str, path: str) -> str:
    """The token of the mail's link, which begins with the address that is set, not with the request's."""
    return text.partition(f"{BASE_URL}{path}=")[2].split()[0].replace("%3D", "=")


async def test_an_invitation_comes_by_mail_and_works(site: Deployment, mailbox: Mailbox) -> None:
    await site.ok("maker", "POST", "/api/user", NEW, sendActivationMail=True)
    await send(site)
    assert [it["To"] for it in mailbox.messages] == [NEW["email"]]
    token = token_in(mailbox.texts()[0], "/api/noauth/activate?activateToken")
    await site.ok("", "POST", "/api/noauth/activate", {"activateToken": token, "password": PASSWORD})


async def test_whoever_wants_no_mail_gets_none(site: Deployment, mailbox: Mailbox) -> None:
    await site.ok("maker", "POST", "/api/user", NEW, sendActivationMail=False)
    await send(site)
    assert not mailbox.messages


async def test_an_invitation_is_sent_again_to_who_needs_it_only(site: Deployment, mailbox: Mailbox) -> None:
    await site.ok("maker", "POST", "/api/user", NEW, sendActivationMail=False)
    again = "/api/user/sendActivationMail"
    await site.ok("maker", "POST", again, email=NEW["email"])
    await send(site)
    assert len(mailbox.messages) == 1
    await site.refused(400, "maker", "POST", again, email=EMAILS["alice"])
    unknown = await site.refused(404, "maker", "POST", again, email="nobody@deedbox.test")
    foreign = await site.refused(404, "rival", "POST", again, email=NEW["email"])
    mine = await site.refused(404, "alice", "POST", again, email=NEW["email"])
    assert unknown["message"] == foreign["message"] == mine["message"]


async def test_a_new_password_by_mail_ends_all_sessions_and_is_told(
    site: Deployment, mailbox: Mailbox
) -> None:
    await site.ok("alice", "GET", "/api/auth/user")
    await site.ok("", "POST", FORGOTTEN, {"email": EMAILS["alice"].upper()})
    await send(site)
    token = token_in(mailbox.texts()[0], "/api/noauth/resetPassword?resetToken")
    await site.ok("", "POST", "/api/noauth/resetPassword", {"resetToken": token, "password": CHANGED})
    await site.refused(401, "alice", "GET", "/api/auth/user")
    await site.sign_in(EMAILS["alice"], CHANGED)
    await send(site)
    told = [it["Subject"] for it in mailbox.messages][1:]
    assert told == ["Your password was changed", "A sign-in from a new place"]


async def test_asking_looks_and_costs_the_same_for_an_address_that_nobody_has(
    site: Deployment, mailbox: Mailbox
) -> None:
    """Behaviour §6: neither the answer nor the rows that it leaves tell who has an account."""
    left = []
    for email in (EMAILS["alice"], "nobody@deedbox.test"):
        assert await site.ok("", "POST", FORGOTTEN, {"email": email}) is None
        left.append(site.sql("select count(*), max(length(ciphertext)) / 64 from outgoing_mail")[0])
    assert [count for count, _ in left] == [1, 2] and left[0][1] == left[1][1]
    await send(site)
    assert [it["To"] for it in mailbox.messages] == [EMAILS["alice"]]


async def test_nobody_is_buried_in_mail(site: Deployment, mailbox: Mailbox) -> None:
    """Two in an hour to one address here, whoever asks; the answer stays the same."""
    for _ in range(4):
        await site.ok("", "POST", FORGOTTEN, {"email": EMAILS["alice"]})
    await send(site)
    assert len(mailbox.messages) == 2


async def test_who_was_not_activated_gets_the_invitation_again(site: Deployment, mailbox: Mailbox) -> None:
    await site.ok("maker", "POST", "/api/user", NEW, sendActivationMail=False)
    await site.ok("", "POST", FORGOTTEN, {"email": NEW["email"]})
    await send(site)
    assert "activateToken=" in mailbox.texts()[0]


async def test_links_never_begin_with_what_a_request_says(site: Deployment, mailbox: Mailbox) -> None:
    """Attack: a request with another Host header makes a mail with a link to there."""
    await site.call("", "POST", FORGOTTEN, json={"email": EMAILS["alice"]}, headers={"Host": "evil.test"})
    await send(site)
    assert BASE_URL in mailbox.texts()[0] and "evil" not in mailbox.messages[0].as_string()


async def test_mail_that_waits_lies_encrypted(site: Deployment) -> None:
    """Behaviour §6.6: no link, and nobody's address, in the database."""
    await site.ok("", "POST", FORGOTTEN, {"email": EMAILS["alice"]})
    (row,) = site.sql("select ciphertext from outgoing_mail")
    assert b"resetToken" not in bytes(row[0]) and b"alice" not in bytes(row[0])


async def test_each_mail_is_taken_once_however_many_ask(site: Deployment) -> None:
    for who in ("alice", "bob"):
        await site.ok("", "POST", FORGOTTEN, {"email": EMAILS[who]})

    async def take(stores: Stores) -> int:
        return len(await stores.users.take_mails(await stores.users.now_ms() + 60_000, 1))

    taken = await asyncio.gather(*(site.parts.storage.write(take) for _ in range(4)))
    assert sorted(taken) == [0, 0, 1, 1]


async def test_what_the_server_can_not_take_now_is_sent_later(site: Deployment, mailbox: Mailbox) -> None:
    await site.ok("maker", "POST", "/api/user", NEW | {"email": "later.on@deedbox.test"})
    await send(site)
    (waiting,) = site.sql("select tries, due_at - :now from outgoing_mail".replace(":now", str(_now(site))))
    assert waiting[0] == 1 and 60_000 < waiting[1] <= 120_000
    site.sql("update outgoing_mail set due_at = 0, give_up_at = 1")
    await send(site)
    assert not site.sql("select 1 from outgoing_mail") and not mailbox.messages


async def test_what_is_refused_for_ever_is_given_up(site: Deployment, mailbox: Mailbox) -> None:
    await site.ok("maker", "POST", "/api/user", NEW | {"email": "no.one@deedbox.test"})
    await site.ok("maker", "POST", "/api/user", NEW)
    await send(site)
    assert not site.sql("select 1 from outgoing_mail")
    assert [it["To"] for it in mailbox.messages] == [NEW["email"]]


async def test_without_mail_nothing_waits(deployment: Deployment) -> None:
    await deployment.ok("", "POST", FORGOTTEN, {"email": EMAILS["alice"]})
    assert not deployment.sql("select 1 from outgoing_mail")
    await deployment.refused(400, "maker", "POST", "/api/user/sendActivationMail", email=NEW["email"])


def _now(site: Deployment) -> int:
    return site.parts.storage.now_ms()
