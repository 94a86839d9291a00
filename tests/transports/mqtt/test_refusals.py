"""What clients are refused is counted with its reason: to come in, a message, or to stay."""

import pytest

from deedbox.transports.mqtt.packets import PingReq, PingResp, PubAck
from deedbox.transports.mqtt.reasons import Reason
from tests.transports.mqtt.joined import TELEMETRY, JoinedSite, message


async def test_who_is_not_let_in_is_counted_once(site: JoinedSite) -> None:
    await site.client().connect(username="wrong")
    assert site.refusals == [("connect", Reason.BAD_USERNAME_OR_PASSWORD)]


@pytest.mark.parametrize(("level", "what"), [(5, "message"), (4, "connection")])
async def test_a_message_that_is_refused_is_counted(site: JoinedSite, level: int, what: str) -> None:
    """Before MQTT 5 there is no way to refuse a message but to end the connection."""
    client = await site.connected(level)
    await client.ask(message(TELEMETRY, b"{", qos=1, packet_id=1))
    assert site.refusals == [(what, Reason.PAYLOAD_FORMAT_INVALID)]


async def test_what_goes_well_is_not_counted(site: JoinedSite) -> None:
    client = await site.connected()
    got = await client.ask(message(TELEMETRY, {"t": 1}, qos=1, packet_id=1), PingReq())
    assert {type(it) for it in got} == {PubAck, PingResp}
    assert site.refusals == []
