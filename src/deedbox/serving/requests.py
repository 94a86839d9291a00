"""HTTP/1.1 on one connection: requests that come before their turn wait, in a number that is bounded.

uvicorn keeps all that a client sends ahead, and reads on after each answer: whoever sends requests and reads
no answer would have it remember hundreds of megabytes.
"""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: Requests of a connection that may wait behind the one that is answered.
MOST_WAITING = 100


class _TooMany(Exception):
    """One request more than may wait; the parser hands it on as a mistake of the client's."""


class HttpProtocol(HttpToolsProtocol):
    """Ends connections whose clients send far more than is answered."""

    def on_headers_complete(self) -> None:
        """Take one more request, if there is room. What raises here ends in `send_400_response`."""
        if len(self.pipeline) >= MOST_WAITING:
            raise _TooMany
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Go on with the next request; read no more while others wait."""
        super().on_response_complete()
        if self.pipeline:
            self.flow.pause_reading()

    def send_400_response(self, msg: str) -> None:
        """Refuse what can't be understood; a client that floods hears nothing, it would be out of turn."""
        if len(self.pipeline) >= MOST_WAITING:
            self.transport.abort()
        else:
            super().send_400_response(msg)
