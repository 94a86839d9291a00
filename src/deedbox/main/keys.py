"""Opens the key file, and refuses to make a new one beside a database that was written with another."""

import sqlite3

from deedbox.config.declared import Settings
from deedbox.core.keys import KeyRing
from deedbox.main.failures import CannotStart
from deedbox.main.folder import sqlite_file
from deedbox.security.key_file import load_or_make
from deedbox.storage.migrating import is_postgresql
from deedbox.storage.opening import server_facts

_FINGERPRINT = b"fingerprint"


def open_key_ring(settings: Settings) -> KeyRing:
    """Return the key ring; make the key file on the first start. Raises CannotStart, KeyFileError."""
    if not settings.key_file.exists() and holds_secrets(settings):
        raise CannotStart(
            f"The key file {settings.key_file} is missing, but the database was written with it. "
            "Put back the copy that you keep outside of backups, or name it: DEEDBOX_SECRETS_KEY_FILE."
        )
    return load_or_make(settings.key_file)


def fingerprints(keys: KeyRing) -> dict[int, str]:
    """Return a name for each generation's keys that tells nothing about them: who has them can check it."""
    named = keys.lookup_digests(_FINGERPRINT, "fingerprint")
    return {it[0]: it[1:].hex() for it in named}


def holds_secrets(settings: Settings) -> bool:
    """Tell whether the database holds anything that only its own key file can read."""
    if is_postgresql(settings.database_url):
        return server_facts(settings.database_url).holds_users
    path = sqlite_file(settings)
    if not path.exists():
        return False
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        made = connection.execute("select 1 from sqlite_master where name = 'user_account'").fetchone()
        return bool(made and connection.execute("select 1 from user_account limit 1").fetchone())
    finally:
        connection.close()
