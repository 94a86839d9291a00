"""Certificates for tests: ECDSA P-256, self-made, for 127.0.0.1 and localhost."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


class MadeCertificate(NamedTuple):
    """The PEM files of a certificate and its key."""

    certificate: Path
    key: Path


def make_certificate(folder: Path, days: int = 90) -> MadeCertificate:
    """Write a certificate that signs itself and is valid for so many days (negative: expired)."""
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    made = MadeCertificate(folder / "certificate.pem", folder / "key.pem")
    made.certificate.write_bytes(_signed(key, days).public_bytes(Encoding.PEM))
    made.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return made


class Authority:
    """Signs certificates of devices. `certificate` is its own PEM file."""

    def __init__(
        self, folder: Path, name: str = "factory", above: "Authority | None" = None, *, may_sign: bool = True
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        self.certificate = folder / f"{name}.pem"
        issuer, key = (above._name, above._key) if above else (self._name, self._key)
        own = _built(self._name, issuer, self._key.public_key(), is_authority=may_sign)
        self.certificate.write_bytes(own.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))

    def device(self, common_name: str, age_days: float = 1) -> MadeCertificate:
        """Write a certificate for a device, valid since so many days, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        stem = f"{common_name}-{age_days}"
        made = MadeCertificate(self._folder / f"{stem}.crt", self._folder / f"{stem}.key")
        built = _built(_named(common_name), self._name, key.public_key(), age_days=age_days)
        made.certificate.write_bytes(built.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))
        made.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return made

    def device_with_chain(
        self, common_name: str, *above: "Authority", age_days: float = 1
    ) -> MadeCertificate:
        """Write a certificate for a device, and behind it that of whoever signed it, and of those above."""
        made = self.device(common_name, age_days)
        chain = (made.certificate, self.certificate, *(it.certificate for it in above))
        together = made.certificate.with_suffix(".chain")
        together.write_text("".join(it.read_text() for it in chain))
        return MadeCertificate(together, made.key)


def _named(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _built(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    *,
    is_authority: bool = False,
    age_days: float = 1,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=age_days))
        .not_valid_after(now + timedelta(days=90 - age_days))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )


def _signed(key: ec.EllipticCurvePrivateKey, days: int) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    ends_at = datetime.now(UTC) + timedelta(days=days)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(ends_at - timedelta(days=365))
        .not_valid_after(ends_at)
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
