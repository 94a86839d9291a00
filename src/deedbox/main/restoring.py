"""`deedbox restore`: checks a backup and puts it in the place of a database that nobody uses."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from deedbox.config.declared import Settings
from deedbox.main.backing_up import Tell, check_is_sqlite
from deedbox.main.failures import CannotStart, understandable
from deedbox.main.folder import held_folder, sqlite_file, why_not
from deedbox.main.keys import fingerprints
from deedbox.security.key_file import load
from deedbox.storage.backup_seals import BackupFacts, check_seal, facts_of, remove_seal
from deedbox.storage.drafts import draft_of, put_in_place, set_aside
from deedbox.storage.migrating import Schema, check_fits, newest_revision

_BITE_BYTES = 16 * 1024 * 1024


class Restored(msgspec.Struct, frozen=True):
    """What a restore did; `aside`: where the database lies that was there before.

    `key_file_fits` is None where nobody can tell: there is no key file yet, or the backup names none.
    """

    database: Path
    facts: BackupFacts
    key_file: Path
    key_file_fits: bool | None
    migrates_to: str | None
    aside: Path | None


def restore(settings: Settings, backup: Path, *, force: bool, tell: Tell) -> Restored:
    """Restore a backup into the data folder, which no server uses. Raises CannotStart, with nothing changed.

    `force` allows to set a database aside that is there.
    """
    with understandable():
        check_is_sqlite(settings)
        target = sqlite_file(settings)
        facts = _checked(backup, tell)
        with held_folder(settings):
            aside = _place_aside(target, force)
            fits = _key_file_fits(settings.key_file, facts)
            try:
                _replace(backup, target, aside, tell)
            except OSError as error:
                raise CannotStart(f"{target} can't be written: {why_not(error)}.") from error
    migrates_to = newest_revision() if facts.schema != newest_revision() else None
    return Restored(target, facts, settings.key_file, fits, migrates_to, aside)


def _checked(backup: Path, tell: Tell) -> BackupFacts:
    try:
        facts = facts_of(backup)
        check_fits(Schema(facts.schema))
        check_seal(backup, lambda done, total: tell("Checking", done, total))
    except OSError as error:
        raise CannotStart(f"The backup {backup} can't be read: {error.strerror}.") from error
    return facts


def _place_aside(target: Path, force: bool) -> Path | None:
    there = [it for it in target.parent.glob(f"{target.name}*") if it.name in _names(target)]
    if not there:
        return None
    if not force:
        raise CannotStart(
            f"There is a database in {target.parent} already: {there[0].name}. Choose an empty folder "
            "(--data FOLDER), or let it be set aside: --force"
        )
    return target.parent / f"replaced-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"


def _names(target: Path) -> Sequence[str]:
    return [target.name + ending for ending in ("", "-wal", "-shm", "-journal")]


def _key_file_fits(key_file: Path, facts: BackupFacts) -> bool | None:
    if not facts.key_fingerprints or not key_file.exists():
        return None
    known = fingerprints(load(key_file))
    wrong = [number for number, it in facts.key_fingerprints.items() if known.get(number) != it]
    if wrong:
        raise CannotStart(
            f"The key file {key_file} does not belong to this backup: its generation {wrong[0]} is missing "
            f"or another than {facts.key_fingerprints[wrong[0]]}. Put the right one there, or move it away."
        )
    return True


def _replace(backup: Path, target: Path, aside: Path | None, tell: Tell) -> None:
    with draft_of(target) as draft:
        total = backup.stat().st_size
        with backup.open("rb") as reading, draft.open("wb") as writing:
            while bite := reading.read(_BITE_BYTES):
                writing.write(bite)
                tell("Copying", writing.tell(), total)
        # What counts is that the copy is whole, on this disk.
        check_seal(draft, lambda done, total: tell("Checking the copy", done, total))
        remove_seal(draft)
        if aside:
            set_aside(target, aside)
        put_in_place(draft, target)
