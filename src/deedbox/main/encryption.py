"""TLS of each listener: the same certificate, but only devices over MQTT may show one of their own."""

import ssl
from pathlib import Path
from typing import NamedTuple

from deedbox.config.declared import Settings
from deedbox.serving.listeners import take_client_certificates, tls_context


class Encryption(NamedTuple):
    """The server's side of TLS. Browsers would ask people for certificates, so HTTPS takes none."""

    https: ssl.SSLContext
    mqtts: ssl.SSLContext


def encryption(settings: Settings) -> Encryption:
    """Read all files. Raises CannotListen for those that can't be used."""
    certificate, key = Path(settings.tls.certificate_file), Path(settings.tls.key_file)
    https, mqtts = tls_context(certificate, key), tls_context(certificate, key)
    if settings.mqtts.client_ca_file:
        take_client_certificates(mqtts, Path(settings.mqtts.client_ca_file))
    return Encryption(https, mqtts)
