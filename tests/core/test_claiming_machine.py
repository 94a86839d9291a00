"""Hypothesis plays claiming against the model, on the fake and on SQLite, and looks after every step."""

import asyncio
import contextlib
import shutil
from collections.abc import Coroutine
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Literal, TypeVar
from uuid import UUID

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from deedbox.core.claim_requests import Answer, ClaimRequest
from deedbox.core.devices import Device
from deedbox.core.errors import NotFound
from deedbox.core.ids import NULL_ID
from deedbox.core.ownership import ClaimPolicy, WindowKind
from deedbox.testing.claim_bench import ClaimBench, PreparedDevice
from deedbox.testing.claim_scene import (
    ADMIN,
    ALICE,
    ANNE,
    BERT,
    BOB,
    CUSTOMERS,
    GLOBEX,
    HOUR_MS,
    NEIGHBOUR,
    NINA,
    STRANGERS,
    TENANT,
    ClaimScene,
    Person,
    made_device,
)
from deedbox.testing.fakes import FakeBench
from tests.core.claiming_model import DAY_MS, Offer, World
from tests.storage.sqlite_bench import SQLiteBench, new_database

T = TypeVar("T")
#: Who, the device's name, the key, and a mark that makes a request a repeat.
Wish = tuple[Person, str, str, bytes | None]
SHORT_CODE = "3KX-9P2-0F5"
TYPED = "3KX9P20F5"
#: Stands for a key of the device, where it has one.
RIGHT = "(right)"
KEYS = ["", "key", "KEY", "other", SHORT_CODE, TYPED, SHORT_CODE.lower().replace("0", "o")]
DEVICES = [made_device(1), made_device(2), made_device(1, NEIGHBOUR), made_device(2, NEIGHBOUR)]
POLICY = ClaimPolicy(
    attempts_per_user=6,
    attempts_per_device=3,
    alarm_per_tenant=4,
    alarm_per_deployment=5,
    max_duration_ms=2 * HOUR_MS,
)

devices = st.sampled_from(DEVICES)
keys = st.sampled_from(KEYS)
claimers = st.sampled_from([ALICE, ANNE, BOB, BERT, NINA])
wishes = st.tuples(
    claimers,
    st.sampled_from(["device-1", "device-1", "device-2", "nobody"]),
    st.one_of(st.just(RIGHT), keys),
    st.sampled_from([None, None, b"one", b"two"]),
)
steps_ms = st.sampled_from([1, 1000, 299_999, 300_000, HOUR_MS, HOUR_MS + 1, DAY_MS, DAY_MS + 1])
mostly = st.sampled_from([True, True, False])
twists = st.sampled_from(
    [
        "nothing",
        "nothing",
        "block",
        "forbid",
        "the last millisecond",
        "a millisecond late",
        "late, seen, and back",
        "another owner and back",
    ]
)
groups = st.lists(wishes, min_size=1, max_size=3)


class ClaimingMachine(RuleBasedStateMachine):
    """Everything that people, devices and clocks can do to four devices of two tenants."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.bench: ClaimBench = self.do(self.open_bench())
        self.scene = ClaimScene(self.bench, POLICY)
        self.world = World(DEVICES)
        self.latest_value = 0
        self.do(self.scene.prepare(2))

    async def open_bench(self) -> ClaimBench:
        return FakeBench()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @initialize(answers=st.sampled_from(["detailed", "uniform"]), by_default=mostly)
    def begin(self, answers: Literal["detailed", "uniform"], by_default: bool) -> None:
        self.scene.policy = msgspec.structs.replace(POLICY, answers=answers, allow_by_default=by_default)

    @rule(device=devices, key=keys, duration_ms=st.sampled_from([-1, 0, 1, 1000, HOUR_MS, DAY_MS]))
    def announce(self, device: Device, key: str, duration_ms: int) -> None:
        model = self.world.devices[device.tenant_id, device.name]
        policy = self.scene.policy
        lasts_ms = min(duration_ms if duration_ms > 0 else policy.duration_ms, policy.max_duration_ms)
        expires_at = self.bench.now_ms + lasts_ms
        expected = model.announce(key, expires_at, policy)
        answer = self.do(self.scene.announce(device, key, duration_ms))
        assert answer.refused == expected
        assert answer.expires_at == (0 if expected else expires_at)

    @rule(device=devices, key=keys, kind=st.sampled_from(list(WindowKind)[1:]), lasts_ms=steps_ms)
    def set_key(self, device: Device, key: str, kind: WindowKind, lasts_ms: int) -> None:
        text = SHORT_CODE if kind is WindowKind.LABEL_SHORT_CODE else key
        self.do(self.scene.set_key(device, text, kind, lasts_ms))
        stored = TYPED if kind is WindowKind.LABEL_SHORT_CODE else key
        model = self.world.devices[device.tenant_id, device.name]
        model.offers[kind] = Offer(kind, stored, self.bench.now_ms + lasts_ms)

    @rule(device=devices, blocked=st.sampled_from([True, False, False]))
    def block(self, device: Device, blocked: bool) -> None:
        self.do(self.bench.set_blocked(device.id, blocked))
        self.world.devices[device.tenant_id, device.name].blocked = blocked

    @rule(device=devices, allowed=st.sampled_from([None, False, True]))
    def write_claiming_allowed(self, device: Device, allowed: bool | None) -> None:
        self.do(self.bench.set_claiming_allowed(device.id, allowed))
        self.world.devices[device.tenant_id, device.name].claiming_allowed = allowed

    @rule(device=devices, override=st.sampled_from([None, None, False, True]), forbids_empty=st.booleans())
    def change_profile(self, device: Device, override: bool | None, forbids_empty: bool) -> None:
        prepared = PreparedDevice(device, allow_by_default=override, forbids_empty_keys=forbids_empty)
        self.do(self.bench.add_device(prepared))
        model = self.world.devices[device.tenant_id, device.name]
        model.allow_by_default, model.forbids_empty_keys = override, forbids_empty

    @rule(by_default=mostly)
    def change_policy(self, by_default: bool) -> None:
        self.scene.policy = msgspec.structs.replace(self.scene.policy, allow_by_default=by_default)

    @rule(step_ms=steps_ms, back=st.booleans())
    def step_clock(self, step_ms: int, back: bool) -> None:
        self.bench.now_ms += -step_ms if back else step_ms

    def wish(self, who: Person, name: str, key: str, mark: bytes | None) -> ClaimRequest:
        if key == RIGHT:
            model = self.world.devices.get((who.tenant_id, name))
            key = next((it.text for it in model.offers.values()), "") if model else ""
        return self.scene.wish(who, name, key, mark and f"{who.name}/{name}/{key}/{mark!r}".encode())

    @rule(together=st.lists(wishes, min_size=1, max_size=6))
    def claim(self, together: list[Wish]) -> None:
        requests = [self.wish(*it) for it in together]
        expected = self.world.claim(requests, self.bench.now_ms, self.scene.policy)
        outcomes = self.do(self.scene.claim_all(requests))
        assert [it.answer for it in outcomes] == expected
        for it, outcome in zip(requests, outcomes, strict=True):
            assert (outcome.device is not None) == (outcome.answer is Answer.SUCCESS)
            assert (outcome.retry_after_ms > 0) == (outcome.answer is Answer.TOO_MANY_ATTEMPTS)
            assert outcome.device is None or outcome.device.customer_id == it.customer_id

    @rule(device=devices, key=keys, together=groups, announced=st.booleans(), between=twists)
    def offer_and_claim(
        self, device: Device, key: str, together: list[Wish], announced: bool, between: str
    ) -> None:
        """What happens most in life, and seldom by chance."""
        if announced:
            self.announce(device, key, HOUR_MS)
        else:
            self.set_key(device, key, WindowKind.SET_BY_TENANT, HOUR_MS)
        self.twist(device, between)
        right = [(who, device.name, RIGHT, mark) for who, _, _, mark in together]
        self.claim([*right, *together])

    def twist(self, device: Device, what: str) -> None:
        match what:
            case "block":
                self.block(device, True)
            case "forbid":
                self.write_claiming_allowed(device, None)
                self.change_policy(False)
            case "the last millisecond" | "a millisecond late":
                self.bench.now_ms += HOUR_MS + (what == "a millisecond late")
            case "late, seen, and back":
                self.bench.now_ms += HOUR_MS + 1
                self.claim([(BOB if device.tenant_id == TENANT else NINA, device.name, "wrong", None)])
                self.bench.now_ms -= HOUR_MS
            case "another owner and back":
                self.assign(device, GLOBEX if device.tenant_id == TENANT else STRANGERS)
                self.unassign(device)

    @rule(device=devices, customer_id=st.sampled_from([it for _, it in CUSTOMERS]))
    def assign(self, device: Device, customer_id: UUID) -> None:
        by = ADMIN if device.tenant_id == TENANT else NINA
        model = self.world.devices[device.tenant_id, device.name]
        if (device.tenant_id, customer_id) not in CUSTOMERS:
            with contextlib.suppress(NotFound):
                self.do(self.scene.assign(device, customer_id, by))
                raise AssertionError("assigned to another tenant's customer")
            return
        self.do(self.scene.assign(device, customer_id, by))
        if model.owner == customer_id:
            return
        # Keys that the device announced go with the old deed, before the new one burns the others.
        burnt = {it.text for it in model.offers.values()}
        if model.owner:
            model.close_deed()
        model.open_deed(customer_id, self.bench.now_ms)
        model.burnt = burnt

    @rule(device=devices)
    def unassign(self, device: Device) -> None:
        model = self.world.devices[device.tenant_id, device.name]
        self.do(self.scene.unassign(device, ADMIN if device.tenant_id == TENANT else NINA))
        if model.owner:
            model.give_back(self.scene.policy)

    @rule(
        person=st.sampled_from([ADMIN, ALICE, ANNE, BOB, BERT, NINA]),
        name=st.sampled_from(["device-1", "device-2", "nobody"]),
    )
    def reclaim(self, person: Person, name: str) -> None:
        model = self.world.devices.get((person.tenant_id, name))
        may = model is not None and (person is ADMIN or (model.owner and model.owner == person.customer_id))
        try:
            ended = self.do(self.scene.reclaim(person, msgspec.structs.replace(made_device(1), name=name)))
        except NotFound:
            assert not may
            return
        assert may
        assert model is not None
        assert ended == (model.owner is not None)
        model.give_back(self.scene.policy)

    @rule(device=devices)
    def write_value(self, device: Device) -> None:
        self.latest_value += 1
        self.do(self.bench.write_value(device.id, self.latest_value))
        model = self.world.devices[device.tenant_id, device.name]
        model.values.append((self.latest_value, model.owner))

    @invariant()
    def one_open_deed_that_the_ledger_explains(self) -> None:
        for model in self.world.devices.values():
            device = model.device
            deeds = self.do(self.bench.deeds(device.id))
            ledger = self.do(self.bench.ledger(device.tenant_id, device.id))
            assert [(it.change, it.customer_id) for it in ledger] == model.steps
            assert [it.epoch for it in ledger] == list(range(1, len(ledger) + 1))
            state = self.do(self.scene.state(device))
            assert state.epoch == len(ledger)
            assert state.device.customer_id == model.owner
            opened = [it for it in deeds if it.closed_epoch is None]
            assert [it.customer_id for it in opened] == ([model.owner] if model.owner else [])
            replayed = [(it.epoch, it.deed_id) for it in ledger]
            told = [(it.opened_epoch, it.id) for it in deeds]
            told += [(it.closed_epoch, it.id) for it in deeds if it.closed_epoch is not None]
            assert sorted(told) == replayed

    @invariant()
    def windows_are_those_that_were_offered(self) -> None:
        for model in self.world.devices.values():
            state = self.do(self.scene.state(model.device))
            digest = self.scene.keys.digest
            kept = {it.kind: (it.digest, it.expires_at, it.lapsed) for it in state.windows}
            assert kept == {
                kind: (digest(model.device.id, it.text), it.expires_at, it.lapsed)
                for kind, it in model.offers.items()
            }
            assert self.do(self.bench.claiming_allowed(model.device.id)) == model.claiming_allowed

    @invariant()
    def nobody_reads_what_was_written_under_anothers_deed(self) -> None:
        for model in self.world.devices.values():
            under = dict(model.values)
            for _, customer_id in CUSTOMERS:
                readable = list(self.do(self.bench.readable_values(model.device.id, customer_id)))
                assert readable == model.readable(customer_id)
                assert all(under[value] in (None, customer_id) for value in readable)

    @invariant()
    def totals_and_records_match(self) -> None:
        for _, customer_id in CUSTOMERS:
            owned = sum(it.owner == customer_id for it in self.world.devices.values())
            assert self.do(self.bench.owned_count(customer_id)) == owned
        audit = [*self.do(self.bench.audit(TENANT)), *self.do(self.bench.audit(NEIGHBOUR))]
        refused = [it for it in audit if not it.success and it.action == "CLAIM_DEVICE"]
        assert len(refused) == self.world.refused
        for model in self.world.devices.values():
            about = [it for it in audit if it.entity_id == model.device.id and it.action == "ANNOUNCE_DEVICE"]
            told = [(it.epoch, it.failure.replace(" ", "_")) for it in about]
            assert told == model.told
        assert sum(it.success for it in audit) == sum(len(it.steps) for it in self.world.devices.values())

    @invariant()
    def many_guesses_raise_one_alarm_each_window(self) -> None:
        events = [it for who in (TENANT, NEIGHBOUR, NULL_ID) for it in self.do(self.bench.events(who))]
        alarms = [it for it in events if it.type.endswith(".claim_guesses_alarm")]
        raised = [(it.tenant_id, msgspec.json.decode(it.data)["windowStart"]) for it in alarms]
        assert sorted(raised) == sorted(self.world.budgets.alarms(self.scene.policy))

    def teardown(self) -> None:
        self.runner.close()


class SQLiteClaimingMachine(ClaimingMachine):
    """The same on a real file."""

    async def open_bench(self) -> ClaimBench:
        self.folder = Path(mkdtemp(prefix="deedbox-machine-"))
        return SQLiteBench(new_database(self.folder))

    def teardown(self) -> None:
        assert isinstance(self.bench, SQLiteBench)
        self.do(self.bench.close())
        super().teardown()
        shutil.rmtree(self.folder)


TestClaimingOnFake = ClaimingMachine.TestCase
TestClaimingOnSQLite = SQLiteClaimingMachine.TestCase
TestClaimingOnSQLite.settings = settings(max_examples=max(1, settings().max_examples // 8))
