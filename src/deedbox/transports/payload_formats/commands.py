"""Commands on their way to devices, as formats write them, and the end of those that they can't write."""

from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from deedbox.core.rpc import FIRST_STORED_ID, Delivery, Exchange
from deedbox.transports.payload_formats.formats import Command


def told_command(delivery: Delivery, now_ms: int) -> Command:
    """Return a command as formats write it; `now_ms` epoch milliseconds."""
    asked, lasts_ms = delivery.command, delivery.lasts_ms
    expires_at = None if lasts_ms is None else now_ms + lasts_ms
    return Command(delivery.id, asked.method, asked.params, asked.one_way, expires_at)


def answer_unfit(
    exchange: Exchange, delivery: Delivery, why: str, run: Callable[[Coroutine[Any, Any, None]], None]
) -> None:
    """End a command that a device's format can't express: its sender is told so in the device's place.

    Offered again, it would be as unfit as before. `run` has something done in the background.
    """
    device_id = delivery.command.device_id
    if delivery.command.one_way and delivery.id >= FIRST_STORED_ID:
        exchange.failed(device_id, delivery.id)  # nobody waits for a reply
    else:
        run(exchange.reply(device_id, delivery.id, msgspec.json.encode({"error": why})))
