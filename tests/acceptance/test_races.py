"""Crowds over REST against a real server: raced claims, parallel guesses, claims against everything else."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path

import pytest

from tests.acceptance.crowd import Crowd, Gadget, Person, claim, done, new_crowd, outcome
from tests.acceptance.explained import DATABASE, rows, unexplained
from tests.acceptance.wire import Reply, Wire
from tests.server_process import RunningServer, running_server

PEOPLE, CUSTOMERS, DEVICES = 50, 25, 200
KEY = "the right key"

Request = Callable[[Wire], Awaitable[Reply]]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RunningServer]:
    with running_server(tmp_path / "data") as running:
        yield running


@pytest.fixture
async def patient_server(tmp_path: Path) -> AsyncIterator[RunningServer]:
    """A server with budgets that no test spends."""
    budgets = {f"DEEDBOX_CLAIM_ATTEMPTS_PER_{it}": "100000" for it in ("USER", "DEVICE")}
    with running_server(tmp_path / "data", environment=budgets) as running:
        yield running


async def all_at_once(port: int, requests: Iterable[Request]) -> list[Reply]:
    """Send every request on a connection of its own, as nearly at once as can be."""

    async def one(request: Request) -> Reply:
        async with Wire(port) as wire:
            return await request(wire)

    return await asyncio.gather(*(one(request) for request in requests))


def wish(person: Person, gadget: Gadget, key: str) -> Request:
    """Return somebody's wish to own the device."""
    return lambda wire: claim(wire, person, gadget, key)


async def test_ten_thousand_raced_claims_have_one_owner_each(server: RunningServer) -> None:
    """Issue 2, attacks A06, behaviour §4: one SUCCESS per device, all others CLAIMED, nobody throttled."""
    crowd = await new_crowd(server, PEOPLE, CUSTOMERS)
    gadgets = await crowd.gadgets(DEVICES)
    await crowd.announce(gadgets, KEY)
    outcomes: dict[str, Counter[str]] = {it.name: Counter() for it in gadgets}
    winners: dict[str, str] = {}

    async def hunt(person: Person) -> None:
        async with Wire(server.port) as wire:
            for gadget in gadgets:
                said = outcome(await claim(wire, person, gadget, KEY))
                outcomes[gadget.name][said] += 1
                if said == "SUCCESS":
                    winners[gadget.name] = person.customer_id

    await asyncio.gather(*(hunt(person) for person in crowd.people))
    assert all(it == {"SUCCESS": 1, "CLAIMED": PEOPLE - 1} for it in outcomes.values()), outcomes
    async with Wire(server.port) as wire:
        for gadget in gadgets:
            device = await done(wire, "GET", f"/api/device/{gadget.id}", crowd.maker.token)
            assert device["customerId"]["id"] == winners[gadget.name]
    assert rows(server.data_folder / DATABASE, "select count(*), count(distinct device_id) from deed") == [
        (DEVICES, DEVICES)
    ]
    assert rows(server.data_folder / DATABASE, "select count(*) from ownership_ledger") == [(DEVICES,)]
    assert rows(server.data_folder / DATABASE, "select count(*) from spent_attempt") == [(0,)]


async def test_a_thousand_parallel_guesses_at_one_device_are_five(server: RunningServer) -> None:
    """Issue 2, attacks A01: no more than the budget is compared; the holder is not concerned."""
    crowd = await new_crowd(server, 2)
    guesser, holder = crowd.people
    [gadget] = await crowd.gadgets(1)
    await crowd.announce([gadget], KEY)
    wishes = [wish(guesser, gadget, f"guess {n}") for n in range(1000)]
    wishes[500] = wish(holder, gadget, "a slip of the holder's")
    replies = await all_at_once(server.port, wishes)
    holders = replies.pop(500)
    assert outcome(holders) == "FAILURE"
    assert Counter(map(outcome, replies)) == {"FAILURE": 5, "429": 994}
    assert all(0 < int(it.headers["retry-after"]) <= 300 for it in replies if it.status == 429)
    assert rows(
        server.data_folder / DATABASE,
        "select count(*) from audit_entry where action = 'CLAIM' or success = 0",
    ) == [(6,)]
    async with Wire(server.port) as wire:
        assert outcome(await claim(wire, guesser, gadget, KEY)) == "429"
        assert outcome(await claim(wire, holder, gadget, KEY)) == "SUCCESS"


async def test_a_thousand_parallel_guesses_over_many_devices_are_twenty(server: RunningServer) -> None:
    """Issue 2, attacks A02: the user's budget counts over all names, real ones or not."""
    crowd = await new_crowd(server, 2)
    guesser, holder = crowd.people
    gadgets = await crowd.gadgets(100)
    await crowd.announce(gadgets, KEY)
    sprayed = [*gadgets, *(it._replace(name=f"NOBODY-{it.name}") for it in gadgets)]
    wishes = [wish(guesser, sprayed[n % 200], f"guess {n}") for n in range(1000)]
    answers = Counter(map(outcome, await all_at_once(server.port, wishes)))
    assert answers["429"] == 980
    assert answers["FAILURE"] + answers["404"] == 20, answers
    async with Wire(server.port) as wire:
        assert {outcome(await claim(wire, holder, it, KEY)) for it in gadgets[:30]} == {"SUCCESS"}


async def test_claims_against_everything_else_end_in_legal_states(patient_server: RunningServer) -> None:
    """Attacks A07: claim, reclaim, assign, unassign, announce and expiry, all at once, many times over."""
    server = patient_server
    crowd = await new_crowd(server, 4)
    gadgets = await crowd.gadgets(5)
    order = random.Random(7)
    for _ in range(12):
        lot = [request for gadget in gadgets for request in _everything(crowd, gadget, order)]
        order.shuffle(lot)
        replies = await all_at_once(server.port, lot)
        assert {it.status for it in replies} <= {200, 400, 404}, [it for it in replies if it.status >= 405]
    assert unexplained(server.data_folder / DATABASE) == []
    async with Wire(server.port) as wire:
        for gadget in gadgets:
            await _assert_all_agree_on_the_owner(wire, crowd, gadget)


def _everything(crowd: Crowd, gadget: Gadget, order: random.Random) -> list[Request]:
    maker, chosen = crowd.maker.token, order.choice(crowd.people)
    window = {"secretKey": KEY, "durationMs": order.choice([1, 2, 60_000])}
    assign = f"/api/customer/{chosen.customer_id}/device/{gadget.id}"
    return [
        lambda wire: wire.ask("POST", f"/api/v1/{gadget.token}/claim", "", window),
        lambda wire: wire.ask("POST", f"/api/v1/{gadget.token}/claim", "", {"secretKey": KEY}),
        *(wish(it, gadget, KEY) for it in crowd.people),
        lambda wire: wire.ask("DELETE", gadget.claim_path, chosen.token),
        lambda wire: wire.ask("DELETE", gadget.claim_path, maker),
        *([lambda wire: wire.ask("POST", assign, maker)] * order.choice([0, 1])),
        *(
            [lambda wire: wire.ask("DELETE", f"/api/customer/device/{gadget.id}", maker)]
            * order.choice([0, 1])
        ),
    ]


async def _assert_all_agree_on_the_owner(wire: Wire, crowd: Crowd, gadget: Gadget) -> None:
    owner = (await done(wire, "GET", f"/api/device/{gadget.id}", crowd.maker.token))["customerId"]["id"]
    for person in crowd.people:
        reply = await wire.ask("GET", f"/api/device/{gadget.id}", person.token)
        assert reply.status == (200 if person.customer_id == owner else 403)
