"""Brings a database's schema to this release's revision; refuses one that this release can't work with.

A schema is expanded by one release and contracted by a later one, so the release before runs on it, too. The
database says from which revision on that holds, since the older release can't know.
"""

import sqlite3
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

SCHEMA_FOLDER = "deedbox.storage.migrations"
#: The oldest revision whose release runs on this release's schema. A migration that takes away what that
#: release uses raises it (CONTRIBUTING: expand, then contract).
RUNS_FROM = "0007"
# Kept where both databases have room for a remark: it is about the tables, not in one of them.
_PROMISES = {
    "sqlite": f"pragma user_version = {int(RUNS_FROM)}",
    "postgresql": f"comment on table alembic_version is '{RUNS_FROM}'",
}


class WrongSchema(Exception):
    """The database's schema does not fit this release."""


class Schema(NamedTuple):
    """A database's revision, None without tables; `runs_from` is the oldest whose release works with it.

    `is_copying`: `deedbox copy` has not brought everything yet.
    """

    revision: str | None
    runs_from: str | None = None
    is_copying: bool = False


def newest_revision() -> str:
    """Return the revision that this release needs."""
    return max(_revisions())


def _revisions() -> set[str]:
    """Return all revisions that this release knows, from the names of the migration files."""
    names = [it.name for it in files(f"{SCHEMA_FOLDER}.versions").iterdir()]
    return {name[:4] for name in names if name[:4].isdigit()}


def schema_of_file(path: Path) -> Schema:
    """Return the schema of a SQLite file. Reads only."""
    if not path.exists():
        return Schema(None)
    with closing(sqlite3.connect(path)) as connection:
        known = connection.execute("select 1 from sqlite_master where name = 'alembic_version'")
        if known.fetchone() is None:
            return Schema(None)
        row = connection.execute("select version_num from alembic_version").fetchone()
        runs_from = connection.execute("pragma user_version").fetchone()[0]
    return Schema(str(row[0]) if row else None, f"{runs_from:04}" if runs_from else None)


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
    if before is not None and before > newest_revision():
        return before  # another release made more of it meanwhile; the caller looks whether it fits
    config = Config()
    config.set_main_option("script_location", SCHEMA_FOLDER.replace(".", ":", 1).replace(".", "/"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.exec_driver_sql(_PROMISES[connection.dialect.name])
    return before


def is_postgresql(url: str) -> bool:
    """Tell whether a database URL names PostgreSQL."""
    return url.partition(":")[0] in ("postgresql", "postgres")


def check_fits(schema: Schema) -> None:
    """Raise WrongSchema for half a copy, for nobody's schema, for a newer one that refuses this release."""
    if schema.is_copying:
        raise WrongSchema(
            "Only a part of a deployment has been copied into this database. Run the same `deedbox copy` "
            "again: it goes on where it stopped."
        )
    newest = newest_revision()
    if schema.revision is None or schema.revision in _revisions():
        return
    if schema.revision < newest:
        raise WrongSchema(
            f"The database has schema {schema.revision}, which no release of Deedbox made; this one knows "
            f"0001 to {newest}. Restore a backup, or install what made it."
        )
    if schema.runs_from is None or schema.runs_from > newest:
        needed = f", and works from {schema.runs_from} on" if schema.runs_from else ""
        raise WrongSchema(
            f"The database has schema {schema.revision}{needed}; "
            f"this release of Deedbox knows up to {newest}. Install the release that made it, or a newer one."
        )
