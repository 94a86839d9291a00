"""The whole story, played once and unattended: `deedbox demo --once`."""

import time
from collections.abc import Callable

from deedbox.cli.demonstration.devices import SimulatedLamp
from deedbox.cli.demonstration.people import make_cast, make_device
from deedbox.cli.demonstration.server import DemoFailed, DemoServer
from deedbox.cli.demonstration.terminal import step

_KEY_OF_THE_DAY = "button-7391"
_SOON_S = 15


def play(server: DemoServer) -> None:
    """Play every step against the server. Raises DemoFailed at the first one that does not come out."""
    step(f"A server runs at {server.base_url}, with an empty database.")
    people = make_cast(server)
    stock = make_device(people.maker, "NL-000001", "Hall lamp")
    step("A maker, two households and a lamp are made through the REST API.")
    lamp = SimulatedLamp(server.base_url, stock)
    lamp.switch_on()
    path = f"/api/customer/device/{stock.name}/claim"
    values = f"/api/plugins/telemetry/DEVICE/{stock.id}/values/timeseries?keys=temperature"
    try:
        _expect(lamp.announce(_KEY_OF_THE_DAY, 60_000)["accepted"], "the lamp's offer is accepted")
        step("Its button is pressed: the lamp offers itself for a minute, with a key that it shows.")
        _expect(people.neighbour.refusal(path, {"secretKey": "guess"}) == "FAILURE", "a guess is refused")
        step('A neighbour guesses a key: "FAILURE"; the offer stays open.')
        claimed = people.customer.post(path, {"secretKey": _KEY_OF_THE_DAY})
        _expect(claimed["response"] == "SUCCESS", "the claim succeeds")
        step('Household Green knows the key: "SUCCESS"; the lamp is theirs.')
        _expect(people.neighbour.refusal(path, {"secretKey": _KEY_OF_THE_DAY}) == "CLAIMED", "one owner")
        step('The neighbour comes with the right key, too late: "CLAIMED".')
        _eventually(lambda: bool(people.customer.get(values)), "a temperature arrives")
        step(f"The owner sees {people.customer.get(values)['temperature'][0]['value']} °C.")
        people.customer.post(f"/api/plugins/telemetry/DEVICE/{stock.id}/SHARED_SCOPE", {"on": True})
        _eventually(lambda: lamp.is_on, "the lamp is on")
        step("The owner switches it on with a shared attribute; the lamp obeys.")
        answer = people.customer.post(f"/api/rpc/twoway/{stock.id}", {"method": "identify", "params": {}})
        _expect(answer["ok"] and lamp.identified.is_set(), "the command is answered")
        step("The owner sends a command; the lamp answers.")
        people.customer.delete(path)
        _expect(people.customer.status_of("GET", values) in (403, 404), "the former owner is shut out")
        step("The owner gives it back, and is shut out of its data at once.")
    finally:
        lamp.switch_off()
        people.close()


def _expect(true: bool, what: str) -> None:
    if not true:
        raise DemoFailed(f"It was expected that {what}; it did not come out so.")


def _eventually(check: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _SOON_S
    while not check():
        _expect(time.monotonic() < deadline, what)
        time.sleep(0.05)
