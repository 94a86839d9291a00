"""An address that tries many credentials over MQTT is refused with its version's code, right or wrong."""

from collections.abc import Callable
from typing import Any

import pytest

from deedbox.transports.login_guesses import LoginGuesses
from deedbox.transports.mqtt.packets import ConnAck
from deedbox.transports.settings import DeviceLoginSettings
from tests.transports.device_site import TOKEN
from tests.transports.mqtt.joined import JoinedSite

MOST = 3
NOT_AUTHORIZED, UNAVAILABLE = {3: 5, 4: 5, 5: 0x86}, {3: 3, 4: 3, 5: 0x9F}

NewSite = Callable[..., Any]


@pytest.fixture
def guarded(site: JoinedSite) -> JoinedSite:
    """A site that lets an address try few credentials."""
    site.login_guesses = LoginGuesses(DeviceLoginSettings(attempts_per_address=MOST, attempts_window_s=60))
    site.rewire()
    return site


@pytest.mark.parametrize("level", [3, 4, 5])
async def test_whoever_tries_many_hears_nothing_more(guarded: JoinedSite, level: int) -> None:
    """Attacks A01; the reason that is told is a rate, with which a device comes back later."""
    for number in range(MOST):
        answer = await guarded.client(level).connect(username=f"wrong {number}")
        assert answer.reason == NOT_AUTHORIZED[level]
    for token in ("another", TOKEN):
        answer = await guarded.client(level).connect(username=token)
        assert answer.reason == UNAVAILABLE[level]
    assert guarded.refusals[-1] == ("connect", 0x9F)
    await guarded.pass_ms(60_000)
    assert (await guarded.client(level).connect(username=TOKEN)).reason == 0


async def test_those_that_come_together_are_judged_one_after_the_other(guarded: JoinedSite) -> None:
    """A crowd at one moment has no more tries than others."""
    crowd = [guarded.client() for _ in range(20)]
    for number, client in enumerate(crowd):
        client.send(client.opening(username=f"wrong {number}"))
    await guarded.settled()
    reasons = [answer.reason for client in crowd for answer in client.of(ConnAck)]
    assert reasons == [0x86] * MOST + [0x9F] * (20 - MOST)


async def test_a_deleted_device_that_comes_back_takes_nothing_from_others(guarded: JoinedSite) -> None:
    """Clients make up a new client id each time: with a token it is no part of a guess."""
    for number in range(3 * MOST):
        answer = await guarded.client().connect(client_id=f"random-{number}", username="deleted")
        assert answer.reason == 0x86
    assert (await guarded.client().connect(username=TOKEN)).reason == 0


async def test_passwords_and_client_ids_are_guesses(guarded: JoinedSite) -> None:
    """Each is a part of MQTT_BASIC (thingsboard §2.2)."""
    for number in range(MOST):
        await guarded.client().connect(username="plant", password=b"%d" % number)
    assert (await guarded.client().connect(username="plant", password=b"x")).reason == 0x9F
    await guarded.pass_ms(60_000)
    for number in range(MOST):
        await guarded.client().connect(client_id=f"c{number}", username=None)
    assert (await guarded.client().connect(client_id="x", username=None)).reason == 0x9F


async def test_who_is_connected_may_come_again(guarded: JoinedSite) -> None:
    """Right credentials stay right beside a stranger who guesses behind the same address."""
    await guarded.client().connect(username="wrong")
    await guarded.connected()
    for number in range(2 * MOST):
        await guarded.client().connect(username=f"wrong {number}")
    await guarded.connected(client_id="again")
