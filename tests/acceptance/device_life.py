"""The life of a device under load: what it and its people ask for, one step after the other.

It knows what must be true after every acknowledged answer, and what may be true after one that never came.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from tests.acceptance.crowd import Crowd, Gadget, Person, claim, done, outcome
from tests.acceptance.wire import Reply, Wire

FIRST_MS = 1_700_000_000_000
DAY_MS = 86_400_000
FAR_MS = 4_102_444_800_000
Step = Callable[[Wire], Awaitable[None]]
VALUES = "/api/plugins/telemetry/DEVICE"


class Truth(NamedTuple):
    """Who owns the device (customer id, "" for nobody) and which keys its open windows have ("" for none)."""

    owner: str = ""
    announced: str = ""
    key_set: str = ""

    @property
    def windows(self) -> set[str]:
        """The kinds of its open windows, as the tenant is shown them."""
        kinds = {"ANNOUNCED": self.announced, "SET_BY_TENANT": self.key_set}
        return {kind for kind, key in kinds.items() if key}


class Life:
    """One device. `heard` is called with the name of each step that was acknowledged.

    `open_wire` returns a way to some server that is thought to be there; the crowd's when it is None.
    """

    def __init__(
        self,
        crowd: Crowd,
        gadget: Gadget,
        seed: int,
        heard: Callable[[str], None],
        open_wire: Callable[[], Wire] | None = None,
    ) -> None:
        self._crowd = crowd
        self._open_wire = open_wire or (lambda: Wire(crowd.port))
        self._rests = False
        self._gadget = gadget
        self._heard = heard
        self._dice = random.Random(seed)
        self._second = self._open_wire()
        self._count = 0
        #: More than one only while an answer is missing.
        self.possible = [Truth()]
        self.measured: set[int] = set()
        #: What the device reported last, None while that is not sure.
        self._reported: int | None = None
        #: What the maker told it last, likewise.
        self._shared: int | None = None

    async def live(self) -> None:
        """Go on until an answer is missing, or until the step after `rest`."""
        self._rests = False
        self._second = self._open_wire()
        try:
            async with self._open_wire() as wire, self._second:
                while not self._rests:
                    await self._dice.choice(self._steps())(wire)
        except ConnectionError:
            return

    def rest(self) -> None:
        """Begin no further step."""
        self._rests = True

    async def check(self, wire: Wire) -> None:
        """Fail unless all that was acknowledged is there; then know again what is true."""
        await self._check_ownership(wire)
        await self._check_values(wire)

    def _steps(self) -> list[Step]:
        [now] = self.possible
        steps: list[Step] = [self._measure, self._report, self._share, self._announce, self._set_key]
        if now.owner:
            return [*steps, self._reclaim]
        return [*steps, self._claim, self._claim] if now.windows else steps

    def _next(self) -> int:
        self._count += 1
        return self._count

    async def _measure(self, wire: Wire) -> None:
        number = self._next()
        body = {"ts": FIRST_MS + number, "values": {"n": number}}
        await done(wire, "POST", f"/api/v1/{self._gadget.token}/telemetry", "", body)
        self.measured.add(number)
        self._heard("measured")

    async def _report(self, wire: Wire) -> None:
        number = self._next()
        self._reported = None
        await done(wire, "POST", f"/api/v1/{self._gadget.token}/attributes", "", {"n": number})
        self._reported = number
        self._heard("reported")

    async def _share(self, wire: Wire) -> None:
        number = self._next()
        self._shared = None
        path = f"{VALUES}/{self._gadget.id}/attributes/SHARED_SCOPE"
        await done(wire, "POST", path, self._crowd.maker.token, {"told": number})
        self._shared = number
        self._heard("shared")

    async def _announce(self, wire: Wire) -> None:
        [now] = self.possible
        key = f"announced {self._next()}"
        after = now if now.owner else now._replace(announced=key)
        self.possible = [now, after]
        body = {"secretKey": key, "durationMs": DAY_MS}
        answer = await done(wire, "POST", f"/api/v1/{self._gadget.token}/claim", "", body)
        assert answer["accepted"] is not bool(now.owner)
        self.possible = [after]
        self._heard("refused" if now.owner else "announced")

    async def _set_key(self, wire: Wire) -> None:
        [now] = self.possible
        after = now._replace(key_set=f"set {self._next()}")
        self.possible = [now, after]
        body = {"claimingData": {"secretKey": after.key_set, "expirationTime": FAR_MS}}
        path = f"{VALUES}/{self._gadget.id}/attributes/SERVER_SCOPE"
        await done(wire, "POST", path, self._crowd.maker.token, body)
        self.possible = [after]
        self._heard("key set")

    async def _claim(self, wire: Wire) -> None:
        """Two customers race with a right key."""
        [now] = self.possible
        key = self._dice.choice([it for it in (now.announced, now.key_set) if it])
        rivals = self._dice.sample(self._crowd.people, 2)
        self.possible = [now, *(Truth(owner=it.customer_id) for it in rivals)]
        wishes = [
            claim(way, it, self._gadget, key) for it, way in zip(rivals, (wire, self._second), strict=True)
        ]
        tried = [self._try(it, person) for it, person in zip(wishes, rivals, strict=True)]
        said = await asyncio.gather(*tried, return_exceptions=True)
        for failure in (it for it in said if isinstance(it, BaseException)):
            raise failure
        assert Counter(said) == {"SUCCESS": 1, "CLAIMED": 1}, (self._gadget.name, said, now, key)

    async def _try(self, wish: Awaitable[Reply], person: Person) -> str:
        said = outcome(await wish)
        mine = Truth(owner=person.customer_id)
        if said == "SUCCESS":
            self.possible = [mine]
            self._heard("claimed")
        else:
            self.possible = [it for it in self.possible if it.owner and it != mine]
        self._reported = None
        return said

    async def _reclaim(self, wire: Wire) -> None:
        [now] = self.possible
        owners = [it for it in self._crowd.people if it.customer_id == now.owner]
        person = self._dice.choice([*owners, self._crowd.maker])
        after = now._replace(owner="")
        self.possible = [now, after]
        await done(wire, "DELETE", self._gadget.claim_path, person.token)
        self.possible, self._reported = [after], None
        self._heard("reclaimed")

    async def _check_ownership(self, wire: Wire) -> None:
        path = f"/api/device/{self._gadget.id}"
        view = await done(wire, "GET", f"{path}/claiming", self._crowd.maker.token)
        owner = view["deed"]["customerId"]["id"] if view["deed"] else ""
        windows = {it["kind"] for it in view["windows"] if it["open"]}
        known = [it for it in self.possible if (it.owner, it.windows) == (owner, windows)]
        assert known, f"{self._gadget.name}: {self.possible} were possible; found {owner!r}, {windows}"
        if len(self.possible) > 1 or owner != self.possible[0].owner:
            self._reported = None
        for person in self._crowd.people:
            seen = await wire.ask("GET", path, person.token)
            assert (seen.status == 200) == (person.customer_id == owner), (person, seen)
        self.possible = known[-1:]
        if owner and len(known) > 1:
            await self._set_key(wire)  # its text may be the old one or the new one, and nobody can try
        elif windows and not owner and (len(known) > 1 or self._dice.random() < 0.5):
            await self._use_a_window(wire, known)

    async def _use_a_window(self, wire: Wire, known: list[Truth]) -> None:
        """A window that was acknowledged still claims; of two texts that it may have, one does."""
        kind = "announced" if len({it.announced for it in known}) > 1 or not known[-1].key_set else "key_set"
        keys = list(dict.fromkeys(str(getattr(it, kind)) for it in reversed(known)))
        person = self._dice.choice(self._crowd.people)
        said = [outcome(await claim(wire, person, self._gadget, key)) for key in keys]
        assert said in (["SUCCESS"], ["SUCCESS", "CLAIMED"], ["FAILURE", "SUCCESS"]), (self._gadget, said)
        self.possible, self._reported = [Truth(owner=person.customer_id)], None

    async def _check_values(self, wire: Wire) -> None:
        path = f"{VALUES}/{self._gadget.id}/values"
        start, end = FIRST_MS, FIRST_MS + self._count + 1
        query = f"keys=n&startTs={start}&endTs={end}&limit=100000"
        series = await done(wire, "GET", f"{path}/timeseries?{query}", self._crowd.maker.token)
        stored = {it["ts"] - FIRST_MS for it in series.get("n", [])}
        missing = self.measured - stored
        assert not missing, f"{self._gadget.name} lost {sorted(missing)}"
        token = self._crowd.maker.token
        for number, query in (
            (self._reported, "CLIENT_SCOPE?keys=n"),
            (self._shared, "SHARED_SCOPE?keys=told"),
        ):
            if number is not None:
                found = await done(wire, "GET", f"{path}/attributes/{query}", token)
                assert [it["value"] for it in found] == [number], (self._gadget.name, query)
