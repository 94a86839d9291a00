"""Settings of the process itself: where its data lies, where it listens, how it logs and stops.

`extra` of a field may hold `secret` (never shown), `check` (raises ValueError that says what is expected)
and `shown_default` (what an empty default means).
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from deedbox.serving.addresses import listen_address, trace_endpoint, trusted_networks

_ADDRESS = {"check": listen_address}


class DataSettings(Struct, frozen=True):
    """Section `data`."""

    folder: Annotated[
        str, Meta(min_length=1, description="Folder of everything Deedbox keeps; made if missing.")
    ] = "deedbox-data"


class ServeSettings(Struct, frozen=True):
    """Section `serve`."""

    workers: Annotated[
        int,
        Meta(
            ge=1,
            le=64,
            description="How many processes serve on this machine, as nodes of one deployment. "
            "More than one needs Linux, PostgreSQL and NATS.",
        ),
    ] = 1


class HttpSettings(Struct, frozen=True):
    """Section `http`."""

    listen: Annotated[
        str, Meta(extra=_ADDRESS, description="Where HTTP is served: `HOST:PORT`, or `off`.")
    ] = "0.0.0.0:8080"
    trusted_proxies: Annotated[
        tuple[str, ...],
        Meta(
            extra={"check": trusted_networks},
            description="Addresses or networks of proxies whose `X-Forwarded-For` is believed.",
        ),
    ] = ()
    keep_alive_s: Annotated[
        int, Meta(ge=1, le=3600, description="How long an idle connection is kept open.")
    ] = 75
    stop_grace_s: Annotated[
        int, Meta(ge=0, le=600, description="How long a stopping server lets requests under way finish.")
    ] = 10


class HttpsSettings(Struct, frozen=True):
    """Section `https`."""

    listen: Annotated[
        str,
        Meta(
            extra=_ADDRESS,
            description="Where HTTPS is served: `HOST:PORT`, or `off`; needs `[tls]`.",
        ),
    ] = "off"


class TlsSettings(Struct, frozen=True):
    """Section `tls`."""

    certificate_file: Annotated[
        str, Meta(description="PEM file with the server's certificate and those that signed it.")
    ] = ""
    key_file: Annotated[str, Meta(description="PEM file with the certificate's private key.")] = ""


class MqttSettings(Struct, frozen=True):
    """Section `mqtt`."""

    listen: Annotated[
        str, Meta(extra=_ADDRESS, description="Where MQTT is served: `HOST:PORT`, or `off`.")
    ] = "0.0.0.0:1883"


class MqttsSettings(Struct, frozen=True):
    """Section `mqtts`."""

    listen: Annotated[
        str,
        Meta(
            extra=_ADDRESS, description="Where MQTT over TLS is served: `HOST:PORT`, or `off`; needs `[tls]`."
        ),
    ] = "off"
    client_ca_file: Annotated[
        str,
        Meta(
            extra={"shown_default": "none: any that is a device's credentials"},
            description="PEM file with who must have signed devices' certificates, over every protocol.",
        ),
    ] = ""


class CoapSettings(Struct, frozen=True):
    """Section `coap`."""

    listen: Annotated[
        str, Meta(extra=_ADDRESS, description="Where CoAP is served, over UDP: `HOST:PORT`, or `off`.")
    ] = "0.0.0.0:5683"


class CoapsSettings(Struct, frozen=True):
    """Section `coaps`."""

    listen: Annotated[
        str,
        Meta(
            extra=_ADDRESS,
            description="Where CoAP over DTLS is served, over UDP: `HOST:PORT`, or `off`; needs `[tls]`.",
        ),
    ] = "off"


def check_replica_urls(urls: tuple[str, ...]) -> None:
    """Raise ValueError, without the URL, which is secret, for one that is not PostgreSQL's."""
    if not all(it.startswith(("postgresql://", "postgres://")) for it in urls):
        raise ValueError("URLs as postgresql://USER:PASSWORD@HOST/DATABASE, with commas between")


class DatabaseSettings(Struct, frozen=True):
    """Section `database`."""

    url: Annotated[
        str,
        Meta(
            extra={"secret": True, "shown_default": "`sqlite:` in the data folder"},
            description="The database: `sqlite:FILE` or `postgresql://USER:PASSWORD@HOST/DATABASE`.",
        ),
    ] = ""
    connections: Annotated[
        int,
        Meta(ge=4, le=1000, description="Connections to PostgreSQL that one process may open."),
    ] = 10
    prepared_statements: Annotated[
        bool,
        Meta(
            description="Keep statements prepared in connections to PostgreSQL. "
            "Switch it off behind PgBouncer older than 1.21 in transaction mode."
        ),
    ] = True
    partition_days: Annotated[
        int,
        Meta(
            ge=1,
            le=366,
            description="How much time a partition of the time series spans, of those yet to be made.",
        ),
    ] = 7
    replica_urls: Annotated[
        tuple[str, ...],
        Meta(
            extra={"secret": True, "check": check_replica_urls},
            description="Replicas of the database, where histories are read: a PostgreSQL URL for each.",
        ),
    ] = ()
    replica_wait_ms: Annotated[
        int,
        Meta(
            ge=0,
            le=60_000,
            description="How long a history waits for a replica that lags, until the primary answers it.",
        ),
    ] = 500


class SecretsSettings(Struct, frozen=True):
    """Section `secrets`."""

    key_file: Annotated[
        str,
        Meta(
            extra={"shown_default": "`secret.key` in the data folder"},
            description="File with the keys for encryption, digests and sign-in tokens; made if missing.",
        ),
    ] = ""


class AdminSettings(Struct, frozen=True):
    """Section `admin`."""

    email: Annotated[
        str, Meta(description="E-mail address of the first system administrator; used on first start.")
    ] = "admin@localhost.localdomain"
    password: Annotated[
        str,
        Meta(
            extra={"secret": True, "shown_default": "generated and printed once"},
            description="Password of the first system administrator; used on first start.",
        ),
    ] = ""


class LogSettings(Struct, frozen=True):
    """Section `log`."""

    format: Annotated[
        Literal["auto", "console", "json"],
        Meta(description="`console` for people, `json` for machines; `auto`: people on a terminal."),
    ] = "auto"
    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="The least important lines that are written."),
    ] = "info"
    access: Annotated[
        bool, Meta(description="Write a line per HTTP request, with its route instead of its address.")
    ] = False


class TracesSettings(Struct, frozen=True):
    """Section `traces`."""

    endpoint: Annotated[
        str,
        Meta(
            extra={"check": trace_endpoint, "shown_default": "none: no traces"},
            description="Where traces go: the address of an OpenTelemetry collector for traces over HTTP, "
            "as `http://127.0.0.1:4318/v1/traces`.",
        ),
    ] = ""
    sample_share: Annotated[float, Meta(ge=0, le=1, description="The share of requests that is traced.")] = (
        0.1
    )
