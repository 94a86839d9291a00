"""What claiming should do, in plain Python and from the specification alone: a second opinion."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from deedbox.core.claim_requests import Answer, ClaimRequest
from deedbox.core.devices import Device
from deedbox.core.ids import NULL_ID
from deedbox.core.labels import normalised_short_code
from deedbox.core.ownership import ClaimPolicy, WindowKind

DAY_MS = 86_400_000


@dataclass
class Offer:
    """A window as its opener knows it: with the key's text."""

    kind: WindowKind
    text: str
    expires_at: int
    lapsed: bool = False

    def is_opened_by(self, presented: str) -> bool:
        """Tell whether the text is this window's key (behaviour §2.4)."""
        if presented == self.text:
            return True
        return self.kind is WindowKind.LABEL_SHORT_CODE and normalised_short_code(presented) == self.text


@dataclass
class ModelDevice:
    """A device, its offers, its owner, and everything that happened to it."""

    device: Device
    blocked: bool = False
    claiming_allowed: bool | None = None
    allow_by_default: bool | None = None
    forbids_empty_keys: bool = False
    owner: UUID | None = None
    opened_at: int = 0
    idempotency: bytes | None = None
    burnt: set[str] = field(default_factory=set)
    offers: dict[WindowKind, Offer] = field(default_factory=dict)
    #: Every step of ownership: ("opened" or "closed", customer).
    steps: list[tuple[str, UUID]] = field(default_factory=list)
    #: Every value and under whose deed it was written.
    values: list[tuple[int, UUID | None]] = field(default_factory=list)
    #: Every end of a deed: whose it was, and how many values there were by then.
    ends: list[tuple[UUID, int]] = field(default_factory=list)
    #: Every refusal of an announcement that the tenant is told of: (steps of ownership by then, reason).
    told: list[tuple[int, str]] = field(default_factory=list)

    def by_default(self, policy: ClaimPolicy) -> bool:
        """Tell what `allowClaimingByDefault` means here."""
        return policy.allow_by_default if self.allow_by_default is None else self.allow_by_default

    def may_announce(self, policy: ClaimPolicy) -> bool:
        """Tell whether announced keys count now (behaviour §2.5)."""
        return self.by_default(policy) or self.claiming_allowed is True

    def announce(self, key: str, expires_at: int, policy: ClaimPolicy) -> str | None:
        """Return why the offer is refused, None when it stands; the tenant is told what is new."""
        refused = self._refusal(key, policy)
        if refused is not None:
            news = (len(self.steps), refused)
            self.told += [news] if self.told[-1:] != [news] else []
            return refused
        self.offers[WindowKind.ANNOUNCED] = Offer(WindowKind.ANNOUNCED, key, expires_at)
        return None

    def _refusal(self, key: str, policy: ClaimPolicy) -> str | None:
        if self.owner:
            return "owned"
        if self.blocked:
            return "blocked"
        return None if self.may_announce(policy) and (key or not self.forbids_empty_keys) else "not_allowed"

    def opening_offer(self, key: str, now_ms: int, policy: ClaimPolicy) -> Offer | None:
        """Return an offer that this key opens at this very moment (behaviour §4, step 4)."""
        for offer in self.offers.values():
            counts = offer.kind is not WindowKind.ANNOUNCED or self.may_announce(policy)
            is_open = now_ms <= offer.expires_at and not offer.lapsed
            if offer.is_opened_by(key) and counts and is_open and not self.blocked:
                return offer
        return None

    def knows(self, request: ClaimRequest) -> bool:
        """Tell whether the caller presented a right key, however late (behaviour §6.1)."""
        key = request.secret_key
        return self.was_burnt(key) or any(it.is_opened_by(key) for it in self.offers.values())

    def was_burnt(self, key: str) -> bool:
        """Tell whether the open deed burnt this key."""
        return self.owner is not None and bool({key, normalised_short_code(key)} & self.burnt)

    def open_deed(self, customer_id: UUID, now_ms: int, idempotency: bytes | None = None) -> None:
        """Give it an owner; its offers are used up."""
        self.owner, self.opened_at, self.idempotency = customer_id, now_ms, idempotency
        self.burnt = {it.text for it in self.offers.values()}
        self.offers.clear()
        self.steps.append(("opened", customer_id))

    def close_deed(self) -> None:
        """Take it from its owner, with what it announced."""
        if self.owner:
            self.ends.append((self.owner, len(self.values)))
            self.steps.append(("closed", self.owner))
        self.owner = None
        self.offers.pop(WindowKind.ANNOUNCED, None)

    def give_back(self, policy: ClaimPolicy) -> None:
        """Close the deed so that the device may be claimed again (behaviour §5.2)."""
        if self.owner and not self.by_default(policy):
            self.claiming_allowed = True
        self.close_deed()

    def readable(self, customer_id: UUID) -> list[int]:
        """Return what the customer may read: all since another's deed ended (behaviour §5.3)."""
        if self.owner != customer_id:
            return []
        start = max((count for owner, count in self.ends if owner != customer_id), default=0)
        return [value for value, _ in self.values[start:]]


@dataclass
class Budgets:
    """Wrong guesses, as (user, device name, epoch ms)."""

    spent: list[tuple[UUID | None, tuple[UUID, str], int]] = field(default_factory=list)
    #: How many by (tenant, start of a fixed window), and by (NULL_ID, start) over all tenants.
    counted: Counter[tuple[UUID, int]] = field(default_factory=Counter)

    def are_spent(self, request: ClaimRequest, now_ms: int, policy: ClaimPolicy) -> bool:
        """Tell whether this user has no guess left, at all or for this device."""
        since_ms = now_ms - policy.attempts_window_s * 1000
        recent = [named for user, named, at in self.spent if user == request.actor.user_id and at > since_ms]
        at_device = recent.count(request.named)
        return len(recent) >= policy.attempts_per_user or at_device >= policy.attempts_per_device

    def spend(self, request: ClaimRequest, now_ms: int, policy: ClaimPolicy) -> None:
        """Count a wrong guess."""
        self.spent.append((request.actor.user_id, request.named, now_ms))
        window_start = now_ms // (policy.attempts_window_s * 1000) * policy.attempts_window_s * 1000
        self.counted.update([(request.actor.tenant_id, window_start), (NULL_ID, window_start)])

    def alarms(self, policy: ClaimPolicy) -> list[tuple[UUID, int]]:
        """Return the counters that went up so far that somebody is told, once each."""
        most = {NULL_ID: policy.alarm_per_deployment}
        return [it for it, count in self.counted.items() if count >= most.get(it[0], policy.alarm_per_tenant)]


class World:
    """Devices by (tenant, name), and everybody's budgets."""

    def __init__(self, devices: Sequence[Device]) -> None:
        self.devices = {(it.tenant_id, it.name): ModelDevice(it) for it in devices}
        self.budgets = Budgets()
        self.refused = 0

    def claim(self, wishes: Sequence[ClaimRequest], now_ms: int, policy: ClaimPolicy) -> list[Answer]:
        """Decide wishes that arrive together: all are judged first, then the first right one wins."""
        judged = [self._judge(it, now_ms, policy) for it in wishes]
        self._see_expired(wishes, now_ms)
        winners: dict[tuple[UUID, str], ClaimRequest] = {}
        answers = []
        for it, (answer, races) in zip(wishes, judged, strict=True):
            first = winners.setdefault(it.named, it) if races else it
            answers.append(answer if _same(first, it) else Answer.CLAIMED)
        for named, it in winners.items():
            self.devices[named].open_deed(it.customer_id, now_ms, it.idempotency_digest)
            self.devices[named].claiming_allowed = None
        self.refused += sum(it not in (Answer.SUCCESS, Answer.TOO_MANY_ATTEMPTS) for it in answers)
        return answers

    def _judge(self, it: ClaimRequest, now_ms: int, policy: ClaimPolicy) -> tuple[Answer, bool]:
        """Return the answer, and whether it is a win that others may have snatched away."""
        if self.budgets.are_spent(it, now_ms, policy):
            return Answer.TOO_MANY_ATTEMPTS, False
        device = self.devices.get(it.named)
        if device and not device.owner and device.opening_offer(it.secret_key, now_ms, policy):
            return Answer.SUCCESS, True
        if device and _is_repeat(it, device, now_ms):
            return Answer.SUCCESS, False
        own = device is not None and device.owner == it.customer_id
        if not own and not (device and device.knows(it)):
            self.budgets.spend(it, now_ms, policy)
        return _refusal(it, device, own, policy), False

    def _see_expired(self, wishes: Sequence[ClaimRequest], now_ms: int) -> None:
        for named in {it.named for it in wishes if it.named in self.devices}:
            for offer in self.devices[named].offers.values():
                offer.lapsed = offer.lapsed or now_ms > offer.expires_at


def _refusal(it: ClaimRequest, device: ModelDevice | None, own: bool, policy: ClaimPolicy) -> Answer:
    uniform = policy.answers == "uniform"
    if device is None:
        return Answer.FAILURE if uniform else Answer.NOT_FOUND
    if device.owner is None:
        return Answer.FAILURE
    hides = uniform and not own and not device.was_burnt(it.secret_key)
    return Answer.FAILURE if hides else Answer.CLAIMED


def _is_repeat(it: ClaimRequest, device: ModelDevice, now_ms: int) -> bool:
    digest = it.idempotency_digest
    same = digest is not None and digest == device.idempotency and device.owner == it.customer_id
    return same and now_ms - device.opened_at <= DAY_MS


def _same(one: ClaimRequest, other: ClaimRequest) -> bool:
    digest = one.idempotency_digest
    return one is other or (
        digest is not None and digest == other.idempotency_digest and one.customer_id == other.customer_id
    )
