"""Brings a database's schema to this release's revision; refuses one that is newer than the release."""

import sqlite3
from importlib.resources import files
from pathlib import Path
from typing import Any

SCHEMA_FOLDER = "deedbox.storage.migrations"


class WrongSchema(Exception):
    """The database's schema does not fit this release."""


def newest_revision() -> str:
    """Return the revision that this release needs, from the names of the migration files."""
    names = [it.name for it in files(f"{SCHEMA_FOLDER}.versions").iterdir() if it.name[:4].isdigit()]
    return max(name[:4] for name in names)


def current_revision(path: Path) -> str | None:
    """Return the revision of a SQLite file, None for an empty one. Reads only."""
    if not path.exists():
        return None
    with sqlite3.connect(path) as connection:
        known = connection.execute("select 1 from sqlite_master where name = 'alembic_version'")
        if known.fetchone() is None:
            return None
        row = connection.execute("select version_num from alembic_version").fetchone()
    connection.close()
    return str(row[0]) if row else None


def migrate(url: str) -> tuple[str | None, str]:
    """Run the migrations that a database still needs; return its revisions before and after.

    `url` is `sqlite:///deedbox-data/deedbox.sqlite` or PostgreSQL's. Raises WrongSchema for a newer schema.
    """
    if is_postgresql(url):
        from deedbox.storage.postgresql_schema import with_locked_schema

        return with_locked_schema(url, _upgrade), newest_revision()
    # Imported here: it takes longer and more memory than all the rest, and a start rarely needs it.
    import sqlalchemy

    engine = sqlalchemy.create_engine(url)
    try:
        with engine.connect() as connection:
            before = _upgrade(connection)
            connection.commit()
    finally:
        engine.dispose()
    return before, newest_revision()


def _upgrade(connection: Any) -> str | None:
    """Run the migrations on a connection of SQLAlchemy; return the revision before."""
    from alembic import command
    from alembic.config import Config
    from alembic.migration import MigrationContext

    before = MigrationContext.configure(connection).get_current_revision()
    check_not_newer(before)
    config = Config()
    config.set_main_option("script_location", SCHEMA_FOLDER.replace(".", ":", 1).replace(".", "/"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    return before


def is_postgresql(url: str) -> bool:
    """Tell whether a database URL names PostgreSQL."""
    return url.partition(":")[0] in ("postgresql", "postgres")


def check_not_newer(revision: str | None) -> None:
    """Raise WrongSchema when the database was made by a newer release."""
    if revision is not None and revision > newest_revision():
        raise WrongSchema(
            f"The database has schema {revision}; this release of Deedbox knows up to {newest_revision()}. "
            "Install the release that made it, or a newer one."
        )
