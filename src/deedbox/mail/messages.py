"""Makes a message of a mail: plain text, and the same as simple HTML that loads nothing."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from functools import cache
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from deedbox.core.accounts.mails import Mail
from deedbox.mail.settings import MailSettings
from deedbox.mail.texts import action, footer, paragraphs, subject, time

_LANGUAGE = "en"


def message_of(mail: Mail, mail_id: UUID, settings: MailSettings, now_ms: int) -> EmailMessage:
    """Return the message. The same mail has the same Message-ID, so that receivers know a copy."""
    message = EmailMessage()
    message["From"] = settings.sender
    message["To"] = mail.address
    message["Subject"] = subject(mail.template)
    message["Date"] = format_datetime(datetime.fromtimestamp(now_ms / 1000, UTC))
    message["Message-ID"] = f"<{mail_id}@{parseaddr(settings.sender)[1].rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    shown = _shown(mail, settings)
    message.set_content(_plain(shown))
    message.add_alternative(_template().render(shown), subtype="html")
    return message


def _shown(mail: Mail, settings: MailSettings) -> Mapping[str, Any]:
    values = {key: " ".join(text.split()) for key, text in mail.values.items()}
    values["site"] = urlsplit(settings.base_url).netloc
    if "lifetime_s" in values:
        values["time"] = time(int(values["lifetime_s"]))
    return {
        "language": _LANGUAGE,
        "subject": subject(mail.template),
        "paragraphs": paragraphs(mail.template, values),
        "action": action(mail.template),
        "link": values.get("link", ""),
        "code": values.get("code", ""),
        "footer": footer(values),
    }


def _plain(shown: Mapping[str, Any]) -> str:
    first, *others = shown["paragraphs"]
    code = [f"    {shown['code']}"] if shown["code"] else []
    link = [f"{shown['action']}:\n{shown['link']}"] if shown["action"] and shown["link"] else []
    return "\n\n".join([first, *code, *link, *others, f"-- \n{shown['footer']}"]) + "\n"


@cache
def _template() -> Any:
    # Imported with the first mail: most processes send none.
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415

    environment = Environment(
        loader=PackageLoader("deedbox.mail"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("mail.html")
