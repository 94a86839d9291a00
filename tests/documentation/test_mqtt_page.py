"""The page about devices over MQTT names every topic, every reason for a refusal and every limit."""

import pytest

from deedbox.transports.mqtt import topics
from deedbox.transports.mqtt.reasons import REFUSALS, Reason
from deedbox.transports.mqtt.settings import MqttSessionSettings
from tests.documentation.pages import REFERENCE, first_cells

PAGE = (REFERENCE / "device-mqtt.md").read_text(encoding="utf-8")
PUBLISHED = [topics.CLAIM, topics.TELEMETRY, topics.ATTRIBUTES]
ANSWERED = [topics.ATTRIBUTE_REQUEST, topics.RPC_RESPONSE, topics.RPC_REQUEST]
#: Said by the server beside refusals of the core.
OTHERS = [
    Reason.BAD_USERNAME_OR_PASSWORD,
    Reason.KEEP_ALIVE_TIMEOUT,
    Reason.MALFORMED_PACKET,
    Reason.PACKET_TOO_LARGE,
    Reason.PROTOCOL_ERROR,
    Reason.RECEIVE_MAXIMUM_EXCEEDED,
    Reason.RETAIN_NOT_SUPPORTED,
    Reason.SERVER_SHUTTING_DOWN,
    Reason.SESSION_TAKEN_OVER,
    Reason.SHARED_SUBSCRIPTIONS_NOT_SUPPORTED,
    Reason.SUBSCRIPTION_IDS_NOT_SUPPORTED,
    Reason.TOPIC_ALIAS_INVALID,
    Reason.TOPIC_NAME_INVALID,
]


@pytest.mark.parametrize("topic", [*PUBLISHED, *(f"{it}ID" for it in ANSWERED), *sorted(topics.FILTERS)])
def test_every_topic_is_listed(topic: str) -> None:
    assert topic in first_cells(REFERENCE / "device-mqtt.md") or f"| `{topic}`, or" in PAGE


@pytest.mark.parametrize("reason", sorted({*REFUSALS.values(), *OTHERS}), ids=lambda it: it.name)
def test_every_reason_is_explained(reason: Reason) -> None:
    assert f"`0x{reason:02X}`" in PAGE


def test_limits_are_settings() -> None:
    wanted = {"largest_packet_bytes", "most_inflight", "longest_expiry_s", "most_queued", "most_per_device"}
    wanted |= {"longest_keep_alive_s", "most_topic_aliases"}
    assert wanted <= set(MqttSessionSettings.__struct_fields__)
    assert all(f"`mqtt_sessions.{name}`" in PAGE for name in wanted)
