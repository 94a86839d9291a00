"""Room for DTLS sessions: so many in all, so many of one network, so many that still shake hands."""

from collections import OrderedDict
from uuid import UUID

from deedbox.core.source_networks import network_of
from deedbox.transports.coap.dtls_sessions import DtlsSession
from deedbox.transports.coap.settings import DtlsSettings
from deedbox.transports.coap.sockets import Address

_LONGEST_HANDSHAKE_MS = 30_000


class Places:
    """Sessions by address. Whoever was silent for longest makes room."""

    def __init__(self, settings: DtlsSettings) -> None:
        self._settings = settings
        self._sessions: OrderedDict[Address, DtlsSession] = OrderedDict()
        self._of_networks: dict[str, OrderedDict[Address, None]] = {}
        self._handshakes: dict[Address, DtlsSession] = {}
        self._of_devices: dict[UUID, dict[Address, DtlsSession]] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    @property
    def handshakes(self) -> dict[Address, DtlsSession]:
        """Sessions that still shake hands, oldest first."""
        return self._handshakes

    def at(self, address: Address) -> DtlsSession | None:
        """Return the session with this address."""
        return self._sessions.get(address)

    def heard(self, address: Address) -> None:
        """Note that something genuine came from there."""
        self._sessions.move_to_end(address)
        self._of_networks[network_of(address[0])].move_to_end(address)

    def add(self, address: Address, session: DtlsSession) -> list[DtlsSession]:
        """Give a new session a place; return those that have to leave for it, their places taken already."""
        gone = [self.remove(address)] if address in self._sessions else []
        network = self._of_networks.setdefault(network_of(address[0]), OrderedDict())
        if len(network) >= self._settings.sessions_per_address:
            gone.append(self.remove(next(iter(network))))
        if len(self._sessions) >= self._settings.most_sessions:
            gone.append(self.remove(next(iter(self._sessions))))
        if len(self._handshakes) >= self._settings.most_handshakes:
            gone.append(self.remove(next(iter(self._handshakes))))
        self._sessions[address] = self._handshakes[address] = session
        self._of_networks.setdefault(network_of(address[0]), network)[address] = None
        return gone

    def shaken(self, address: Address) -> None:
        """Note that hands are shaken."""
        self._handshakes.pop(address, None)

    def belongs(self, address: Address, session: DtlsSession) -> None:
        """Note whose the session is."""
        if session.login is not None and self._sessions.get(address) is session:
            self._of_devices.setdefault(session.login.device_id, {})[address] = session

    def of_device(self, device_id: UUID) -> dict[Address, DtlsSession]:
        """Return the sessions of a device."""
        return dict(self._of_devices.get(device_id, {}))

    def remove(self, address: Address) -> DtlsSession:
        """Take a session's place away."""
        session = self._sessions.pop(address)
        self._handshakes.pop(address, None)
        name = network_of(address[0])
        network = self._of_networks[name]
        del network[address]
        if not network:
            del self._of_networks[name]
        self._forget_device(address, session)
        return session

    def late(self, now_ms: int) -> list[Address]:
        """Return those that have taken too long for their handshake."""
        began_before = now_ms - _LONGEST_HANDSHAKE_MS
        return [address for address, it in self._handshakes.items() if it.began_at < began_before]

    def silent(self, heard_before: int) -> list[tuple[Address, DtlsSession]]:
        """Return those that nothing came from since that moment, longest silent first."""
        found: list[tuple[Address, DtlsSession]] = []
        for address, session in self._sessions.items():
            if session.heard_at >= heard_before:
                break
            found.append((address, session))
        return found

    def all(self) -> list[Address]:
        """Return all addresses."""
        return list(self._sessions)

    def _forget_device(self, address: Address, session: DtlsSession) -> None:
        if session.login is None:
            return
        its = self._of_devices.get(session.login.device_id, {})
        its.pop(address, None)
        if not its:
            self._of_devices.pop(session.login.device_id, None)
