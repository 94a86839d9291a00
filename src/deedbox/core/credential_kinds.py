"""Kinds of device credentials and the forms that each kind accepts."""

import hashlib
from base64 import b64encode
from enum import StrEnum

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from deedbox.core.errors import InvalidValue

LONGEST_IDENTIFIER = 255
_LONGEST_VALUE = 65_536


class CredentialsKind(StrEnum):
    """How a device proves who it is; the names are on the wire."""

    ACCESS_TOKEN = "ACCESS_TOKEN"  # noqa: S105  # a name, not a token
    MQTT_BASIC = "MQTT_BASIC"
    X509_CERTIFICATE = "X509_CERTIFICATE"


class CredentialsDraft(msgspec.Struct, frozen=True):
    """Credentials to be. An access token whose `credentials_id` is None will be made up."""

    kind: CredentialsKind = CredentialsKind.ACCESS_TOKEN
    credentials_id: str | None = None
    value: str | None = None


class MqttBasic(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What an MQTT client presents; at least a client id or a user name."""

    client_id: str | None = None
    user_name: str | None = None
    password: str | None = None


def kind_named(name: str) -> CredentialsKind:
    """Return the kind of that name. Raises InvalidValue for one that this server has no protocol for."""
    try:
        return CredentialsKind(name)
    except ValueError:
        known = ", ".join(CredentialsKind)
        raise InvalidValue(
            f"credentialsType is not one that this server supports; expected one of {known}.",
            "/credentialsType",
        ) from None


def checked(draft: CredentialsDraft) -> CredentialsDraft:
    """Return the draft with the identifier that its kind is found by. Raises InvalidValue."""
    if draft.value is not None and len(draft.value) > _LONGEST_VALUE:
        raise InvalidValue(
            f"credentialsValue has {len(draft.value)} characters; at most {_LONGEST_VALUE} are accepted.",
            "/credentialsValue",
        )
    if draft.kind is CredentialsKind.MQTT_BASIC:
        return _checked_mqtt(draft.value)
    if draft.kind is CredentialsKind.X509_CERTIFICATE:
        return _checked_certificate(draft.value)
    if draft.credentials_id is not None:
        _check_identifier(draft.credentials_id)
    return CredentialsDraft(draft.kind, draft.credentials_id)


def _check_identifier(text: str) -> None:
    if not text.strip():
        raise InvalidValue("Device credentials id should be specified!", "/credentialsId")
    if len(text) > LONGEST_IDENTIFIER:
        raise InvalidValue(
            f"credentialsId has {len(text)} characters; at most {LONGEST_IDENTIFIER} are accepted.",
            "/credentialsId",
        )
    if not text.isprintable():
        raise InvalidValue("credentialsId may hold printable characters only.", "/credentialsId")


def _checked_mqtt(value: str | None) -> CredentialsDraft:
    basic = _mqtt_basic(value)
    if not basic.client_id and not basic.user_name:
        raise InvalidValue("Both mqtt client id and user name are empty!", "/credentialsValue")
    if basic.password and not basic.user_name:
        raise InvalidValue("Password cannot be specified along with client id", "/credentialsValue")
    for part in (basic.client_id, basic.user_name):
        if part:
            _check_identifier(part)
    return CredentialsDraft(
        CredentialsKind.MQTT_BASIC, mqtt_identifier(basic), msgspec.json.encode(basic).decode()
    )


def _mqtt_basic(value: str | None) -> MqttBasic:
    try:
        return msgspec.json.decode(value or "", type=MqttBasic)
    except (msgspec.DecodeError, UnicodeError):
        # The cause may show the password.
        raise InvalidValue(
            "credentialsValue is not what MQTT_BASIC needs: a text that holds JSON as "
            '{"clientId": "...", "userName": "...", "password": "..."}.',
            "/credentialsValue",
        ) from None


def mqtt_identifier(basic: MqttBasic) -> str:
    """Return what credentials that ask for this are found by; the password has no part in it."""
    # As the reference server builds it, so that exports from there find their devices here.
    if not basic.client_id:
        return basic.user_name or ""
    parts = [basic.client_id] if not basic.user_name else [basic.client_id, basic.user_name]
    return _fingerprint("|".join(parts))


def _checked_certificate(value: str | None) -> CredentialsDraft:
    pem = (value or "").strip()
    try:
        # Only whether it is one: what it must promise is for the transport that accepts it.
        certificate = x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise InvalidValue(
            "credentialsValue is not an X.509 certificate in PEM form (-----BEGIN CERTIFICATE-----).",
            "/credentialsValue",
        ) from None
    identifier = certificate_identifier(certificate.public_bytes(Encoding.DER))
    return CredentialsDraft(CredentialsKind.X509_CERTIFICATE, identifier, pem)


def certificate_identifier(certificate: bytes) -> str:
    """Return what the credentials of a certificate, in DER form, are found by."""
    # As the reference server builds it: of the text between the first and the last line of the PEM form.
    return _fingerprint(b64encode(certificate).decode())


def _fingerprint(text: str) -> str:
    return hashlib.sha3_256(text.encode("utf-8", "surrogatepass")).hexdigest()
