"""A lean HTTP client for crowds: one kept connection each, so that tests do not measure the client."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, Self

import httptools

LONGEST_ANSWER_S = 60


class Reply:
    """One answer; `body` is its JSON, None when it is empty."""

    def __init__(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.status = status
        self.headers = headers
        self.content = content

    @property
    def body(self) -> Any:
        """The answer's JSON."""
        return json.loads(self.content) if self.content else None

    def __repr__(self) -> str:
        return f"Reply({self.status}, {self.content[:300]!r})"


class Wire:
    """One connection to a server on loopback, opened when first needed; one request at a time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; the next request calls again."""
        if self._streams:
            self._streams[1].transport.abort()
        self._streams = None

    async def ask(self, method: str, path: str, token: str = "", json_body: Any = None) -> Reply:
        """Send a request and return its answer.

        Raises ConnectionError when the server went away, which leaves open what became of the request.
        """
        try:
            async with asyncio.timeout(LONGEST_ANSWER_S):
                return await self._ask(_request(method, path, token, json_body))
        except OSError as error:
            self.close()
            raise ConnectionError(f"{method} {path}") from error

    async def _ask(self, request: bytes) -> Reply:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(request)
        return await _answer(reader)


class DoubtfulWire(Wire):
    """Takes 503 `storage_unavailable` for an answer that is missing; `refused` hears what it said."""

    def __init__(self, port: int, refused: Callable[[str], object]) -> None:
        super().__init__(port)
        self._refused = refused

    async def ask(self, method: str, path: str, token: str = "", json_body: Any = None) -> Reply:
        """As of any wire. Raises ConnectionError also when the database was out of reach."""
        reply = await super().ask(method, path, token, json_body)
        if reply.status == 503 and reply.body["code"] == "storage_unavailable":
            self._refused(reply.body["message"])
            raise ConnectionError(f"{method} {path}: {reply}")
        return reply


def _request(method: str, path: str, token: str, json_body: Any) -> bytes:
    body = b"" if json_body is None else json.dumps(json_body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: deedbox.test", f"Content-Length: {len(body)}"]
    lines += ["Content-Type: application/json"] if body else []
    lines += [f"X-Authorization: Bearer {token}"] if token else []
    return "\r\n".join([*lines, "", ""]).encode() + body


class _Collector:
    """Takes what the parser finds."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.content = b""
        self.complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode().lower()] = value.decode("latin-1")

    def on_body(self, part: bytes) -> None:
        self.content += part

    def on_message_complete(self) -> None:
        self.complete = True


async def _answer(reader: asyncio.StreamReader) -> Reply:
    found = _Collector()
    parser = httptools.HttpResponseParser(found)
    while not found.complete:
        received = await reader.read(65536)
        if not received:
            raise ConnectionResetError("the server hung up")
        parser.feed_data(received)
    return Reply(parser.get_status_code(), found.headers, found.content)
