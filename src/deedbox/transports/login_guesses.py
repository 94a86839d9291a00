"""Wrong credentials by source address: whoever tries many is not told any more what is right.

The same wrong ones again are no guess: a forgotten device that comes back for ever takes nothing from those
beside it. Each process counts for itself, in memory that has a bound.
"""

import hashlib
import secrets
from collections import OrderedDict

from deedbox.core.source_networks import network_of
from deedbox.transports.settings import DeviceLoginSettings

#: Wrong credentials in all, and right ones of networks that sent wrong ones.
MOST_REMEMBERED = 100_000

#: A keyed digest of what was presented: the credentials themselves are not kept.
Mark = bytes


class LoginGuesses:
    """Judges devices' logins over every transport; times are epoch milliseconds."""

    def __init__(self, settings: DeviceLoginSettings | None = None) -> None:
        settings = settings or DeviceLoginSettings()
        self._most, self._window_ms = settings.attempts_per_address, settings.attempts_window_s * 1000
        self._key = secrets.token_bytes(16)
        #: When each was tried first, oldest first; of networks, the one that guessed last comes last.
        self._wrong: OrderedDict[str, OrderedDict[Mark, int]] = OrderedDict()
        self._right: OrderedDict[Mark, None] = OrderedDict()
        self._count = 0

    @property
    def remembered(self) -> int:
        """How many wrong credentials are remembered."""
        return self._count

    def judge(self, address: str, presented: bytes, is_right: bool, now_ms: int) -> int:
        """Return 0 when a client may hear whether it is right, else for how many milliseconds it may not.

        Credentials that proved right while their network had not tried too many stay so.
        """
        if not self._most or not address or (is_right and not self._wrong):
            return 0
        network = network_of(address)
        tried = self._recent(network, now_ms)
        if is_right and tried is None:
            return 0
        mark = hashlib.blake2b(presented, digest_size=8, key=self._key).digest()
        if mark in self._right if is_right else tried is not None and mark in tried:
            return 0
        if tried is not None and len(tried) >= self._most:
            return max(1, next(iter(tried.values())) + self._window_ms - now_ms)
        if is_right:
            self._remember_right(mark)
        else:
            self._remember_wrong(network, mark, now_ms)
        return 0

    def _recent(self, network: str, now_ms: int) -> OrderedDict[Mark, int] | None:
        """Return what a network tried within the window; None for nothing."""
        tried = self._wrong.get(network)
        while tried and next(iter(tried.values())) <= now_ms - self._window_ms:
            tried.popitem(last=False)
            self._count -= 1
        if tried is not None and not tried:
            del self._wrong[network]
        return tried or None

    def _remember_right(self, mark: Mark) -> None:
        self._right[mark] = None
        if len(self._right) > MOST_REMEMBERED:
            self._right.popitem(last=False)

    def _remember_wrong(self, network: str, mark: Mark, now_ms: int) -> None:
        self._wrong.setdefault(network, OrderedDict())[mark] = now_ms
        self._wrong.move_to_end(network)
        self._count += 1
        # The network that has been quiet for longest: its time is over, or there is no room for it.
        self._recent(next(iter(self._wrong)), now_ms)
        while self._count > MOST_REMEMBERED:
            self._count -= len(self._wrong.popitem(last=False)[1])
