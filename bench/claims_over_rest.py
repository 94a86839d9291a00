"""Claims over REST: a real server and wrk beside it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.request import Request, urlopen
from uuid import UUID

import typer

from bench.claims_deployment import Database, Deployment, device_name, secret_key
from bench.postgresql_server import processor_s
from deedbox.core.keys import KeyRing
from deedbox.core.permissions import Authority
from deedbox.core.sessions import Session
from deedbox.core.sign_in import SignInPolicy
from deedbox.core.users import User
from deedbox.security.tokens import SignInTokens
from tests.ports import free_port

_SCRIPT = Path(__file__).with_name("claims.lua")
#: So many claims find plans and caches empty; they are made before the measuring.
_FIRST = 50
_RESULT = re.compile(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+)")


#: A path, a key and a sign-in token.
Claim = tuple[str, str, str]


class OverRest(NamedTuple):
    """How many claims were made, in how many seconds, their latencies, and what each took of processors."""

    claims: int
    seconds: float
    p50_ms: float
    p99_ms: float
    server_us: float
    database_us: float


def claims_over_rest(
    database: Database, it: Deployment, keys: KeyRing, numbers: Sequence[int], clients: int, seconds: int
) -> OverRest:
    """Claim for that long. `numbers` must be more devices than can be claimed in that time.

    Checks afterwards that nothing was refused, that the database has a deed for each success, and none twice.
    """
    if not shutil.which("wrk"):
        raise typer.BadParameter("wrk is missing. Debian: apt-get install wrk")
    before = database.open_deeds()
    tokens = _tokens(it, keys)
    claims = [
        (f"/api/customer/device/{device_name(number)}/claim", secret_key(number), tokens[index % len(tokens)])
        for index, number in enumerate(numbers)
    ]
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as requests:
        requests.writelines("\t".join(it) + "\n" for it in claims[_FIRST:])
        requests.flush()
        said, server_s, database_s = _run(database, claims[:_FIRST], requests.name, clients, seconds)
    claimed, duration_us, errors, p50_us, p99_us = said
    opened = database.open_deeds() - before - _FIRST
    assert errors == 0, f"{errors} of {claimed} claims were refused; {len(numbers)} devices were too few"
    # What was under way when wrk stopped is stored, but not counted by it.
    assert claimed <= opened <= claimed + clients, f"{opened} deeds for {claimed} successes"
    each_us = 1e6 / opened
    return OverRest(
        claimed, duration_us / 1e6, p50_us / 1000, p99_us / 1000, server_s * each_us, database_s * each_us
    )


def _run(
    database: Database, first: Sequence[Claim], requests: str, clients: int, seconds: int
) -> tuple[tuple[int, ...], float, float]:
    """Make the `first` claims one by one, then those in the file for so many seconds.

    Return what wrk says of the latter, and the processor seconds of the server and of the database.
    """
    port = free_port()
    server = _started(database, port)
    try:
        _wait_until_ready(f"http://127.0.0.1:{port}/readyz")
        for it in first:
            _claim(port, it)
        server_s, database_s = processor_s(server.pid), database.processor_s()
        load = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}", "--latency", "-s", str(_SCRIPT)]
        if database.on_processors:
            load = ["taskset", "-c", "1", *load]
        done = subprocess.run(
            [*load, f"http://127.0.0.1:{port}", "--", requests], capture_output=True, text=True, check=True
        )
        server_s, database_s = processor_s(server.pid) - server_s, database.processor_s() - database_s
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)
    found = _RESULT.search(done.stdout)
    assert found, done.stdout + done.stderr
    return tuple(int(number) for number in found.groups()), server_s, database_s


def _started(database: Database, port: int) -> subprocess.Popen[bytes]:
    own = {
        "DEEDBOX_ADMIN_EMAIL": "admin@example.com",
        "DEEDBOX_ADMIN_PASSWORD": "for the bench",
        "DEEDBOX_DATABASE_URL": database.url,
    }
    return subprocess.Popen(
        [
            *(*database.on_processors, sys.executable, "-m", "deedbox", "serve"),
            *(
                "--data",
                str(database.folder),
                "--http",
                f"127.0.0.1:{port}",
                "--mqtt",
                "off",
                "--coap",
                "off",
            ),
        ],
        env=os.environ | own,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _claim(port: int, claim: Claim) -> None:
    path, key, token = claim
    headers = {"X-Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    body = json.dumps({"secretKey": key}).encode()
    urlopen(Request(f"http://127.0.0.1:{port}{path}", body, headers), timeout=10).close()


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
