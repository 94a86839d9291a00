"""What everybody may see of a device's values, in plain Python: the model that reads are compared with."""

from collections.abc import Iterable
from dataclasses import dataclass, field

#: Who wrote: the tenant, the owner, the device.
TENANT, OWNER, DEVICE = "tenant", "owner", "device"


@dataclass
class Written:
    """One write. `period` counts openings and closings of deeds before it; `turn` orders all writes."""

    key: str
    value: int
    period: int
    turn: int
    writer: str = DEVICE
    ts: int = 0


@dataclass
class ValuesModel:
    """Everything that was written, and the ownership in which it was."""

    owner: str | None = None
    period: int = 0
    turn: int = 0
    points: list[Written] = field(default_factory=list)
    reported: list[Written] = field(default_factory=list)
    shared: list[Written] = field(default_factory=list)
    #: Where the last deed of somebody other than this person ended.
    foreign_ends: dict[str, int] = field(default_factory=dict)

    def change_owner(self, owner: str | None, people: Iterable[str]) -> None:
        """End the open deed, if there is one, and open the new owner's."""
        if owner == self.owner:
            return
        if self.owner:
            self.period += 1
            self.foreign_ends |= {it: self.period for it in people if it != self.owner}
        if owner:
            self.period += 1
        self.owner = owner

    def written(self, key: str, value: int, writer: str = DEVICE, ts: int = 0) -> Written:
        """Return a write that happens now."""
        self.turn += 1
        return Written(key, value, self.period, self.turn, writer, ts)

    def since(self, person: str | None) -> int:
        """Return the first period that the person may see; None stands for the tenant, who sees all."""
        return self.foreign_ends.get(person, 0) if person else 0

    def history(self, key: str, since: int) -> dict[int, int]:
        """Return the values by moment; of two at one moment the later period's, then the later one."""
        seen = [it for it in self.points if it.key == key and it.period >= since]
        return {it.ts: it.value for it in sorted(seen, key=lambda it: (it.period, it.turn))}

    def latest(self, since: int) -> dict[str, tuple[int, int]]:
        """Return (moment, value) of each series."""
        seen = [it for it in self.points if it.period >= since]
        ordered = sorted(seen, key=lambda it: (it.ts, it.period, it.turn))
        return {it.key: (it.ts, it.value) for it in ordered}

    def client(self, since: int) -> dict[str, int]:
        """Return what the device reported."""
        return {it.key: it.value for it in self.reported if it.period >= since}

    def effective_shared(self) -> dict[str, int]:
        """Return what counts for the device, the owner and the tenant: the last word that still holds."""
        counting = [it for it in self.shared if it.writer == TENANT or it.period == self.period]
        return {it.key: it.value for it in counting}
