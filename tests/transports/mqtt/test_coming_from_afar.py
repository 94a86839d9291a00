"""Clients that come while other nodes are asked for sessions: one connection, nothing of a past owner."""

import dataclasses
from uuid import UUID

from deedbox.cluster.local import LocalBus
from deedbox.cluster.session_moves import BusSessionMoves
from deedbox.transports.mqtt.moving import MovedMessage, MovedSession, packed
from deedbox.transports.mqtt.server import MqttServer
from tests.transports.mqtt.joined import COMMANDS, Client, JoinedSite
from tests.transports.mqtt.test_sessions import KEPT

ONE, OTHER = "a" * 32, "b" * 32


def joined_by(site: JoinedSite, bus: LocalBus, node: str, other: str) -> MqttServer:
    """Return a server that is a node of this bus."""
    moves = BusSessionMoves(bus, node, lambda: {other})
    return MqttServer(dataclasses.replace(site.context(), moves=moves))


async def test_commands_of_a_past_owner_are_not_brought_along(site: JoinedSite) -> None:
    """Behaviour §5.3: the device got another owner while its session was on its way."""
    bus = LocalBus()
    site.server = joined_by(site, bus, ONE, OTHER)
    command = MovedMessage("v1/devices/me/rpc/request/7", b'{"method":"open","params":{}}', 1)
    state = packed(MovedSession(600, {COMMANDS: 1}, [], [], [command]))

    def give(device_id: UUID, _client_id: str, _is_wanted: bool) -> bytes:
        site.live.tell_credentials(device_id)
        return state

    BusSessionMoves(bus, OTHER, lambda: {ONE}).give_by(give)
    client = site.client()
    assert (await client.connect(**KEPT)).session_present
    assert client.told == []


async def test_a_client_that_comes_to_two_nodes_at_once_stays_at_one_at_most(site: JoinedSite) -> None:
    bus, clients = LocalBus(), list[Client]()
    for node, other in ((ONE, OTHER), (OTHER, ONE)):
        site.server = joined_by(site, bus, node, other)
        clients.append(site.client())
    for it in clients:
        it.send(it.opening(**KEPT))
    await site.settled()
    assert sum(not it.is_closed for it in clients) <= 1
    assert (await site.connected(**KEPT)).ended() is None
