"""`deedbox copy`: what it says, what it refuses, and that nothing starts on half of a deployment."""

import asyncio
import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from deedbox.main.folder import held_folder
from tests.api.deployment import copy_of, make_template
from tests.cli.running import ran
from tests.cli.test_backup import settings_of
from tests.conformance.mqtt_site import wait_until
from tests.ports import free_port
from tests.server_process import COMMAND
from tests.storage.copy_bench import run_in_source
from tests.storage.postgresql_bench import (
    EMPTY,
    PlainPostgreSQL,
    drop_postgresql,
    new_postgresql,
    run_plainly,
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with people."""
    folder = tmp_path_factory.mktemp("template") / "data"
    asyncio.run(make_template(folder))
    return folder


@pytest.fixture
def data(template: Path, tmp_path: Path) -> Path:
    return copy_of(template, tmp_path / "data")


@pytest.fixture
def url() -> Iterator[str]:
    """An empty database."""
    address = new_postgresql(EMPTY)
    yield address
    drop_postgresql(address)


def copied(data: Path, url: str, *more: str) -> subprocess.CompletedProcess[str]:
    return ran("copy", "--data", str(data), *more, environment={"DEEDBOX_DATABASE_URL": url})


def for_machines(data: Path, url: str, *more: str) -> dict[str, Any]:
    done = copied(data, url, "--json", *more)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """What a command said that could not do its work: on the standard error, without a traceback."""
    assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (1, "", False), done.stderr
    return done.stderr


def test_people_are_told_what_is_copied_and_that_the_key_file_is_not(data: Path, url: str) -> None:
    """Issue 4, point 3: from where it is by default, to where the settings say."""
    done = copied(data, url)
    assert done.returncode == 0, done.stderr
    assert re.match(rf"Copied: \d+ rows of \d+ tables, from {data}/deedbox.sqlite\n", done.stdout)
    assert "Equal: the number of rows and the checksum of every table" in done.stdout
    assert f"NOT in the database: the key file. Servers will look for it at {data}/secret.key" in done.stdout
    assert "Bring it there" not in done.stdout
    assert (done.stderr, url in done.stdout) == ("", False)


def test_machines_are_told_every_table(data: Path, url: str, tmp_path: Path) -> None:
    """Both URLs named; servers of the target would have another folder."""
    options = ("--from", f"sqlite:{data}/deedbox.sqlite", "--to", url, "--data", str(tmp_path / "new"))
    done = ran("copy", "--json", *options)
    made = json.loads(done.stdout)
    assert made["tables"]["user_account"]["rows"] == 5
    assert made["rows"] == sum(it["rows"] for it in made["tables"].values())
    assert (made["rows_before"], made["source"]) == (0, f"{data}/deedbox.sqlite")
    assert made["key_file"] == str(tmp_path / "new" / "secret.key")
    assert made["key_file_at_source"] == str(data / "secret.key")
    assert [*made["key_fingerprints"]] == ["1"]
    assert for_machines(data, url, "--verify-only")["tables"] == made["tables"]


def test_nothing_starts_on_half_a_copy(data: Path, url: str) -> None:
    """Issue 4: it is killed in the middle; `serve`, `migrate` and `doctor` say what to do; it goes on."""
    run_in_source(data / "deedbox.sqlite", "update user_account set first_name = 'NUL ' || char(0)")
    assert "Table user_account, row id" in refusal(copied(data, url))
    options = ("--data", str(data), "--database-url", url)
    listening = ("--http", f"127.0.0.1:{free_port()}", "--mqtt", "off", "--coap", "off")
    for command in (("migrate",), ("serve", *listening)):
        assert "Run the same `deedbox copy` again" in refusal(ran(*command, *options))
    told = {it["check"]: it for it in json.loads(ran("doctor", *options, "--json").stdout)}
    assert told["database"]["status"] == "failed"
    assert "Only a part of a deployment" in told["database"]["text"]
    run_in_source(data / "deedbox.sqlite", "update user_account set first_name = null")
    assert "--restart" in refusal(copied(data, url))
    assert for_machines(data, url, "--restart")["rows_before"] == 0
    assert ran("migrate", *options).returncode == 0


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_copy_that_was_killed_goes_on(data: Path, url: str, ending: signal.Signals) -> None:
    """Issue 4, point 3: killed while it waits for the last table, with all others copied."""
    ran("migrate", "--data", str(data), "--database-url", url)
    command = [str(COMMAND), "copy", "--data", str(data), "--to", url]
    with closing(PlainPostgreSQL(url)) as beside:
        beside.script("begin; lock table user_session in exclusive mode")
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            wait_until(lambda: is_copied(url, "user_account"), "all tables before it are copied")
            process.send_signal(ending)
    assert process.returncode != 0
    done = for_machines(data, url)
    sessions = done["tables"]["user_session"]["rows"]
    assert sessions > 0
    assert done["rows_before"] == done["rows"] - sessions


def is_copied(url: str, table: str) -> bool:
    """Whether a copy under way is done with a table."""
    if run_plainly(url, "select to_regclass('copy_progress')", ()) == [(None,)]:
        return False
    return run_plainly(url, "select is_done from copy_progress where table_name = ?", (table,)) == [(True,)]


def test_a_source_in_use_is_not_copied(data: Path, url: str) -> None:
    with held_folder(settings_of(data)):
        assert "Stop it first" in refusal(copied(data, url))
    assert run_plainly(url, "select to_regclass('device')", ()) == [(None,)]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--to", "sqlite:other.sqlite"), "goes from SQLite to PostgreSQL"),
        (("--from", "postgresql://one.example/deedbox"), "pg_dump"),
        (("--from", "sqlite:nowhere/deedbox.sqlite"), "There is no database nowhere/deedbox.sqlite"),
        (("--from", "mysql:deedbox"), "begins with 'mysql'"),
        (("--to", "postgresql://nobody:sesame@127.0.0.1:1/none"), "PostgreSQL can't be used"),
    ],
)
def test_what_can_not_be_copied_is_said(data: Path, url: str, options: tuple[str, ...], said: str) -> None:
    told = refusal(copied(data, url, *options))
    assert said in told
    assert "sesame" not in told


def test_an_older_schema_is_migrated_first(data: Path, url: str) -> None:
    """Copies are of one release's schema to the same one's."""
    run_in_source(data / "deedbox.sqlite", "update alembic_version set version_num = '0001'")
    assert f"deedbox migrate --data {data} --database-url sqlite:{data}/deedbox.sqlite" in refusal(
        copied(data, url)
    )


def test_another_key_file_is_found(data: Path, url: str, tmp_path: Path) -> None:
    """What is copied could not be read with it: neither tokens of devices nor sign-ins."""
    other = tmp_path / "other"
    ran("migrate", "--data", str(other))
    asyncio.run(make_template(tmp_path / "stranger"))
    (tmp_path / "stranger" / "secret.key").rename(other / "secret.key")
    told = refusal(copied(other, url, "--from", f"sqlite:{data}/deedbox.sqlite"))
    assert f"key file {other}/secret.key, and it does not belong to the source: its generation 1" in told
    assert run_plainly(url, "select to_regclass('device')", ()) == [(None,)]
