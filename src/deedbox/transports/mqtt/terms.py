"""What counts for a device that comes: its tenant's limits, and how its profile says that it speaks."""

from collections.abc import Sequence
from typing import NamedTuple

from deedbox.core.credentials import Login
from deedbox.transports.device_manners import DeviceManners
from deedbox.transports.mqtt.session import Session
from deedbox.transports.payload_formats.manners import DEFAULT, Manners
from deedbox.transports.rate_limits import Limiter


class Terms(NamedTuple):
    """What counts for one device; `limiter` None: there are no limits."""

    limiter: Limiter | None = None
    manners: Manners = DEFAULT


async def manners_of(manners: DeviceManners, logins: Sequence[Login | None]) -> list[Manners]:
    """Return how each of these speaks; whoever is nobody as by default."""
    known = [it.device_id for it in logins if it is not None]
    found = dict(zip(known, await manners.of_devices(known), strict=True))
    return [DEFAULT if it is None else found[it.device_id] for it in logins]


async def renew_manners(manners: DeviceManners, sessions: Sequence[Session]) -> None:
    """Let devices that have another profile by now speak as that one says."""
    found = await manners.of_devices([it.device_id for it in sessions])
    for session, now in zip(sessions, found, strict=True):
        session.manners = now
