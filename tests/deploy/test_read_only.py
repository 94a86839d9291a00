"""The server runs where nothing but its data folder can be written, without any right, as in the image."""

import shutil
import subprocess
from pathlib import Path

import httpx

from tests.server_process import COMMAND, running_server

#: Binds the data folder, makes all else read-only and gives up all rights. $0 is this script, $3 the folder.
SCRIPT = """#!/bin/sh
set -e
if [ "$1" != inside ]; then
    exec unshare --mount --propagation private "$0" inside "$@"
fi
shift
mkdir -p "$3"
mount --bind "$3" "$3"
mount -o remount,bind,ro /
if touch /tmp/writable "{beside}/writable" 2>/dev/null; then
    echo "not read-only" >&2
    exit 9
fi
export PYTHONDONTWRITEBYTECODE=1
exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all "{command}" "$@"
"""


def test_nothing_but_the_data_folder_is_written_and_no_right_is_needed(tmp_path: Path) -> None:
    """Issue 4: non-root, read-only file system; where the machine lets tests make a view of their own."""
    if not _may_unshare():
        return
    command = tmp_path / "deedbox"
    command.write_text(SCRIPT.format(beside=tmp_path, command=COMMAND), encoding="utf-8")
    command.chmod(0o755)
    with running_server(tmp_path / "data", command=command) as server:
        who = {"username": server.email, "password": server.password}
        answer = httpx.post(f"{server.base_url}/api/auth/login", json=who, trust_env=False)
        assert answer.status_code == httpx.codes.OK
        assert _capabilities(server.pid) == 0
        assert server.stop() == 0
    assert {it.name for it in tmp_path.iterdir()} == {"deedbox", "data", "data.log"}


def _may_unshare() -> bool:
    programs = all(map(shutil.which, ("unshare", "setpriv", "mount")))
    asked = ["unshare", "--mount", "--propagation", "private", "mount", "-o", "remount,bind,ro", "/"]
    return programs and subprocess.run(asked, check=False, capture_output=True).returncode == 0


def _capabilities(pid: int) -> int:
    """The rights that a process has, as a set of bits."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    return int(next(it for it in status.splitlines() if it.startswith("CapEff:")).split()[1], 16)
