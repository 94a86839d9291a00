"""How commands fail: in words on the standard error, with exit code 1."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def failing() -> Iterator[None]:
    """Say why a command can't do its work, and exit with 1."""
    try:
        yield
    except Exception as error:
        # Imported late: whoever raised it has it, nobody else needs it.
        from deedbox.main.failures import CannotStart

        if not isinstance(error, CannotStart):
            raise
        print(f"deedbox: {error}", file=sys.stderr)
        raise SystemExit(1) from None
