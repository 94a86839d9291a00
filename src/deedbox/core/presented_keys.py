"""A key that somebody presents, ready to be compared with what is stored."""

from collections.abc import Iterable
from uuid import UUID

from deedbox.core.keys import KeyRing, same
from deedbox.core.labels import normalised_short_code
from deedbox.core.ownership import Window, WindowKind


class PresentedKey:
    """The presented text as digests: as it stands, and once more as a short code (behaviour §2.4).

    All comparisons take the same time whatever the outcome (attacks A05).
    """

    __slots__ = ("_code", "_exact")

    def __init__(self, secret_key: str, device_id: UUID, keys: KeyRing) -> None:
        code = normalised_short_code(secret_key)
        self._exact = keys.digests(device_id, secret_key)
        self._code = keys.digests(device_id, code) if code else ()

    def opens(self, window: Window) -> bool:
        """Tell whether this is the window's key, open or not."""
        exact = same(self._exact, window.digest)
        code = window.kind is WindowKind.LABEL_SHORT_CODE and same(self._code, window.digest)
        return exact or code

    def was_among(self, burnt: Iterable[bytes]) -> bool:
        """Tell whether this is one of the keys that a deed burnt."""
        hits = [same(self._exact + self._code, digest) for digest in burnt]
        return any(hits)
