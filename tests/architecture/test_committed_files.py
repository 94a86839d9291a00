"""What is committed works on every machine: no paths of the machine somebody wrote it on."""

import re

from tests.architecture.repository import ROOT, git_files, name

# The brackets keep this file from finding itself.
MACHINE_PATHS = re.compile(rb"(?<![\w.])/(?:wor[k]|ro[o]t|tmp/bash[_]jobs)(?:/|\.)")


def test_no_path_of_a_machine_is_committed() -> None:
    found = [name(file) for file in git_files() if MACHINE_PATHS.search(file.read_bytes())]
    assert not found, "these name a folder that other machines do not have"


def test_lock_files_name_no_index_and_no_local_file() -> None:
    # An index address or a local path would tie everybody to the machine that wrote the lock.
    addresses = re.compile(r"--(?:extra-)?index-url|--find-links|https?://|file:|@ /")
    locks = [*ROOT.glob("*.lock"), *ROOT.glob("tests/conformance/*.lock")]
    assert locks
    assert not [name(lock) for lock in locks if addresses.search(lock.read_text())]


def test_every_locked_package_has_a_hash() -> None:
    for lock in [*ROOT.glob("*.lock"), *ROOT.glob("tests/conformance/*.lock")]:
        packages = re.findall(r"^[a-z0-9][^\n]*==[^\n]*\n(?!    --hash)", lock.read_text(), re.M)
        assert not packages, name(lock)
