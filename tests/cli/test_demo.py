"""`deedbox demo`: the story comes out; the live one is claimed by whoever reads its terminal (design §4)."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest

DEEDBOX = Path(sys.executable).with_name("deedbox")
LINK = re.compile(r"http://127\.0\.0\.1:(\d+)/d#([^.\s]+)\.(\S+)")
LONGEST_S = 60


def test_the_story_is_played_unattended() -> None:
    done = subprocess.run(
        [DEEDBOX, "demo", "--once"], capture_output=True, text=True, timeout=LONGEST_S, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "The whole story came out." in done.stdout
    assert done.stdout.count("✓") == 10


@pytest.fixture
def live_demo(tmp_path: Path) -> Iterator[Path]:
    screen = tmp_path / "screen.txt"
    with screen.open("wb") as output:
        process = subprocess.Popen(
            [DEEDBOX, "demo", "--local"], stdout=output, stderr=output, env=os.environ | {"COLUMNS": "200"}
        )
    yield screen
    process.send_signal(signal.SIGINT)
    assert process.wait(LONGEST_S) == 0
    assert "Stopped; nothing is kept." in screen.read_text()


def test_both_lamps_can_be_claimed_with_what_the_terminal_shows(live_demo: Path) -> None:
    links = _links(live_demo)
    password = re.search(r"e-mail\s+green@example.com\s+password\s+(\S+)", live_demo.read_text())
    assert password

    base_url = f"http://127.0.0.1:{links[0][0]}"
    with httpx.Client(base_url=base_url, timeout=30) as phone:
        body = {"username": "green@example.com", "password": password[1]}
        token = phone.post("/api/auth/login", json=body).json()["token"]
        phone.headers["X-Authorization"] = f"Bearer {token}"
        answers = [
            phone.post(f"/api/customer/device/{name}/claim", json={"secretKey": unquote(key)}).json()
            for _, name, key in links
        ]

    assert [answer["response"] for answer in answers] == ["SUCCESS", "SUCCESS"]
    assert [answer["device"]["name"] for answer in answers] == ["NL-000001", "NL-000002"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_server_does_not_outlive_the_demonstration(tmp_path: Path, number: signal.Signals) -> None:
    screen = tmp_path / "screen.txt"
    with screen.open("wb") as output:
        process = subprocess.Popen(
            [DEEDBOX, "demo", "--local"], stdout=output, stderr=output, env=os.environ | {"COLUMNS": "200"}
        )
    port = _links(screen)[0][0]

    process.send_signal(number)
    process.wait(LONGEST_S)

    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/livez", timeout=5)


def _links(screen: Path) -> list[tuple[str, str, str]]:
    deadline = time.monotonic() + LONGEST_S
    while len(found := LINK.findall(screen.read_text())) < 2:
        assert time.monotonic() < deadline, screen.read_text()
        time.sleep(0.1)
    return list(found)
