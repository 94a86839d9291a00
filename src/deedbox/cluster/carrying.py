"""What goes along with a command to another node: which request it comes from, for logs and traces."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Carrier(Protocol):
    """Knows what is being done on behalf of whom."""

    def pick_up(self) -> dict[str, str]:
        """Return what other nodes are to know of what is being done now."""
        ...

    def step(self, name: str, carried: Mapping[str, str] | None = None) -> AbstractContextManager[object]:
        """Do what is done inside as a step of what is being done, or of what was carried here."""
        ...


class NoCarrier:
    """Carries nothing. A `Carrier`."""

    def pick_up(self) -> dict[str, str]:
        """Return nothing."""
        return {}

    def step(self, name: str, carried: Mapping[str, str] | None = None) -> AbstractContextManager[object]:
        """Do nothing beside."""
        return nullcontext()
