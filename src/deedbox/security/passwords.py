"""Password hashes: Argon2id in two threads, so that sign-ins neither stop the server nor fill its memory."""

import asyncio
import base64
import gzip
import secrets
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import cache
from importlib.resources import files
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from deedbox.core.errors import TooBusy
from deedbox.core.passwords import Verdict, normalised

T = TypeVar("T")

TIME_COST = 2
MEMORY_COST_KIB = 19_456
PARALLELISM = 1
_HASH_BYTES = 32
_SALT_BYTES = 16
_THREADS = 2
MOST_WAITING = 64
_AT_ONCE_FROM_ONE_NETWORK = 4
_MOST_WAITING_FROM_ONE_NETWORK = 200


class _Network:
    """Those from one source network who sign in or wait for it."""

    def __init__(self) -> None:
        self.present = 0
        self.turns = asyncio.Semaphore(_AT_ONCE_FROM_ONE_NETWORK)


class Argon2Hasher:
    """Keeps core's promises about password hashes; `close()` ends its threads."""

    def __init__(self, *, time_cost: int = TIME_COST, memory_cost_kib: int = MEMORY_COST_KIB) -> None:
        self._argon2 = PasswordHasher(
            time_cost, memory_cost_kib, PARALLELISM, hash_len=_HASH_BYTES, salt_len=_SALT_BYTES
        )
        self._nobodys_hash = _nobodys_hash(time_cost, memory_cost_kib)
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="passwords")
        self._waiting = 0
        self._networks: dict[str, _Network] = {}

    @property
    def waiting(self) -> int:
        """How many hashes are under way or wait, of MOST_WAITING."""
        return self._waiting

    @property
    def turns(self) -> int:
        """How many sign in or wait for their turn to."""
        return sum(it.present for it in self._networks.values())

    @asynccontextmanager
    async def turn(self, network: str) -> AsyncIterator[None]:
        """Let few from one source network in at a time. Raises TooBusy when too many wait."""
        it = self._networks.setdefault(network, _Network())
        if it.present >= _MOST_WAITING_FROM_ONE_NETWORK:
            raise TooBusy
        it.present += 1
        try:
            async with it.turns:
                yield
        finally:
            it.present -= 1
            if not it.present:
                del self._networks[network]

    async def hash(self, password: str) -> str:
        """Return a hash to store. Raises TooBusy when too many wait."""
        return await self._run(lambda: self._argon2.hash(normalised(password)))

    async def verify(self, stored: str | None, password: str) -> Verdict:
        """Compare with a stored hash; None costs the same work and never matches. Raises TooBusy."""
        return await self._run(lambda: self._verdict(stored, normalised(password)))

    def is_common(self, password: str) -> bool:
        """Tell whether this is one of the passwords that are tried first, in any case."""
        return b"\n%b\n" % password.casefold().encode("utf-8", "surrogatepass") in common_passwords()

    def close(self) -> None:
        """Finish what is under way and end the threads."""
        self._pool.shutdown(cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= MOST_WAITING:
            raise TooBusy
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1

    def _verdict(self, stored: str | None, password: bytes) -> Verdict:
        try:
            self._argon2.verify(stored or self._nobodys_hash, password)
        except (VerificationError, InvalidHashError):
            return Verdict(matches=False)
        if stored is None:
            return Verdict(matches=False)
        renewed = self._argon2.hash(password) if self._argon2.check_needs_rehash(stored) else None
        return Verdict(matches=True, renewed=renewed)


@cache
def common_passwords() -> bytes:
    """Return the passwords that are tried first, of those that are long enough: lower case, a line each.

    Leaked lists by frequency, as zxcvbn ships them (MIT, `common_passwords-LICENSE.txt`), and more rows of
    the keyboard. One text, which is searched: a set of them would take ten times the memory.
    """
    return gzip.decompress(files("deedbox.security").joinpath("common_passwords.txt.gz").read_bytes())


def _nobodys_hash(time_cost: int, memory_cost_kib: int) -> str:
    """Return a hash that no password is known for, to be compared with for users that do not exist."""
    salt, digest = (
        base64.b64encode(secrets.token_bytes(length)).decode().rstrip("=")
        for length in (_SALT_BYTES, _HASH_BYTES)
    )
    return f"$argon2id$v=19$m={memory_cost_kib},t={time_cost},p={PARALLELISM}${salt}${digest}"
