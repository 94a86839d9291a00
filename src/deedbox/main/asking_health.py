"""`deedbox healthcheck`: asks the server on this machine for `/readyz`, as containers' health checks do."""

import http.client
import ssl
from urllib.parse import urlsplit

import msgspec

from deedbox.config.declared import Settings
from deedbox.main.failures import CannotStart
from deedbox.serving.addresses import listen_address

_LONGEST_ANSWER_S = 5
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what is listened on, not listening


class _Answer(msgspec.Struct):
    ready: bool
    problems: dict[str, str]


def own_address(settings: Settings) -> str:
    """Return the URL at which this machine reaches the server that these settings start."""
    http_address, https_address = (listen_address(it.listen) for it in (settings.http, settings.https))
    scheme, address = ("http", http_address) if http_address else ("https", https_address)
    if address is None:  # such settings are refused before
        raise CannotStart("The settings serve neither HTTP nor HTTPS. Name a --url.")
    return f"{scheme}://{address._replace(host=_EVERYWHERE.get(address.host, address.host))}"


def ask_readiness(url: str) -> str:
    """Return "ready", or raise CannotStart that says what is wrong."""
    try:
        status, body = _get(url)
        answer = msgspec.json.decode(body, type=_Answer)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise CannotStart(f"{url}/readyz does not answer as a Deedbox does: {error}") from error
    if status == http.client.OK and answer.ready:
        return "ready"
    raise CannotStart("Not ready: " + "; ".join(answer.problems.values()))


def _get(url: str) -> tuple[int, bytes]:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    connection = http.client.HTTPConnection(host, port, timeout=_LONGEST_ANSWER_S)
    if parts.scheme == "https":
        # Asked by its address, on this machine: its certificate is for another name.
        context = ssl._create_unverified_context()  # noqa: S323 - as said above
        connection = http.client.HTTPSConnection(host, port, timeout=_LONGEST_ANSWER_S, context=context)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
