"""`deedbox serve` as a process: it starts whole or not at all, says why, and stops without loss."""

import ctypes
import os
import re
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from tests.certificates import make_certificate
from tests.ports import free_port
from tests.server_process import COMMAND, RunningServer, running_server

LONGEST_RUN_S = 120


def ran(*arguments: str, drop_rights: bool = False) -> subprocess.CompletedProcess[str]:
    """Run the command to its end; without the superuser's right to write anywhere, if asked."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DEEDBOX_")}
    return subprocess.run(
        [str(COMMAND), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST_RUN_S,
        preexec_fn=_obey_file_modes if drop_rights else None,
    )


def _obey_file_modes() -> None:
    if sys.platform == "linux" and os.geteuid() == 0:
        drop_from_bounding_set, override_of_file_modes = 24, 1
        ctypes.CDLL(None).prctl(drop_from_bounding_set, override_of_file_modes, 0, 0, 0)


def serve(data: Path, *arguments: str, drop_rights: bool = False) -> subprocess.CompletedProcess[str]:
    where = ["--http", f"127.0.0.1:{free_port()}", "--mqtt", "off", "--coap", "off"]
    return ran("serve", "--data", str(data), *where, *arguments, drop_rights=drop_rights)


def sign_in(server: RunningServer) -> httpx.Client:
    """Return a client of the first administrator; to be closed."""
    who = {"username": server.email, "password": server.password}
    answer = httpx.post(f"{server.base_url}/api/auth/login", json=who, timeout=60).raise_for_status()
    token = f"Bearer {answer.json()['token']}"
    return httpx.Client(base_url=server.base_url, timeout=60, headers={"X-Authorization": token})


def test_a_second_server_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with running_server(tmp_path / "data") as server:
        second = serve(tmp_path / "data")
        assert second.returncode == 1
        assert f"process {server.pid}" in second.stderr
        assert str(tmp_path / "data") in second.stderr
        assert httpx.get(f"{server.base_url}/readyz", timeout=60).status_code == 200


def test_a_port_in_use_is_named_and_the_start_refused(tmp_path: Path) -> None:
    with running_server(tmp_path / "data") as server:
        other = serve(tmp_path / "other", "--http", f"127.0.0.1:{server.port}")
    assert other.returncode == 1
    assert f"Another program uses 127.0.0.1:{server.port} (http.listen)" in other.stderr
    assert "--http HOST:PORT" in other.stderr


def test_nothing_listens_when_one_listener_can_not(tmp_path: Path) -> None:
    made, http, https = make_certificate(tmp_path), free_port(), free_port()
    made.key.write_text("no key", encoding="utf-8")
    files = ["--tls-certificate", str(made.certificate), "--tls-key", str(made.key)]
    addresses = ["--http", f"127.0.0.1:{http}", "--https", f"127.0.0.1:{https}"]
    refused = serve(tmp_path / "data", *addresses, *files)
    assert refused.returncode == 1
    assert str(made.key) in refused.stderr
    assert "serving" not in refused.stderr


def test_bad_settings_stop_the_start_with_all_their_names(tmp_path: Path) -> None:
    """Behaviour §7."""
    file = tmp_path / "deedbox.toml"
    file.write_text('[claim]\nduration_ms = "long"\n', encoding="utf-8")
    refused = serve(tmp_path / "data", "--config", str(file), "--coap", "everywhere")
    assert refused.returncode == 2
    assert f"claim.duration_ms in {file}" in refused.stderr
    assert "coap.listen (--coap) is 'everywhere'" in refused.stderr
    assert not (tmp_path / "data").exists()


def test_a_weak_first_password_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match="The first administrator can't be made") as caught,
        running_server(tmp_path / "data", environment={"DEEDBOX_ADMIN_PASSWORD": "password"}),
    ):
        pass
    assert "ended with 1" in str(caught.value)


def test_a_folder_that_can_not_be_written_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o500)
    refused = serve(folder, drop_rights=True)
    assert refused.returncode == 1
    assert f"The data folder {folder} can't be used: this user may not write there" in refused.stderr


def test_a_database_that_can_not_be_written_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with running_server(folder):
        pass
    for file in folder.iterdir():
        if file.name.startswith("deedbox.sqlite"):
            file.chmod(0o400)
    refused = serve(folder, drop_rights=True)
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert "database" in refused.stderr


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("", encoding="utf-8")
    refused = serve(tmp_path / "data")
    assert refused.returncode == 1
    assert "can't be used" in refused.stderr


def test_a_missing_key_file_is_never_replaced_by_a_new_one(tmp_path: Path) -> None:
    with running_server(tmp_path / "data"):
        pass
    (tmp_path / "data" / "secret.key").unlink()
    refused = serve(tmp_path / "data")
    assert refused.returncode == 1
    assert "secret.key is missing" in refused.stderr
    assert not (tmp_path / "data" / "secret.key").exists()


def test_health_and_metrics(tmp_path: Path) -> None:
    with (
        running_server(tmp_path / "data") as server,
        httpx.Client(base_url=server.base_url, timeout=60) as client,
    ):
        assert client.get("/livez").status_code == 200
        assert client.get("/readyz").json() == {"ready": True, "problems": {}}
        assert client.post("/readyz").status_code == 405
        client.post("/api/v1/nobodys-token/claim")
        metrics = client.get("/metrics").text
    route = 'deedbox_http_requests_total{method="POST",route="/api/v1/{token}/claim",status="401"} 1.0'
    assert route in metrics
    assert "nobodys-token" not in metrics
    assert "deedbox_commit_seconds_count" in metrics


def test_the_access_log_holds_routes_and_no_tokens(tmp_path: Path) -> None:
    """Behaviour §6.6."""
    environment = {"DEEDBOX_LOG_ACCESS": "true", "DEEDBOX_LOG_FORMAT": "json"}
    with running_server(tmp_path / "data", environment=environment) as server:
        httpx.post(f"{server.base_url}/api/v1/nobodys-token/telemetry", content="{}", timeout=60)
        password = server.password
    text = server.log.read_text(encoding="utf-8")
    assert '"route": "/api/v1/{token}/telemetry"' in text
    assert "nobodys-token" not in text
    assert password not in text


def test_a_generated_password_is_printed_once_and_works(tmp_path: Path) -> None:
    environment = {"DEEDBOX_ADMIN_PASSWORD": ""}
    with running_server(tmp_path / "data", environment=environment) as server:
        printed = re.search(r"Password: (\S+)", server.log.read_text(encoding="utf-8"))
        assert printed
        server.password = printed[1]
        server.restart()
        with sign_in(server) as client:
            client.get("/api/auth/user").raise_for_status()
    assert server.log.read_text(encoding="utf-8").count(printed[1]) == 1


def test_https_with_a_certificate_from_files(tmp_path: Path) -> None:
    made, port, data = make_certificate(tmp_path), free_port(), tmp_path / "data"
    files = ["--tls-certificate", str(made.certificate), "--tls-key", str(made.key)]
    with running_server(data, "--https", f"127.0.0.1:{port}", *files) as server:
        context = ssl.create_default_context(cafile=made.certificate)
        secure = f"https://127.0.0.1:{port}/readyz"
        assert httpx.get(secure, verify=context, timeout=60).status_code == 200
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(secure, timeout=60)
        assert httpx.get(f"{server.base_url}/readyz", timeout=60).status_code == 200


def test_sigterm_under_load_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    with running_server(tmp_path / "data") as server:
        acknowledged: list[str] = []
        started = threading.Event()

        def write(worker: int) -> None:
            with clients[worker] as client:
                for number in range(10_000):
                    title = f"tenant {worker} {number}"
                    try:
                        answer = client.post("/api/tenant", json={"title": title})
                    except httpx.TransportError:
                        return
                    if answer.status_code != 200:
                        return
                    acknowledged.append(title)
                    started.set()

        clients = [sign_in(server) for _ in range(4)]
        workers = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
        for worker in workers:
            worker.start()
        assert started.wait(LONGEST_RUN_S)
        assert server.stop() == 0
        for worker in workers:
            worker.join()
        server.restart()
        with sign_in(server) as client:
            kept = titles(client)
    assert acknowledged
    assert set(acknowledged) <= kept


def titles(client: httpx.Client) -> set[str]:
    found: set[str] = set()
    page = 0
    while True:
        answer = client.get("/api/tenants", params={"page": page, "pageSize": 1000}).raise_for_status().json()
        found |= {it["title"] for it in answer["data"]}
        if not answer["hasNext"]:
            return found
        page += 1
