"""Queues, places and caches are read when somebody asks, and the page about metrics names each of them."""

import re

from tests.api.deployment import Deployment
from tests.documentation.pages import REFERENCE

#: There with NATS only.
_OF_THE_BUS = {"bus", "bus_bytes"}


def _labels(page: str, name: str) -> set[str]:
    return set(re.findall(rf'^{name}\{{\w+="(\w+)"\}} ', page, re.MULTILINE))


def _documented(heading: str) -> set[str]:
    text = (REFERENCE / "metrics.md").read_text("utf-8").partition(f"| {heading} |")[2].partition("\n\n")[0]
    return {
        name
        for row in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
        for name in re.findall("`(.*?)`", row)
    }


async def test_every_queue_place_and_cache_is_documented(deployment: Deployment) -> None:
    page = (await deployment.call("", "GET", "/metrics")).text
    assert _labels(page, "deedbox_queue_items") | _OF_THE_BUS == _documented("queue")
    assert _labels(page, "deedbox_places_taken") == _documented("kind")
    assert _labels(page, "deedbox_cache_entries") == _documented("cache")


async def test_what_is_asked_for_is_read_at_that_moment(deployment: Deployment) -> None:
    before = (await deployment.call("", "GET", "/metrics")).text
    await deployment.token("alice")
    await deployment.who("alice")
    after = (await deployment.call("", "GET", "/metrics")).text
    assert 'deedbox_cache_entries{cache="tokens"} 0.0' in before
    assert 'deedbox_cache_entries{cache="tokens"} 1.0' in after
    assert 'deedbox_queue_limit{queue="passwords"} 64.0' in after


async def test_refusals_of_devices_are_counted_apart(deployment: Deployment) -> None:
    await deployment.call("", "POST", "/api/v1/nobody/telemetry", json={"a": 1})
    device = await deployment.make_device("gauge")
    token = await deployment.device_token(device["id"]["id"])
    await deployment.call("", "POST", f"/api/v1/{token}/telemetry", content=b"{")
    page = (await deployment.call("", "GET", "/metrics")).text
    assert 'deedbox_device_refusals_total{code="unknown_token"} 1.0' in page
    assert 'deedbox_device_refusals_total{code="invalid_value"} 1.0' in page
    assert "deedbox_refusals_total{" not in page
