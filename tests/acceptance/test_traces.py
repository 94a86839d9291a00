"""What a collector of OpenTelemetry gets from real servers: a claim, a command across nodes, no tokens."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from tests.acceptance.cluster_site import running_cluster
from tests.conformance.mqtt_site import wait_until
from tests.conformance.paho_device import V5, PahoDevice
from tests.conformance.rest_people import PASSWORD, new_maker, new_owner, post, sign_in
from tests.ports import free_port
from tests.server_process import running_server
from tests.storage.postgresql_bench import EMPTY, drop_postgresql, new_postgresql
from tests.trace_collector import CollectedSpan, TraceCollector, collecting_traces

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TOKEN, KEY = "token-of-lamp", "on the label"


def traced(endpoint: str, share: str = "1") -> dict[str, str]:
    """Settings of a server that sends traces there."""
    told = {"DEEDBOX_TRACES_ENDPOINT": endpoint, "DEEDBOX_TRACES_SAMPLE_SHARE": share}
    return told | {"DEEDBOX_LOG_LEVEL": "debug"}


def only(collector: TraceCollector, name: str, trace_id: str) -> CollectedSpan:
    """The one span of that name in a trace, when it has come."""

    def found() -> list[CollectedSpan]:
        return [it for it in collector.named(name) if it.trace_id == trace_id]

    wait_until(lambda: bool(found()), f"{name} is sent")
    (span,) = found()
    return span


def lamp_of(maker: httpx.Client, base_url: str) -> str:
    """A device that offers itself and has sent a value; its id."""
    made = post(maker, f"/api/device?accessToken={TOKEN}", {"name": "lamp", "type": "default"})
    for path, body in (("telemetry", {"t": 1}), ("claim", {"secretKey": KEY})):
        address = f"{base_url}/api/v1/{TOKEN}/{path}"
        httpx.post(address, json=body, trust_env=False).raise_for_status()
    return str(made["id"]["id"])


def test_a_claim_and_a_command_across_nodes_are_traces(tmp_path: Path) -> None:
    url = new_postgresql(EMPTY)
    try:
        with (
            collecting_traces() as collector,
            running_cluster(tmp_path, url, traced(collector.endpoint), of_each=({}, {})) as cluster,
        ):
            (near, near_port), (far, _) = cluster.members
            with closing(new_maker(near.address)) as maker, closing(new_owner(maker)):
                device_id = lamp_of(maker, near.base_url)
            with closing(sign_in(far.base_url, "owner@deedbox.test", PASSWORD)) as owner:
                owner.headers["traceparent"] = f"00-{TRACE}-{PARENT}-01"
                post(owner, "/api/customer/device/lamp/claim", {"secretKey": KEY})
                request_id = called(owner, device_id, near_port)
            request = only(collector, "POST /api/customer/device/{device_name}/claim", TRACE)
            claim = only(collector, "claim", TRACE)
            assert (request.parent_id, claim.parent_id) == (PARENT, request.span_id)
            assert claim.facts["deedbox.answer"] == "SUCCESS"
            assert request.facts["http.response.status_code"] == "200"
            call, take = only(collector, "call device", TRACE), only(collector, "take command", TRACE)
            assert take.parent_id == call.span_id
            assert take.node != call.node
            wait_until(lambda: bool(collector.named("telemetry batch")), "the batch is sent")
            assert all(it.duration_ns > 0 for it in collector.named("write transaction"))
            lines = [json.loads(it) for it in near.log.read_text().splitlines() if it.startswith("{")]
        taken = [it for it in lines if it["event"].startswith(f"a command for device {device_id}")]
        assert [it["request_id"] for it in taken] == [request_id]
        assert len({it["node"] for it in lines}) == 1
        sent = b"".join(collector.bodies)
        assert sent and not [it for it in (TOKEN, KEY, PASSWORD, device_id) if it.encode() in sent]
    finally:
        drop_postgresql(url)


def called(owner: httpx.Client, device_id: str, mqtt_port: int) -> str:
    """Send a command to the device, which is connected there and replies; the request's id."""
    client = Client(CallbackAPIVersion.VERSION2, client_id="lamp", protocol=V5, reconnect_on_failure=False)
    client.username_pw_set(TOKEN)
    with PahoDevice(client) as device, ThreadPoolExecutor() as pool:
        assert device.connect(mqtt_port).reason == 0
        assert device.subscribe("v1/devices/me/rpc/request/+") == [1]
        body = {"method": "blink", "params": {}, "timeout": 30_000}
        answer = pool.submit(owner.post, f"/api/rpc/twoway/{device_id}", json=body)
        message = device.next_message()
        device.send(message.topic.replace("request", "response"), {"done": True})
        assert answer.result().json() == {"done": True}
        return str(answer.result().headers["x-request-id"])


def test_a_collector_that_is_away_costs_one_line_of_the_log(tmp_path: Path) -> None:
    endpoint = f"http://127.0.0.1:{free_port()}/v1/traces"
    with running_server(tmp_path / "data", environment=traced(endpoint)) as server:
        with closing(new_maker(server.address)) as maker:
            lamp_of(maker, server.base_url)
            wait_until(lambda: "traces can't be sent" in server.log.read_text(), "the loss is noticed")
            lamp = httpx.post(f"{server.base_url}/api/v1/{TOKEN}/telemetry", json={"t": 2}, trust_env=False)
            assert lamp.is_success
        assert server.stop() == 0
    assert server.log.read_text().count("traces can't be sent") == 1
    assert "Traceback" not in server.log.read_text()


def test_no_share_means_no_spans_whatever_the_sender_wishes(tmp_path: Path) -> None:
    with collecting_traces() as collector:
        environment = traced(collector.endpoint, share="0")
        with running_server(tmp_path / "data", environment=environment) as server:
            headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
            httpx.get(f"{server.base_url}/api/auth/user", headers=headers, trust_env=False)
    assert collector.bodies == []
