"""TLS and DTLS of each listener: the same certificate, but not everybody is asked for one of their own."""

import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from OpenSSL import SSL

from deedbox.config.declared import Settings
from deedbox.serving.encrypted import Encrypting, certificate_context
from deedbox.serving.listeners import read_signers, tls_context


class Encryption(NamedTuple):
    """The server's side of TLS. Browsers would ask people for certificates, so HTTPS takes none by itself.

    `trusted` are the certificates (DER) of who signs devices', None for anybody.
    """

    https: ssl.SSLContext
    mqtts: Encrypting
    coaps: SSL.Context
    trusted: Sequence[bytes] | None


def encryption(settings: Settings) -> Encryption:
    """Read all files. Raises CannotListen for those that can't be used."""
    certificate, key = Path(settings.tls.certificate_file), Path(settings.tls.key_file)
    signers = settings.mqtts.client_ca_file
    return Encryption(
        https=tls_context(certificate, key),
        mqtts=Encrypting(certificate_context(SSL.TLS_METHOD, certificate, key)),
        coaps=certificate_context(SSL.DTLS_METHOD, certificate, key),
        trusted=read_signers(Path(signers)) if signers else None,
    )
