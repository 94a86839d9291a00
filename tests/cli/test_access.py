"""`deedbox access explain` says what decides, while a server may run."""

import asyncio
from pathlib import Path

from tests.api.deployment import EMAILS, make_template, opened_deployment
from tests.cli.running import ran


async def _prepared(folder: Path) -> str:
    """Fill a folder with everybody and a lamp; return the lamp's name."""
    await make_template(folder)
    async with opened_deployment(folder) as it:
        await it.make_device("lamp")
    return "lamp"


def test_decisions_are_explained(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    device = asyncio.run(_prepared(folder))

    def asked(who: str, operation: str, name: str = device) -> tuple[int, str]:
        told = ran(
            *("access", "explain", "--data", str(folder)),
            *("--user", EMAILS.get(who, who), "--operation", operation, "--device", name),
        )
        return told.returncode, told.stdout + told.stderr

    code, text = asked("alice", "claim_devices")
    assert code == 0
    assert text.splitlines() == [
        "allowed",
        "  default role of the group 'Customer Users': CLAIM_DEVICES on DEVICE for what the own tenant has",
    ]
    code, text = asked("alice", "RPC_CALL")
    assert code == 1
    assert "only for what the own customer has" in text
    code, text = asked("maker", "OPEN")
    assert code == 1
    assert "There is no operation 'OPEN'" in text
