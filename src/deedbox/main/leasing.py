"""Runs work while this process holds a lease, and stops it before the lease can have run out."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import uuid4

import structlog

from deedbox.core.errors import StorageUnavailable
from deedbox.core.leases import LeaseTerms
from deedbox.core.storage import Storage, Stores

_GIVEN_BACK_WITHIN_S = 2.0

_log = structlog.get_logger(__name__)


class Leasing:
    """One process's part in a lease. `observe` hears whether it is held here."""

    def __init__(
        self,
        storage: Storage,
        name: str,
        observe: Callable[[bool], None],
        terms: LeaseTerms | None = None,
    ) -> None:
        self._storage = storage
        self._name = name
        self._observe = observe
        self._terms = terms or LeaseTerms()
        self._holder = f"{socket.gethostname()} {os.getpid()} {uuid4().hex}"

    async def while_held(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run `work` whenever the lease is held here, until cancelled; then give the lease back.

        `work` is cancelled when the lease is lost, and called anew when it is held again.
        """
        self._observe(False)
        try:
            while True:
                with contextlib.suppress(StorageUnavailable):
                    until_s = await self._ask()
                    if until_s is not None:
                        await self._run(work, until_s)
                await self._pause()
        finally:
            await self._give_back()

    async def _ask(self) -> float | None:
        """Take or renew; return until when that may be believed (the event loop's clock), None if it failed.

        Raises StorageUnavailable when nobody can say.
        """

        async def take(stores: Stores) -> bool:
            return await stores.leases.take_lease(self._name, self._holder, self._terms.lasts_ms)

        # From before the question: the answer may have been long on its way.
        asked_at_s = asyncio.get_running_loop().time()
        is_ours = await self._storage.write_beside(take)
        return asked_at_s + self._terms.believed_for_ms / 1000 if is_ours else None

    async def _run(self, work: Callable[[], Coroutine[Any, Any, None]], until_s: float) -> None:
        self._observe(True)
        _log.info("took the lease", lease=self._name)
        try:
            async with asyncio.timeout_at(until_s) as patience, asyncio.TaskGroup() as tasks:
                tasks.create_task(self._renew(patience))
                tasks.create_task(work())
        except TimeoutError:
            _log.warning(
                "lost the lease: it could not be renewed in time, or another node has it", lease=self._name
            )
        finally:
            self._observe(False)

    async def _renew(self, patience: asyncio.Timeout) -> None:
        """Put the end off while the lease is ours; bring it about at once when it is not."""
        while True:
            await self._pause()
            with contextlib.suppress(StorageUnavailable):
                until_s = await self._ask()
                if not patience.expired():
                    patience.reschedule(asyncio.get_running_loop().time() if until_s is None else until_s)

    async def _pause(self) -> None:
        await asyncio.sleep(self._terms.renewed_every_ms / 1000)

    async def _give_back(self) -> None:
        async def give_back(stores: Stores) -> None:
            await stores.leases.give_back_lease(self._name, self._holder)

        with contextlib.suppress(StorageUnavailable, TimeoutError):
            async with asyncio.timeout(_GIVEN_BACK_WITHIN_S):
                await self._storage.write_beside(give_back)
