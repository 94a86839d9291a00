"""Our MQTT server with devices from the database, but an ingest that acknowledges at once and stores nothing.

What it takes beside Mosquitto is what codec, session and socket take.
"""

import asyncio
import contextlib
import socket
from pathlib import Path

import uvloop

from deedbox.config.declared import Settings
from deedbox.main.device_sides import mqtt_side, opened_device_sides
from deedbox.main.folder import held_folder
from deedbox.main.parts import opened_parts
from deedbox.main.running import spare_what_stays
from deedbox.serving.settings import DataSettings
from deedbox.transports.ingest import TelemetryIngest
from deedbox.transports.login_guesses import LoginGuesses


class AcknowledgingIngest(TelemetryIngest):
    """Takes messages and forgets them."""

    def wake(self) -> None:
        """Acknowledge what is there by the end of this turn of the loop."""
        asyncio.get_running_loop().call_soon(self._acknowledge_all)

    def is_known(self, _device_id: object, _names: object) -> bool:
        """Let every name through."""
        return True

    def _acknowledge_all(self) -> None:
        batch = self.batch
        for sender in batch.senders:
            sender.take()
        done, batch.done, batch.senders = batch.done, [], []
        for _, answer, token in done:
            answer(token, None)
        self.commits += 1
        self._make_room()


def serve(folder: Path, port: int) -> None:
    """Listen on 127.0.0.1 until killed; the devices are those of the data folder."""
    settings = Settings(data=DataSettings(folder=str(folder)))
    with held_folder(settings), contextlib.suppress(KeyboardInterrupt):
        uvloop.run(_serve(settings, port))


async def _serve(settings: Settings, port: int) -> None:
    async with opened_parts(settings) as parts, opened_device_sides(parts) as sides:
        ingest = AcknowledgingIngest(parts.storage, settings.values, parts.live, settings.journal)
        server = mqtt_side(parts, sides.activity, sides.messages, ingest, LoginGuesses())
        listening = socket.create_server(("127.0.0.1", port))
        await server.listen([listening])
        spare_what_stays()
        await asyncio.Event().wait()
