"""X.509 certificates that devices show: who vouches for one, until when, and whose name it carries.

A chain is certificates in DER form: the device's own first, behind it those that the device sends along.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from OpenSSL import SSL, crypto

Chain = Sequence[bytes]

#: Longer ones are nobody's: whoever shows them makes us calculate.
MOST_CERTIFICATES = 10
_CLIENTS = {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}


def is_current(certificate: bytes, now_ms: int) -> bool:
    """Tell whether a certificate (DER) is valid at that moment, by its own dates; epoch milliseconds."""
    try:
        read = x509.load_der_x509_certificate(certificate)
    except ValueError:
        return False
    return read.not_valid_before_utc <= _moment(now_ms) <= read.not_valid_after_utc


def is_vouched_for(chain: Chain, signers: Sequence[bytes], now_ms: int) -> bool:
    """Tell whether one of these certificates (DER) has signed the chain's first, or is it; at that moment.

    What is behind the first may stand between the two. Signers need nobody who vouches for them in turn.
    """
    if not 0 < len(chain) <= MOST_CERTIFICATES or not signers:
        return False
    try:
        store = crypto.X509Store()
        for signer in signers:
            store.add_cert(_read(signer))
        store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
        store.set_time(_moment(now_ms))
        first, *others = map(_read, chain)
        crypto.X509StoreContext(store, first, others).verify_certificate()
        return _is_for_clients(chain[0])
    except (crypto.Error, crypto.X509StoreContextError, ValueError):
        return False


def shown_by(tls: SSL.Connection) -> Chain:
    """Return the certificates that a client has shown in its handshake; none when it has none."""
    own = tls.get_peer_certificate()
    if own is None:
        return ()
    shown = (own, *(tls.get_peer_cert_chain() or ()))
    return tuple(crypto.dump_certificate(crypto.FILETYPE_ASN1, it) for it in shown)


def common_name(certificate: bytes) -> str:
    """Return the common name of whom a certificate (DER) is about; empty for none."""
    try:
        subject = x509.load_der_x509_certificate(certificate).subject
    except ValueError:
        return ""
    names = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def is_newer(certificate: bytes, pem: str) -> bool:
    """Tell whether a certificate (DER) begins later than another one (PEM)."""
    begins = x509.load_der_x509_certificate(certificate).not_valid_before_utc
    return begins > x509.load_pem_x509_certificate(pem.encode()).not_valid_before_utc


def in_pem_form(certificate: bytes) -> str:
    """Return a certificate (DER) as PEM. Raises ValueError for what is none."""
    return x509.load_der_x509_certificate(certificate).public_bytes(Encoding.PEM).decode()


def read_pem(text: str) -> list[bytes]:
    """Return the certificates in a text, in DER form. Raises ValueError when it holds none."""
    found = x509.load_pem_x509_certificates(text.encode())
    return [it.public_bytes(Encoding.DER) for it in found]


def may_sign(certificate: bytes) -> bool:
    """Tell whether a certificate (DER) says of its bearer that it signs others, or says nothing about it."""
    try:
        extensions = x509.load_der_x509_certificate(certificate).extensions
        return extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return True
    except ValueError:
        return False


def _is_for_clients(certificate: bytes) -> bool:
    extensions = x509.load_der_x509_certificate(certificate).extensions
    try:
        uses = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return not _CLIENTS.isdisjoint(uses)


def _read(certificate: bytes) -> crypto.X509:
    return crypto.load_certificate(crypto.FILETYPE_ASN1, certificate)


def _moment(now_ms: int) -> datetime:
    return datetime.fromtimestamp(now_ms / 1000, UTC)
