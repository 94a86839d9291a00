"""Finds connections that have been silent for too long, without a timer for each."""

from deedbox.transports.mqtt.connection import Connection

#: A client may be silent for one and a half times its keep-alive (MQTT 5 §3.1.2.10).
_GRACE = 1.5


class KeepAlive:
    """Connections by the second in which to look at them next."""

    def __init__(self) -> None:
        self._by_second: dict[int, list[Connection]] = {}
        self._looked_at_s = 0

    def watch(self, connection: Connection, now_ms: int) -> None:
        """Look at a connection when it may have been silent for too long; without a keep-alive, never."""
        if connection.keep_alive_s:
            self._enter(connection, now_ms + int(connection.keep_alive_s * 1000 * _GRACE))

    def watch_opening(self, connection: Connection, now_ms: int, timeout_s: int) -> None:
        """Look at a new connection when its CONNECT should have come."""
        self._enter(connection, now_ms + timeout_s * 1000)

    def silent(self, now_ms: int) -> list[Connection]:
        """Return the connections that are to be closed now; to be called about once a second."""
        due: list[Connection] = []
        second = now_ms // 1000
        for it in range(self._looked_at_s or second, second):
            due += self._by_second.pop(it, ())
        self._looked_at_s = second
        return [it for it in due if not it.is_closed and self._is_silent(it, now_ms)]

    def _is_silent(self, connection: Connection, now_ms: int) -> bool:
        if connection.session is None:
            return True
        if not connection.keep_alive_s:
            return False
        until_ms = connection.heard_at_ms + int(connection.keep_alive_s * 1000 * _GRACE)
        if until_ms <= now_ms:
            return True
        self._enter(connection, until_ms)
        return False

    def _enter(self, connection: Connection, at_ms: int) -> None:
        self._by_second.setdefault(at_ms // 1000 + 1, []).append(connection)
