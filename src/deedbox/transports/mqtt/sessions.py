"""All sessions of this process, by device: with a connection, or kept for devices that have gone."""

from collections import OrderedDict
from uuid import UUID

from deedbox.transports.mqtt.device_session import DeviceSession
from deedbox.transports.mqtt.reasons import Reason

#: After so long without a word a session makes room for a new one.
_SILENT_MS = 60_000


class Sessions:
    """Finds, keeps and forgets sessions. `now_ms` is any clock in milliseconds, always the same one."""

    def __init__(self, most_per_device: int, most_kept: int) -> None:
        self._most_per_device = most_per_device
        self._most_kept = most_kept
        self._by_device: dict[UUID, tuple[DeviceSession, ...]] = {}
        #: Without a connection, in the order in which they were left.
        self._kept: OrderedDict[DeviceSession, None] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._by_device.values()))

    @property
    def kept(self) -> int:
        """How many are kept without a connection."""
        return len(self._kept)

    def of_device(self, device_id: UUID) -> tuple[DeviceSession, ...]:
        """Return a device's sessions."""
        return self._by_device.get(device_id, ())

    def find(self, device_id: UUID, client_id: str, now_ms: int) -> DeviceSession | None:
        """Return the session of a client id, unless its time is over."""
        found = next((it for it in self.of_device(device_id) if it.session.client_id == client_id), None)
        if found and found.session.connection is None and found.session.expires_at_ms <= now_ms:
            self.forget(found)
            return None
        return found

    def has_room(self, device_id: UUID, now_ms: int) -> bool:
        """Tell whether the device may have one more; the most silent session makes room.

        That is one without a connection, or one whose client may have gone without a word.
        """
        there = self.of_device(device_id)
        if len(there) < self._most_per_device:
            return True
        silent = min(there, key=lambda it: it.session.heard_at_ms)
        if silent.session.heard_at_ms > now_ms - _SILENT_MS:
            return False
        connection = silent.session.connection
        self.forget(silent)
        if connection is not None:
            connection.fail(
                Reason.QUOTA_EXCEEDED, "A newer session of this device takes the place of this one."
            )
        return True

    def add(self, session: DeviceSession) -> None:
        """Take a new session."""
        device_id = session.session.device_id
        self._by_device[device_id] = (*self.of_device(device_id), session)

    def keep(self, session: DeviceSession, now_ms: int) -> None:
        """Keep a session without its connection, or forget it where it is not to be kept."""
        if not session.session.expiry_s or not self._most_kept:
            self.forget(session)
            return
        session.session.expires_at_ms = now_ms + session.session.expiry_s * 1000
        self._kept[session] = None
        if len(self._kept) > self._most_kept:
            self.forget(next(iter(self._kept)))

    def taken_up(self, session: DeviceSession) -> None:
        """Hear that a kept session has a connection again."""
        self._kept.pop(session, None)

    def forget(self, session: DeviceSession) -> None:
        """End a session."""
        self._kept.pop(session, None)
        device_id = session.session.device_id
        left = tuple(it for it in self.of_device(device_id) if it is not session)
        if left:
            self._by_device[device_id] = left
        else:
            self._by_device.pop(device_id, None)
        session.end()

    def forget_expired(self, now_ms: int) -> None:
        """End kept sessions whose time is over."""
        for session in [it for it in self._kept if it.session.expires_at_ms <= now_ms]:
            self.forget(session)
