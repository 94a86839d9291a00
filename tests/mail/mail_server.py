"""A real mail server for tests: keeps what it is sent, encrypted and for those who sign in if asked to."""

import contextlib
import ssl
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

from deedbox.mail.settings import MailSettings
from tests.certificates import MadeCertificate
from tests.ports import free_port

USER, PASSWORD = "deedbox", "its password"
BASE_URL = "https://things.test"


class Mailbox:
    """What came, oldest first. Addresses in "no." are refused for ever, those in "later." for now."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.port = free_port()

    def settings(self, **more: Any) -> MailSettings:
        """How Deedbox reaches it."""
        sender = "Deedbox <deedbox@things.test>"
        base: dict[str, Any] = {"host": "127.0.0.1", "port": self.port, "tls": "none"}
        return MailSettings(**base | {"sender": sender, "base_url": BASE_URL, "timeout_s": 5} | more)

    def texts(self) -> list[str]:
        """The plain texts of what came."""
        found = [message.get_body(("plain",)) for message in self.messages]
        return [str(it.get_content()) if it else "" for it in found]

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: object, _session: object, envelope: Envelope, address: str, _options: object
    ) -> str:
        """Take a recipient, or not."""
        if address.startswith(("no.", "later.")):
            return "550 nobody here" if address.startswith("no.") else "451 come back"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: object, _session: object, envelope: Envelope) -> str:  # noqa: N802
        """Keep a message."""
        content = cast(bytes, envelope.content)
        self.messages.append(message_from_bytes(content, policy=policy.default))
        return "250 OK"


@contextlib.contextmanager
def mail_server(certificate: MadeCertificate | None = None) -> Iterator[Mailbox]:
    """Run one; with a certificate it asks for STARTTLS and for USER and PASSWORD."""
    mailbox = Mailbox()
    more: dict[str, Any] = {}
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certificate, certificate.key)
        more = {"tls_context": context, "require_starttls": True, "auth_required": True}
        more["authenticator"] = _authenticated
    controller = Controller(mailbox, "127.0.0.1", mailbox.port, **more)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()


def _authenticated(_s: object, _session: object, _e: object, _m: str, who: LoginPassword) -> AuthResult:
    return AuthResult(success=(who.login, who.password) == (USER.encode(), PASSWORD.encode()))
