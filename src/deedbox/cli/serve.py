"""`deedbox serve`."""

from typing import Annotated

import typer

from deedbox.cli.options import ConfigOption, DatabaseOption, DataOption
from deedbox.cli.serving import CONFIG, run_server


def _listen(name: str, text: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(name, metavar="HOST:PORT", help=f"{text}, or off.")
    return option


def serve(  # noqa: PLR0913, PLR0917 - one parameter per option is how Typer reads them
    data: DataOption = None,
    http: Annotated[str | None, _listen("--http", "Where HTTP is served")] = None,
    https: Annotated[str | None, _listen("--https", "Where HTTPS is served")] = None,
    mqtt: Annotated[str | None, _listen("--mqtt", "Where MQTT is served")] = None,
    mqtts: Annotated[str | None, _listen("--mqtts", "Where MQTT over TLS is served")] = None,
    coap: Annotated[str | None, _listen("--coap", "Where CoAP is served")] = None,
    coaps: Annotated[str | None, _listen("--coaps", "Where CoAP over DTLS is served")] = None,
    tls_certificate: Annotated[
        str | None, typer.Option(metavar="FILE", help="PEM file with the certificate and its chain.")
    ] = None,
    tls_key: Annotated[
        str | None, typer.Option(metavar="FILE", help="PEM file with the certificate's private key.")
    ] = None,
    database_url: DatabaseOption = None,
    nats_url: Annotated[
        str | None, typer.Option(metavar="URL", help="NATS, where several nodes work together.")
    ] = None,
    workers: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="How many processes serve; with PostgreSQL and NATS.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Run the server until SIGTERM or Ctrl-C; a second one stops without waiting for requests under way."""
    options = {
        "--data": data,
        "--http": http,
        "--https": https,
        "--mqtt": mqtt,
        "--mqtts": mqtts,
        "--coap": coap,
        "--coaps": coaps,
        "--tls-certificate": tls_certificate,
        "--tls-key": tls_key,
        "--database-url": database_url,
        "--nats-url": nats_url,
        "--workers": workers,
        CONFIG: None if config is None else str(config),
    }
    run_server({name: value for name, value in options.items() if value is not None})
