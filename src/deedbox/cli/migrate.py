"""`deedbox migrate`."""

from deedbox.cli.options import ConfigOption, DatabaseOption, DataOption
from deedbox.cli.settings import folder_options, loaded


def migrate(
    data: DataOption = None, database_url: DatabaseOption = None, config: ConfigOption = None
) -> None:
    """Bring the database to this release's schema. `serve` does the same when it starts."""
    from deedbox.main.folder import migrate_alone

    before, after = migrate_alone(loaded(folder_options(data, database_url), config).settings)
    if before == after:
        print(f"The database has schema {after}: nothing to do.")
    else:
        print(f"Schema before: {before or 'none'}. Schema now: {after}.")
