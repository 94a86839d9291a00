"""The page about gateways names every topic, every reason and every limit."""

import pytest

from deedbox.core.gateways import GatewayLimits, NotSpokenFor
from deedbox.transports.mqtt import gateway_topics
from deedbox.transports.mqtt.gateway_answers import BAD_PAYLOAD
from tests.documentation.pages import REFERENCE, first_cells

PAGE = REFERENCE / "device-gateway.md"
TOPICS = sorted({*gateway_topics.PUBLISHED, *gateway_topics.FILTERS})


@pytest.mark.parametrize("topic", TOPICS)
def test_every_topic_is_listed(topic: str) -> None:
    assert topic in first_cells(PAGE)


@pytest.mark.parametrize("reason", [*NotSpokenFor, BAD_PAYLOAD])
def test_every_reason_is_explained(reason: str) -> None:
    assert reason in first_cells(PAGE)


def test_limits_are_settings() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"`gateways.{name}`" in text for name in GatewayLimits.__struct_fields__)
