"""Settings of outgoing mail."""

from email.utils import parseaddr
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct


def check_sender(text: str) -> None:
    """Raise ValueError for what is no sender."""
    if text and ("@" not in parseaddr(text)[1] or not text.isprintable()):
        raise ValueError("an address as `Deedbox <deedbox@example.org>`")


def check_base_url(text: str) -> None:
    """Raise ValueError for what links can't begin with."""
    parts = urlsplit(text)
    if text and (
        parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment
    ):
        raise ValueError("an address as `https://devices.example.org`")


class MailSettings(Struct, frozen=True):
    """Section `mail`."""

    host: Annotated[
        str, Meta(extra={"shown_default": "none: no mail is sent"}, description="The mail server.")
    ] = ""
    port: Annotated[
        int, Meta(ge=1, le=65_535, description="Its port; 465 is usual for `tls`, 25 for `none`.")
    ] = 587
    tls: Annotated[
        Literal["starttls", "tls", "none"],
        Meta(description="How the way there is encrypted; `none` is for a server on the same machine."),
    ] = "starttls"
    tls_ca_file: Annotated[
        str,
        Meta(
            extra={"shown_default": "those that the system trusts"},
            description="PEM file with the authority that signed the mail server's certificate.",
        ),
    ] = ""
    user: Annotated[str, Meta(description="Name to sign in with at the mail server.")] = ""
    password: Annotated[str, Meta(extra={"secret": True}, description="Password for it.")] = ""
    sender: Annotated[
        str,
        Meta(extra={"check": check_sender}, description="From whom: `Deedbox <deedbox@example.org>`."),
    ] = ""
    base_url: Annotated[
        str,
        Meta(
            extra={"check": check_base_url},
            description="What links in mails begin with: where people reach this server.",
        ),
    ] = ""
    per_address: Annotated[
        int,
        Meta(
            ge=1,
            le=1000,
            description="Mails in an hour to one address that anybody can cause, as for a new password.",
        ),
    ] = 5
    timeout_s: Annotated[
        int, Meta(ge=1, le=120, description="How long the mail server may take for an answer.")
    ] = 20
