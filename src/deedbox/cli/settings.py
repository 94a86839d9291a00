"""How options become settings, and what is said when they can't."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from deedbox.config.loading import Loaded, load
from deedbox.config.sources import BadSettings


def loaded(options: Mapping[str, tuple[str, str | None]], file: Path | None) -> Loaded:
    """Return the settings in force; say what is wrong with them and exit with 2 when they can't be used.

    `options` maps a setting's name to its option and the value, None when it was not given.
    """
    try:
        return load(options, os.environ, file)
    except BadSettings as error:
        for problem in error.problems:
            print(f"deedbox: {problem}", file=sys.stderr)
        raise SystemExit(2) from None


def folder_options(data: str | None, database_url: str | None) -> dict[str, tuple[str, str | None]]:
    """Return the options that say where the data lies."""
    return {"data.folder": ("--data", data), "database.url": ("--database-url", database_url)}
