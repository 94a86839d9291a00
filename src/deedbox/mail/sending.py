"""Takes messages to the mail server, several over one connection, and says what became of each."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8

import aiosmtplib

from deedbox.mail.settings import MailSettings


class NotSent(Exception):
    """The mail server did not take a message; `is_final` when it never will. Names nobody."""

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.is_final = is_final


class MailServer:
    """A connection to the mail server."""

    def __init__(self, client: aiosmtplib.SMTP) -> None:
        self._client = client

    async def send(self, message: EmailMessage) -> None:
        """Hand a message over. Raises NotSent."""
        try:
            await self._client.sendmail(
                str(message["From"].addresses[0].addr_spec),
                str(message["To"]),
                message.as_bytes(policy=SMTP if str(message["To"]).isascii() else SMTPUTF8),
                mail_options=None if str(message["To"]).isascii() else ["SMTPUTF8"],
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _refused([it.code for it in error.recipients], "recipient") from error
        except aiosmtplib.SMTPSenderRefused as error:
            raise NotSent(f"sender refused: {error.code}") from error
        except aiosmtplib.SMTPResponseException as error:
            raise _refused([error.code], "message") from error
        except (aiosmtplib.SMTPException, OSError, UnicodeError) as error:
            raise NotSent(type(error).__name__) from error


@asynccontextmanager
async def connected(settings: MailSettings) -> AsyncIterator[MailServer]:
    """Connect and sign in. Raises NotSent."""
    client = aiosmtplib.SMTP(
        hostname=settings.host,
        port=settings.port,
        username=settings.user or None,
        password=settings.password or None,
        timeout=settings.timeout_s,
        use_tls=settings.tls == "tls",
        start_tls=settings.tls == "starttls",
        tls_context=_tls(settings),
    )
    try:
        await client.connect()
    except (aiosmtplib.SMTPException, OSError) as error:
        raise NotSent(f"no connection: {type(error).__name__}") from error
    try:
        yield MailServer(client)
    finally:
        client.close()


def _tls(settings: MailSettings) -> ssl.SSLContext | None:
    if settings.tls == "none":
        return None
    return ssl.create_default_context(cafile=settings.tls_ca_file or None)


def _refused(codes: list[int], what: str) -> NotSent:
    """Codes from 500 on are meant for ever, others for now."""
    return NotSent(f"{what} refused: {codes[0]}", is_final=min(codes) >= 500)
