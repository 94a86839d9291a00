"""`deedbox backup` and `deedbox restore`: what they make, what they refuse, and that they leave no mess."""

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from deedbox.config.declared import Settings
from deedbox.config.loading import load
from deedbox.main.backing_up import back_up
from deedbox.main.failures import CannotStart
from deedbox.main.folder import held_folder
from deedbox.main.restoring import restore
from deedbox.storage.backup_seals import check_seal, facts_of, seal, write_facts
from tests.api.deployment import copy_of, make_template, opened_deployment
from tests.cli.running import ran
from tests.server_process import COMMAND


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with people and two devices, one of them owned."""
    folder = tmp_path_factory.mktemp("template") / "data"
    asyncio.run(make_template(folder))
    asyncio.run(_fill(folder))
    return folder


async def _fill(folder: Path) -> None:
    async with opened_deployment(folder) as site:
        for name in ("gadget-1", "gadget-2"):
            device = await site.make_device(name)
            token = await site.device_token(device["id"]["id"])
            await site.call("", "POST", f"/api/v1/{token}/claim", json={"secretKey": "mine"})
        await site.ok("alice", "POST", "/api/customer/device/gadget-1/claim", {"secretKey": "mine"})


@pytest.fixture
def data(template: Path, tmp_path: Path) -> Path:
    return copy_of(template, tmp_path / "data")


def settings_of(folder: Path) -> Settings:
    return load({"data.folder": ("--data", str(folder))}, {}).settings


def silent(_what: str, _done: int, _total: int) -> None:
    pass


def backed_up(folder: Path, target: Path) -> Path:
    return back_up(settings_of(folder), str(target), force=False, tell=silent).path


def names(folder: Path) -> list[str]:
    return sorted(it.name for it in folder.iterdir())


def for_machines(*words: str) -> dict[str, Any]:
    done = ran(*words, "--json")
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_what_was_backed_up_is_there_after_a_restore_elsewhere(data: Path, tmp_path: Path) -> None:
    """Issue 4: the key file is kept apart, and is put beside the database again."""
    made = for_machines("backup", str(tmp_path / "backup.sqlite"), "--data", str(data))
    assert made["counts"] == {"tenants": 2, "customers": 2, "users": 5, "devices": 2, "owned_devices": 1}
    assert (tmp_path / "backup.sqlite").stat().st_mode & 0o777 == 0o600
    new = tmp_path / "new"
    restored = for_machines("restore", str(tmp_path / "backup.sqlite"), "--data", str(new))
    assert restored["counts"] == made["counts"]
    assert (restored["key_file_fits"], restored["replaced"]) == (None, None)
    (data / "secret.key").rename(new / "secret.key")

    async def look() -> None:
        async with opened_deployment(new) as site:
            body = {"secretKey": "mine"}
            await site.ok("bob", "POST", "/api/customer/device/gadget-2/claim", body)
            lost = await site.call("bob", "POST", "/api/customer/device/gadget-1/claim", json=body)
            assert lost.json() == "CLAIMED"

    asyncio.run(look())


def test_people_are_told_what_is_in_it_and_that_the_key_file_is_not(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    told = ran("backup", str(folder), "--data", str(data))
    assert told.returncode == 0, told.stderr
    (name,) = names(folder)
    assert name.startswith("deedbox-2")
    assert "2 devices, 1 owned devices" in told.stdout
    assert f"NOT in it: the key file {data / 'secret.key'}" in told.stdout
    assert "generation 1, " in told.stdout
    keys = json.loads((data / "secret.key").read_text("utf-8"))["generations"]["1"]
    assert not any(keys[kind] in told.stdout for kind in ("digest", "encryption", "signing"))


def test_a_restored_database_keeps_no_trace_of_the_backup(data: Path, tmp_path: Path) -> None:
    backup = backed_up(data, tmp_path / "backup")
    restore(settings_of(data), backup, force=True, tell=silent)
    again = backed_up(data, tmp_path / "again")
    assert facts_of(again).counts == facts_of(backup).counts


def test_a_key_file_that_fits_is_told(data: Path, tmp_path: Path) -> None:
    backup = backed_up(data, tmp_path / "backup")
    told = ran("restore", str(backup), "--data", str(data), "--force")
    assert f"The key file {data / 'secret.key'} belongs to it." in told.stdout
    (aside,) = data.glob("replaced-*")
    assert str(aside) in told.stdout
    assert names(aside) == ["deedbox.sqlite"]


def test_another_key_file_is_refused_before_anything_changes(data: Path, tmp_path: Path) -> None:
    backup = backed_up(data, tmp_path / "backup")
    other = tmp_path / "other"
    assert ran("secrets", "rotate", "--data", str(other)).returncode == 0
    before = names(other)
    refused = ran("restore", str(backup), "--data", str(other), "--force")
    assert refused.returncode == 1
    assert "does not belong to this backup" in refused.stderr
    assert names(other) == before


def test_without_its_key_file_a_backup_is_made_with_a_warning(data: Path, tmp_path: Path) -> None:
    (data / "secret.key").rename(tmp_path / "secret.key")
    made = ran("backup", str(tmp_path / "backup"), "--data", str(data))
    assert made.returncode == 0
    assert "warning: The key file" in made.stderr
    told = ran("restore", str(tmp_path / "backup"), "--data", str(tmp_path / "new"))
    assert "does not say which key file belongs to it" in told.stdout


def test_a_key_file_without_a_needed_generation_is_noticed(data: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    assert ran("secrets", "rotate", "--data", str(other)).returncode == 0
    assert ran("secrets", "rotate", "--prune", "--data", str(other)).returncode == 0
    (other / "secret.key").replace(data / "secret.key")
    refused = ran("backup", str(tmp_path / "backup"), "--data", str(data))
    assert refused.returncode == 1
    assert "needs key generation 1" in refused.stderr
    assert not (tmp_path / "backup").exists()


def test_a_running_server_and_a_database_that_is_there_are_refused(data: Path, tmp_path: Path) -> None:
    backup = backed_up(data, tmp_path / "backup")
    with held_folder(settings_of(data)):
        held = ran("restore", str(backup), "--data", str(data), "--force")
    assert (held.returncode, "Stop it first" in held.stderr) == (1, True)
    there = ran("restore", str(backup), "--data", str(data))
    assert (there.returncode, "--force" in there.stderr) == (1, True)
    assert not list(data.glob("replaced-*"))


def test_a_backup_of_a_newer_release_is_refused(data: Path, tmp_path: Path) -> None:
    backup = backed_up(data, tmp_path / "backup")
    facts = facts_of(backup)
    newer = type(facts)(
        made_at=1, version="9", schema="9999", counts={}, key_fingerprints=facts.key_fingerprints
    )
    write_facts(backup, newer)
    seal(backup, lambda _done, _total: None)
    refused = ran("restore", str(backup), "--data", str(tmp_path / "new"))
    assert refused.returncode == 1
    assert "9999" in refused.stderr
    assert not (tmp_path / "new").exists()


def test_what_is_no_whole_backup_is_refused_and_makes_no_folder(data: Path, tmp_path: Path) -> None:
    backup = backed_up(data, tmp_path / "backup")
    content = backup.read_bytes()
    wrong = {
        "truncated": (content[: len(content) // 2], "is damaged"),
        "changed": (content[:-1000] + b"x" + content[-999:], "is damaged"),
        "text": (b"a text", "is no backup"),
        "empty": (b"", "is no backup"),
        "database": ((data / "deedbox.sqlite").read_bytes(), "is no backup"),
    }
    for name, (bytes_of_it, said) in wrong.items():
        (tmp_path / name).write_bytes(bytes_of_it)
        refused = ran("restore", str(tmp_path / name), "--data", str(tmp_path / "new"))
        assert (refused.returncode, said in refused.stderr) == (1, True), (name, refused.stderr)
    missing = ran("restore", str(tmp_path / "missing"), "--data", str(tmp_path / "new"))
    assert (missing.returncode, "No such file" in missing.stderr) == (1, True)
    folder = ran("restore", str(tmp_path), "--data", str(tmp_path / "new"))
    assert (folder.returncode, "Traceback" in folder.stderr) == (1, False)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("data/deedbox.sqlite", "is a name that the server uses"),
        ("data/deedbox.sqlite-wal", "is a name that the server uses"),
        ("data/secret.key", "is a name that the server uses"),
        ("nowhere/backup", "There is no folder"),
        ("nowhere/", "There is no folder"),
        ("text/backup", "There is no folder"),
        ("text", "is no backup, so it is not replaced"),
    ],
)
def test_bad_targets_are_refused_even_by_force(data: Path, tmp_path: Path, target: str, said: str) -> None:
    (tmp_path / "text").write_text("a text", encoding="utf-8")
    key = (data / "secret.key").read_bytes()
    refused = ran("backup", f"{tmp_path}/{target}", "--data", str(data), "--force")
    assert (refused.returncode, said in refused.stderr) == (1, True), refused.stderr
    assert (data / "secret.key").read_bytes() == key
    assert names(tmp_path) == ["data", "text"]


def test_a_backup_is_replaced_by_force_only(data: Path, tmp_path: Path) -> None:
    backup = backed_up(data, tmp_path / "backup")
    before = backup.read_bytes()
    refused = ran("backup", str(backup), "--data", str(data))
    assert (refused.returncode, "--force" in refused.stderr) == (1, True)
    assert backup.read_bytes() == before
    assert ran("backup", str(backup), "--data", str(data), "--force").returncode == 0
    assert check_seal(backup, lambda _done, _total: None) and backup.read_bytes() != before


def test_where_there_is_no_database_nothing_is_made(tmp_path: Path) -> None:
    refused = ran("backup", str(tmp_path / "backup"), "--data", str(tmp_path / "none"))
    assert (refused.returncode, "There is no database" in refused.stderr) == (1, True)
    assert names(tmp_path) == []


@pytest.mark.parametrize("phase", ["Copying", "Checking", "Sealing"])
def test_an_interrupted_backup_leaves_nothing(data: Path, tmp_path: Path, phase: str) -> None:
    def interrupt(what: str, _done: int, _total: int) -> None:
        if what == phase:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        back_up(settings_of(data), str(tmp_path / "backup"), force=False, tell=interrupt)
    assert names(tmp_path) == ["data"]


@pytest.mark.parametrize("phase", ["Checking", "Copying", "Checking the copy"])
def test_an_interrupted_restore_changes_nothing(data: Path, tmp_path: Path, phase: str) -> None:
    backup = backed_up(data, tmp_path / "backup")
    before = names(data)

    def interrupt(what: str, _done: int, _total: int) -> None:
        if what == phase:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore(settings_of(data), backup, force=True, tell=interrupt)
    assert names(data) == before


def test_a_disk_that_takes_no_more_is_told_and_leaves_nothing(data: Path, tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk."""
    limited = f"ulimit -f 200; exec {COMMAND} backup {tmp_path / 'backup'} --data {data}"
    refused = subprocess.run(["bash", "-c", limited], check=False, capture_output=True, text=True)
    assert refused.returncode == 1
    assert f"The backup {tmp_path / 'backup'} can't be written" in refused.stderr
    assert names(tmp_path) == ["data"]


def test_a_damaged_database_is_not_backed_up(data: Path, tmp_path: Path) -> None:
    database = data / "deedbox.sqlite"
    content = bytearray(database.read_bytes())
    content[4096 * 10 : 4096 * 60] = bytes(4096 * 50)
    database.write_bytes(content)
    with pytest.raises(CannotStart, match=r"damaged|can't be used"):
        backed_up(data, tmp_path / "backup")
    assert names(tmp_path) == ["data"]


def test_other_databases_have_tools_of_their_own(tmp_path: Path) -> None:
    url = "postgresql://deedbox:a-password@127.0.0.1/deedbox"
    for words in (["backup", str(tmp_path / "backup")], ["restore", str(tmp_path / "backup")]):
        refused = ran(*words, "--database-url", url)
        assert (refused.returncode, "pg_dump" in refused.stderr) == (1, True), refused.stderr
        assert "a-password" not in refused.stderr
    assert names(tmp_path) == []
