"""Words that `deedbox backup` and `deedbox restore` share."""

from collections.abc import Mapping
from datetime import UTC, datetime


def moment(epoch_ms: int) -> str:
    """Return a moment for people, in UTC."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).isoformat(timespec="milliseconds")


def things(counts: Mapping[str, int]) -> str:
    """Return how many there are of what."""
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items())


def key_file_lines(fingerprints: Mapping[int, str]) -> list[str]:
    """Return a line for each generation of keys that a backup needs."""
    return [f"  needed from it: generation {number}, {it}" for number, it in fingerprints.items()]
