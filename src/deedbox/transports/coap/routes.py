"""What paths mean: `/api/v1/TOKEN/telemetry` and its like; a certificate stands for the token."""

from collections.abc import Sequence
from typing import NamedTuple

#: What devices without credentials ask for.
PROVISION, RPC = "provision", "rpc"
FEATURES = frozenset(("claim", "telemetry", "attributes", RPC, PROVISION))
WELL_KNOWN = [b".well-known", b"core"]
_PREFIX = [b"api", b"v1"]


class Place(NamedTuple):
    """What a path names; `rest` is what stands behind the feature, as the 7 in `/rpc/7`."""

    access_token: str
    feature: str
    rest: str = ""


def place(path: Sequence[bytes], *, has_certificate: bool) -> Place | None:
    """Return what the path means, None for nothing. Features are written in any case, as devices do."""
    names = path[2:-1] if path and not path[-1] else path[2:]
    if path[:2] != _PREFIX or not 1 <= len(names) <= 3:
        return None
    first = _feature(names[0])
    if len(names) == 1 and first == PROVISION:
        return Place("", first)
    if has_certificate and first and not (len(names) > 1 and _feature(names[1])):
        return Place("", first, *map(_text, names[1:2])) if len(names) < 3 else None
    feature = _feature(names[1]) if len(names) > 1 else ""
    return Place(_text(names[0]), feature, *map(_text, names[2:])) if feature else None


def _feature(name: bytes) -> str:
    text = _text(name).lower()
    return text if text in FEATURES else ""


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")
