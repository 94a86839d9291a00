"""Claims over REST: a real server on the first processor, wrk on the second."""

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.request import urlopen
from uuid import UUID

import typer

from bench.claims_database import Deployment, device_name, secret_key
from deedbox.core.keys import KeyRing
from deedbox.core.permissions import Authority
from deedbox.core.sessions import Session
from deedbox.core.sign_in import SignInPolicy
from deedbox.core.users import User
from deedbox.security.tokens import SignInTokens
from deedbox.storage.opening import DATABASE_NAME
from tests.ports import free_port

_SCRIPT = Path(__file__).with_name("claims.lua")
_RESULT = re.compile(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+)")


def claims_over_rest(
    folder: Path, it: Deployment, keys: KeyRing, numbers: Sequence[int], clients: int, seconds: int
) -> tuple[int, float, float, float]:
    """Return how many claims were made, in how many seconds, and the latencies' p50 and p99 in ms.

    `numbers` must be more devices than can be claimed in that time. Checks afterwards that nothing was
    refused, that the database has a deed for each success, and none twice.
    """
    if not shutil.which("wrk"):
        raise typer.BadParameter("wrk is missing. Debian: apt-get install wrk")
    before = _open_deeds(folder)
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as requests:
        tokens = _tokens(it, keys)
        for index, number in enumerate(numbers):
            path = f"/api/customer/device/{device_name(number)}/claim"
            requests.write(f"{path}\t{secret_key(number)}\t{tokens[index % len(tokens)]}\n")
        requests.flush()
        claims, duration_us, errors, p50_us, p99_us = _run(folder, requests.name, clients, seconds)
    opened = _open_deeds(folder) - before
    assert errors == 0, f"{errors} of {claims} claims were refused; {len(numbers)} devices were too few"
    # What was under way when wrk stopped is stored, but not counted by it.
    assert claims <= opened <= claims + clients, f"{opened} deeds for {claims} successes"
    return claims, duration_us / 1e6, p50_us / 1000, p99_us / 1000


def _run(folder: Path, requests: str, clients: int, seconds: int) -> tuple[int, ...]:
    port = free_port()
    server = subprocess.Popen(
        [
            *("taskset", "-c", "0", sys.executable, "-m", "deedbox", "serve", "--data", str(folder)),
            *("--http", f"127.0.0.1:{port}", "--mqtt", "off", "--coap", "off"),
        ],
        env=os.environ
        | {"DEEDBOX_ADMIN_EMAIL": "admin@example.com", "DEEDBOX_ADMIN_PASSWORD": "for the bench"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_ready(f"http://127.0.0.1:{port}/readyz")
        wrk = [
            "taskset",
            "-c",
            "1",
            "wrk",
            "-t1",
            f"-c{clients}",
            f"-d{seconds}",
            "--latency",
            "-s",
            str(_SCRIPT),
        ]
        done = subprocess.run(
            [*wrk, f"http://127.0.0.1:{port}", "--", requests], capture_output=True, text=True, check=True
        )
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)
    found = _RESULT.search(done.stdout)
    assert found, done.stdout + done.stderr
    return tuple(int(number) for number in found.groups())


def _wait_until_ready(url: str) -> None:
    for _ in range(400):
        try:
            with urlopen(url, timeout=1) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.05)
    raise typer.BadParameter("the server did not start")


def _tokens(it: Deployment, keys: KeyRing) -> list[str]:
    now_ms = time.time_ns() // 1_000_000
    tokens = SignInTokens(keys, SignInPolicy(), lambda: now_ms)
    return [
        tokens.issue(_user(it, customer_id, user_id, number), _session(user_id, session_id, now_ms)).token
        for number, (customer_id, user_id, session_id) in enumerate(it.customers)
    ]


def _user(it: Deployment, customer_id: UUID, user_id: UUID, number: int) -> User:
    email = f"user{number}@example.com"
    return User(
        id=user_id,
        tenant_id=it.tenant_id,
        customer_id=customer_id,
        email=email,
        authority=Authority.CUSTOMER_USER,
        first_name=None,
        last_name=None,
        phone=None,
        additional_info="{}",
        enabled=True,
        activated=True,
        created_at=0,
        version=1,
    )


def _session(user_id: UUID, session_id: UUID, now_ms: int) -> Session:
    return Session(session_id, user_id, created_at=now_ms, expires_at=now_ms + 86_400_000, refresh_id="bench")


def _open_deeds(folder: Path) -> int:
    with sqlite3.connect(folder / DATABASE_NAME) as connection:
        row = connection.execute(
            "select count(*), count(distinct device_id) from deed where closed_at is null"
        )
        deeds, devices = row.fetchone()
    connection.close()
    assert deeds == devices, "a device has two open deeds"
    return int(deeds)
