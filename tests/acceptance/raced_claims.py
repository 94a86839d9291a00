"""Many people claim the same devices through several nodes at once: who won, what losers were told."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tests.acceptance.crowd import Crowd, Gadget, Person, claim, done, outcome
from tests.acceptance.ownership_records import asked, unexplained
from tests.acceptance.wire import Wire

KEY = "the right key"
_COUNTS = {
    "open deeds": "select count(*) from deed where closed_at is null",
    "deeds": "select count(*) from deed",
    "devices with a deed": "select count(distinct device_id) from deed",
    "entries of the ledger": "select count(*) from ownership_ledger",
    "events of claims": "select count(*) from outbox_event where type = 'device.claimed'",
    "audit entries of claims": """
        select count(*) from audit_entry where action = 'ASSIGNED_TO_CUSTOMER'
    """,
}


class Raced(NamedTuple):
    """What was answered, and what is wrong with it and with the database; nothing when all is well."""

    answers: Counter[str]
    wrong: list[str]


async def race(
    crowd: Crowd, gadgets: Sequence[Gadget], ports: Sequence[int], claimed: Callable[[], object]
) -> Raced:
    """Let everybody claim every device, through one of the nodes each; `claimed` hears of answers."""
    outcomes: dict[str, Counter[str]] = {it.name: Counter() for it in gadgets}
    winners: dict[str, str] = {}

    async def hunt(number: int, person: Person) -> None:
        # Some come from the other end: so batches of different nodes hold devices in each other's way.
        hunted = gadgets if number % 4 else gadgets[::-1]
        async with Wire(ports[number % len(ports)]) as wire:
            for gadget in hunted:
                said = outcome(await claim(wire, person, gadget, KEY))
                outcomes[gadget.name][said] += 1
                if said == "SUCCESS":
                    winners[gadget.name] = person.customer_id
                claimed()

    await asyncio.gather(*(hunt(*it) for it in enumerate(crowd.people)))
    expected = Counter({"SUCCESS": 1, "CLAIMED": len(crowd.people) - 1})
    wrong = [f"{name}: {dict(said)}" for name, said in outcomes.items() if said != expected]
    wrong += await _disagreements(crowd, gadgets, ports, winners)
    return Raced(sum(outcomes.values(), Counter()), wrong)


async def _disagreements(
    crowd: Crowd, gadgets: Sequence[Gadget], ports: Sequence[int], winners: dict[str, str]
) -> list[str]:
    """Ask the nodes in turn who owns each device."""
    wrong = []
    for number, port in enumerate(ports):
        async with Wire(port) as wire:
            for gadget in gadgets[number :: len(ports)]:
                device = await done(wire, "GET", f"/api/device/{gadget.id}", crowd.maker.token)
                owner = device["customerId"]["id"]
                if owner != winners.get(gadget.name):
                    wrong.append(f"{gadget.name}: {owner} is shown, {winners.get(gadget.name)} was told")
    return wrong


async def miscounts(url: str, devices: int) -> list[str]:
    """Look into the database after a race for that many devices, which were nobody's before it."""
    counted = {what: (await asked(url, sql))[0][0] for what, sql in _COUNTS.items()}
    wrong = [
        f"{number} {what} for {devices} devices" for what, number in counted.items() if number != devices
    ]
    if (spent := (await asked(url, "select count(*) from spent_attempt"))[0][0]) != 0:
        wrong.append(f"{spent} attempts were not given back")
    return wrong + await unexplained(url)
