"""Finds connections that have been silent for too long, without a timer for each."""

from deedbox.transports.mqtt.connection import Connection

#: A client may be silent for one and a half times its keep-alive (MQTT 5 §3.1.2.10).
_GRACE = 1.5


class KeepAlive:
    """Connections by the second in which to look at them next: each in one at most, until it is closed."""

    def __init__(self) -> None:
        self._by_second: dict[int, set[Connection]] = {}
        self._last_s = 0

    def __len__(self) -> int:
        return sum(map(len, self._by_second.values()))

    def watch(self, connection: Connection, now_ms: int) -> None:
        """Look at a connection when it may have been silent for too long; without a keep-alive, never."""
        self.forget(connection)
        if connection.keep_alive_s:
            self._enter(connection, now_ms + int(connection.keep_alive_s * 1000 * _GRACE))

    def watch_opening(self, connection: Connection, now_ms: int, timeout_s: int) -> None:
        """Look at a new connection when its CONNECT should have come."""
        self._enter(connection, now_ms + timeout_s * 1000)

    def forget(self, connection: Connection) -> None:
        """Look at a connection no more."""
        there = self._by_second.get(connection.watched_s)
        if there is None:
            return
        there.discard(connection)
        if not there:
            del self._by_second[connection.watched_s]

    def silent(self, now_ms: int) -> list[Connection]:
        """Return the connections that are to be closed now; to be called about once a second."""
        due = [second for second in self._by_second if second * 1000 <= now_ms]
        connections = [it for second in due for it in self._by_second.pop(second)]
        return [it for it in connections if self._is_silent(it, now_ms)]

    def _is_silent(self, connection: Connection, now_ms: int) -> bool:
        if connection.session is None:
            return True
        # Not when the last byte came: whoever sends a packet byte by byte would be there for ever.
        until_ms = connection.spoke_at_ms + int(connection.keep_alive_s * 1000 * _GRACE)
        if until_ms <= now_ms:
            return True
        self._enter(connection, until_ms)
        return False

    def _enter(self, connection: Connection, at_ms: int) -> None:
        second = at_ms // 1000 + 1
        if second != self._last_s:
            self._last_s = second
        # One number for all that came in the same second, instead of one for each.
        connection.watched_s = self._last_s
        self._by_second.setdefault(self._last_s, set()).add(connection)
