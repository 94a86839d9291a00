"""What is malformed ends the connection, with its reason where the client can hear it."""

import csv

import pytest

from deedbox.transports.mqtt import encoding
from deedbox.transports.mqtt.packets import ConnAck, PingReq, PingResp, Publish
from deedbox.transports.mqtt.reasons import REASONS_OF, Reason, connack_reason
from tests.transports.mqtt.corpus_seeds import CORPUS, TABLE
from tests.transports.mqtt.joined import TELEMETRY, JoinedSite, message

ROWS = list(csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines(), delimiter="\t"))
#: As the server's largest packet is larger than the corpus', what is too large there is just unfinished here.
BAD = [it for it in ROWS if it["failure"] and it["failure"] != "PACKET_TOO_LARGE"]
BAD_LATER = [it for it in BAD if it["level"] != "0" and not it["packets"]]
BAD_OPENINGS = [it for it in BAD if it["level"] == "0" and not it["packets"]]


def named(rows: list[dict[str, str]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", rows, ids=[it["file"] for it in rows])


@named(BAD_LATER)
async def test_a_bad_packet_ends_the_connection_with_its_reason(
    site: JoinedSite, row: dict[str, str]
) -> None:
    """MQTT 5 §4.13.1: what came before it counts, what comes after it does not."""
    level = int(row["level"])
    client, other = await site.connected(level), await site.connected(5, "other")
    before, after = [encoding.encode(message(TELEMETRY, {"t": it}, 1, it), level) for it in (1, 2)]
    client.send_bytes(before + (CORPUS / row["file"]).read_bytes() + after)
    await site.settled()
    assert client.ended() == (Reason[row["failure"]] if level == 5 else -1)
    assert await site.latest() == {"t": 1}
    assert await other.ask(PingReq()) == [PingResp()]


@named(BAD_OPENINGS)
async def test_a_bad_opening_is_refused(site: JoinedSite, row: dict[str, str]) -> None:
    """MQTT 5 §3.1.4-1: with CONNACK and a reason that it has, or without a word."""
    stream = (CORPUS / row["file"]).read_bytes()
    level = 5 if stream[6:9] in (b"TT\5", b"TT\6") else 4
    client = site.client(level)
    client.send_bytes(stream)
    await site.settled()
    assert client.ended() == -1
    answers = [it.reason for it in client.got if isinstance(it, ConnAck)]
    assert len(answers) == len(client.got) <= 1
    if level == 5:
        assert answers == [Reason[row["failure"]]]


async def test_http_and_tls_on_the_wrong_port_hear_nothing(site: JoinedSite) -> None:
    for greeting in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", bytes.fromhex("1603010200010001fc0303")):
        client = site.client()
        client.send_bytes(greeting)
        assert (client.ended(), client.got_bytes) == (-1, b"")


@pytest.mark.parametrize("packet_type", ["connack", "suback", "unsuback", "pingresp"])
@pytest.mark.parametrize("level", [3, 4, 5])
async def test_what_only_servers_send(site: JoinedSite, level: int, packet_type: str) -> None:
    """MQTT 5 §4.13.1: a protocol error."""
    written = {
        "connack": encoding.connack(level),
        "suback": encoding.suback(level, 1, [0]),
        "unsuback": encoding.unsuback(level, 1, [0]),
        "pingresp": encoding.PINGRESP,
    }
    client = await site.connected(level)
    client.send_bytes(written[packet_type])
    await site.settled()
    assert client.ended() == (Reason.PROTOCOL_ERROR if level == 5 else -1)


async def test_nothing_is_taken_after_the_end(site: JoinedSite) -> None:
    client = await site.connected()
    client.send_bytes(b"\0\0")
    client.connection.receive(encoding.encode(message(TELEMETRY, {"t": 1}), 5), site.sqlite.now_ms)
    await site.settled()
    assert await site.latest() == {}


async def test_no_reason_repeats_what_came(site: JoinedSite) -> None:
    """Behaviour §6.6."""
    secret = "hunter2"
    client = await site.connected()
    await client.publish("v1/devices/me/claim", f'{{"secretKey": {secret}'.encode())
    await client.ask(Publish(f"{secret}/+", b""))
    assert client.ended() == Reason.TOPIC_NAME_INVALID
    assert secret.encode() not in client.got_bytes


def test_connack_has_the_reasons_that_it_may_have() -> None:
    """MQTT 5 §3.2.2.2."""
    told = {connack_reason(it) for it in Reason}
    assert told == REASONS_OF[2]
    assert connack_reason(Reason.SERVER_SHUTTING_DOWN) == Reason.SERVER_UNAVAILABLE
