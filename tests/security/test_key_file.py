"""The key file: made once, private, replaced as a whole, and refused when it can't be trusted."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from deedbox.security.key_file import KeyFileError, add_generation, load, load_or_make


def test_the_first_start_makes_a_private_file(tmp_path: Path) -> None:
    """Promised by behaviour §7."""
    path = tmp_path / "secret.key"
    assert load_or_make(path).generations == [1]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [it.name for it in tmp_path.iterdir()] == ["secret.key"]


def test_later_starts_read_the_same_keys(tmp_path: Path) -> None:
    path, owner = tmp_path / "secret.key", uuid4()
    assert load_or_make(path).digest(owner, "secret") == load_or_make(path).digest(owner, "secret")


def test_starts_at_the_same_time_agree(tmp_path: Path) -> None:
    path, owner = tmp_path / "secret.key", uuid4()
    with ThreadPoolExecutor(8) as pool:
        rings = list(pool.map(load_or_make, [path] * 8))
    assert len({ring.digest(owner, "secret") for ring in rings}) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601])
def test_a_file_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "secret.key"
    load_or_make(path)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=f"mode {mode:04o}.*chmod 600"):
        load_or_make(path)


def test_rotation_adds_a_generation_and_keeps_the_old_ones(tmp_path: Path) -> None:
    path, owner = tmp_path / "secret.key", uuid4()
    old = load_or_make(path)
    assert add_generation(path) == 2
    new = load(path)
    assert new.generations == [1, 2]
    assert new.newest == 2
    assert old.digest(owner, "secret") in new.digests(owner, "secret")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"generations": {}}',
        '{"generations": {"0": {"digest": "", "encryption": "", "signing": ""}}}',
        '{"generations": {"1": {"digest": "x"}}}',
        json.dumps({"generations": {"1": dict.fromkeys(("digest", "encryption", "signing"), "!" * 44)}}),
        json.dumps({"generations": {"1": dict.fromkeys(("digest", "encryption", "signing"), "A" * 43)}}),
        "\udcff",
    ],
)
def test_a_damaged_file_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "secret.key"
    path.write_text(text, errors="surrogateescape")
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="is damaged"):
        load_or_make(path)


def test_a_folder_in_its_place_and_a_missing_folder_are_said(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="can't be read"):
        load(tmp_path / "secret.key")
    with pytest.raises(KeyFileError, match="can't be made"):
        load_or_make(tmp_path / "missing" / "secret.key")
    (tmp_path / "folder").mkdir(mode=0o700)
    with pytest.raises(KeyFileError):
        load_or_make(tmp_path / "folder")
