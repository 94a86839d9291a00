"""The demonstration that stays: two lamps that wait to be claimed by a phone or a browser."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from deedbox.cli.demonstration.devices import SimulatedLamp
from deedbox.cli.demonstration.people import CUSTOMER_EMAIL, MAKER_EMAIL, Cast, Stock, make_cast, make_device
from deedbox.cli.demonstration.server import DemoServer, address_on_the_network
from deedbox.cli.demonstration.terminal import console, heading, show_qr, step
from deedbox.core.labels import link

_OFFER_MS = 600_000


@contextmanager
def show(server: DemoServer, host: str) -> Iterator[None]:
    """Set everything up, print what to do, and keep the devices alive until the block ends."""
    shown_host = "127.0.0.1" if host == "127.0.0.1" else address_on_the_network()
    page = f"http://{shown_host}:{server.port}/d"
    people = make_cast(server)
    lamps = [
        SimulatedLamp(server.base_url, make_device(people.maker, name, label))
        for name, label in (("NL-000001", "Hall lamp"), ("NL-000002", "Porch lamp"))
    ]
    for lamp in lamps:
        lamp.switch_on()
    stopping = threading.Event()
    _explain(server, page, people)
    _offer_itself(lamps[0], page, stopping)
    _print_label(people, lamps[1].stock, page)
    try:
        yield
    finally:
        stopping.set()
        for lamp in lamps:
            lamp.switch_off()
        people.close()


def _explain(server: DemoServer, page: str, people: Cast) -> None:
    heading("Deedbox demo: two lamps wait for an owner")
    step(f"Server: {server.base_url}, its API at {server.base_url}/docs")
    step(f"Claim page: {page}")
    console.print("  Open one of the codes below with a phone in the same network, or click its link.")
    console.print("  Sign in as the customer:")
    console.print(f"    e-mail    [bold]{CUSTOMER_EMAIL}[/]")
    console.print(f"    password  [bold]{people.passwords[CUSTOMER_EMAIL]}[/]")
    console.print(f"  The maker is {MAKER_EMAIL} with password {people.passwords[MAKER_EMAIL]}")
    console.print("  Ctrl-C stops it all.")


def _offer_itself(lamp: SimulatedLamp, page: str, stopping: threading.Event) -> None:
    """Announce a key of its own making and show it, again before it expires, until somebody owns it."""

    def announce() -> None:
        secret_key = secrets.token_hex(4)
        answer = lamp.announce(secret_key, _OFFER_MS)
        if answer["accepted"]:
            show_qr(
                f"{lamp.stock.name} offers itself for 10 minutes", link(page, lamp.stock.name, secret_key)
            )

    def repeat() -> None:
        while not stopping.wait(_OFFER_MS / 1000 * 0.9):
            announce()

    announce()
    threading.Thread(target=repeat, daemon=True).start()


def _print_label(people: Cast, stock: Stock, page: str) -> None:
    """Have a label made for a device, and show what the maker prints on it."""
    label = people.maker.post(f"/api/device/{stock.id}/label")
    # The server can't know the address by which phones reach this machine.
    show_qr(f"The label of {stock.name}", link(page, stock.name, label["qrKey"]))
    console.print(f"  Without a camera: {page} and the code [bold]{label['shortCode']}[/]")
