"""The key file: keys for digests, encryption and sign-in tokens; whoever has it and the database has all.

JSON, readable by its owner only, one entry per generation. It is replaced as a whole, never written into.
"""

import base64
import os
import secrets
import stat
import time
from collections.abc import Collection
from pathlib import Path
from typing import Annotated

import msgspec

from deedbox.core.keys import KeyRing, RingKey

KEY_BYTES = 32
_OTHERS = stat.S_IRWXG | stat.S_IRWXO

Key = Annotated[str, msgspec.Meta(min_length=43, max_length=44)]


class KeyFileError(Exception):
    """The key file can't be used; the message says why and what to do."""


class _Generation(msgspec.Struct, forbid_unknown_fields=True):
    digest: Key
    encryption: Key
    signing: Key
    created_at: int = 0


class _Content(msgspec.Struct, forbid_unknown_fields=True):
    generations: dict[int, _Generation]


def load_or_make(path: Path) -> KeyRing:
    """Return the keys of the file; make it with one generation where there is none. Raises KeyFileError."""
    if path.exists():
        return load(path)
    try:
        _write(path, _Content({1: _new_generation()}), replace=False)
    except FileExistsError:
        pass
    except OSError as error:
        raise KeyFileError(f"The key file {path} can't be made: {error.strerror}.") from error
    return load(path)


def load(path: Path) -> KeyRing:
    """Return the keys of an existing file. Raises KeyFileError."""
    return KeyRing({number: _ring_key(path, it) for number, it in _read(path).generations.items()})


def add_generation(path: Path) -> int:
    """Add new keys, used for all that is written from now on; return their number. Raises KeyFileError."""
    content = _read(path)
    number = max(content.generations) + 1
    if number > 255:
        raise KeyFileError(f"The key file {path} holds generation 255; there can't be more.")
    content.generations[number] = _new_generation()
    _replace(path, content)
    return number


def remove_generations(path: Path, numbers: Collection[int]) -> None:
    """Remove keys that nothing needs any more, for good. Raises KeyFileError, ValueError for the newest."""
    content = _read(path)
    if max(content.generations) in numbers:
        raise ValueError("the newest generation is in use")
    kept = {number: it for number, it in content.generations.items() if number not in numbers}
    _replace(path, _Content(kept))


def _read(path: Path) -> _Content:
    try:
        with path.open("rb") as stream:
            _check_private(path, os.fstat(stream.fileno()).st_mode)
            text = stream.read()
    except OSError as error:
        raise KeyFileError(f"The key file {path} can't be read: {error.strerror}.") from error
    try:
        content = msgspec.json.decode(text, type=_Content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _damaged(path) from error
    if not content.generations or not all(1 <= number <= 255 for number in content.generations):
        raise _damaged(path)
    return content


def _replace(path: Path, content: _Content) -> None:
    try:
        _write(path, content, replace=True)
    except OSError as error:
        raise KeyFileError(f"The key file {path} can't be replaced: {error.strerror}.") from error


def _check_private(path: Path, mode: int) -> None:
    if mode & _OTHERS:
        raise KeyFileError(
            f"The key file {path} has mode {stat.S_IMODE(mode):04o}: others than its owner can use it. "
            f"Type: chmod 600 {path}"
        )


def _write(path: Path, content: _Content, *, replace: bool) -> None:
    """Put the whole file in place at once: a crash leaves the old one or the new one."""
    text = msgspec.json.format(msgspec.json.encode(content), indent=2)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}.new")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(file, "wb") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(file)
        if replace:
            draft.replace(path)
        else:
            os.link(draft, path)  # unlike replacing, this fails where another start was faster
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _new_generation() -> _Generation:
    digest, encryption, signing = (
        base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode() for _ in range(3)
    )
    return _Generation(digest, encryption, signing, time.time_ns() // 1_000_000)


def _ring_key(path: Path, generation: _Generation) -> RingKey:
    try:
        keys = [
            base64.b64decode(text, validate=True)
            for text in (generation.digest, generation.encryption, generation.signing)
        ]
    except ValueError as error:
        raise _damaged(path) from error
    if any(len(key) != KEY_BYTES for key in keys):
        raise _damaged(path)
    return RingKey(*keys)


def _damaged(path: Path) -> KeyFileError:
    return KeyFileError(
        f"The key file {path} is damaged. Put back the copy that you keep outside of backups."
    )
