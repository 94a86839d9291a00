"""What every edge asks of a database: run work on its stores in one transaction; answer when it is stored."""

from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from typing import Any, Protocol, TypeVar
from uuid import UUID

from deedbox.core.activity import ActivityStore
from deedbox.core.asset_profiles import AssetProfileStore
from deedbox.core.assets import AssetStore
from deedbox.core.attribute_changes import EndedAttributeStore
from deedbox.core.attributes import AttributeStore
from deedbox.core.audit_log import AuditLogStore
from deedbox.core.claim_control import ClaimControlStore
from deedbox.core.claim_intents import ClaimIntentStore
from deedbox.core.claim_keys import ClaimKeyStore
from deedbox.core.claim_pages import ClaimPageStore
from deedbox.core.claim_requests import ClaimStore
from deedbox.core.command_access import CommandStore
from deedbox.core.credentials import CredentialsStore
from deedbox.core.customers import CustomerStore
from deedbox.core.device_limits import DeviceLimitStore
from deedbox.core.device_profiles import DeviceProfileStore
from deedbox.core.devices import DeviceStore
from deedbox.core.entities import EntityStore
from deedbox.core.entity_values import EntityDataStore
from deedbox.core.erasure import ErasureStore
from deedbox.core.gateways import GatewayStore
from deedbox.core.housekeeping import HousekeepingStore
from deedbox.core.leases import LeaseStore
from deedbox.core.owned_devices import OwnedDeviceStore
from deedbox.core.partitions import Partitions
from deedbox.core.provisioning import ProvisioningStore
from deedbox.core.relations import RelationStore
from deedbox.core.retention import RetentionStore
from deedbox.core.rotation import RotationStore
from deedbox.core.series_retention import SeriesRetentionStore
from deedbox.core.telemetry import TimeSeriesStore
from deedbox.core.telemetry_journal import JournalStore
from deedbox.core.tenants import TenantStore
from deedbox.core.users import UserStore
from deedbox.core.value_erasure import ValueErasureStore
from deedbox.core.windows import AnnounceStore

T = TypeVar("T")
Q = TypeVar("Q")
A = TypeVar("A")


class Stores(Protocol):
    """The stores of every noun, all inside the same transaction."""

    @property
    def claims(self) -> ClaimStore:
        """Deeds, windows, attempts and their records."""
        ...

    @property
    def announcements(self) -> AnnounceStore:
        """What announcing a window needs."""
        ...

    @property
    def credentials(self) -> CredentialsStore:
        """Device credentials."""
        ...

    @property
    def devices(self) -> DeviceStore:
        """Devices and their credentials."""
        ...

    @property
    def tenants(self) -> TenantStore:
        """Tenants."""
        ...

    @property
    def customers(self) -> CustomerStore:
        """Customers."""
        ...

    @property
    def erasure(self) -> ErasureStore:
        """What deleting customers and tenants needs."""
        ...

    @property
    def audit_log(self) -> AuditLogStore:
        """Entries of the audit log, to be read."""
        ...

    @property
    def device_profiles(self) -> DeviceProfileStore:
        """Device profiles."""
        ...

    @property
    def device_limits(self) -> DeviceLimitStore:
        """How much the devices of tenants may send."""
        ...

    @property
    def assets(self) -> AssetStore:
        """Assets."""
        ...

    @property
    def asset_profiles(self) -> AssetProfileStore:
        """Asset profiles."""
        ...

    @property
    def relations(self) -> RelationStore:
        """Relations between things."""
        ...

    @property
    def entities(self) -> EntityStore:
        """Things of every kind by their references."""
        ...

    @property
    def provisioning(self) -> ProvisioningStore:
        """How devices provision themselves."""
        ...

    @property
    def claim_control(self) -> ClaimControlStore:
        """The tenant's view of claiming."""
        ...

    @property
    def claim_keys(self) -> ClaimKeyStore:
        """Claim keys that the tenant set."""
        ...

    @property
    def attributes(self) -> AttributeStore:
        """Attributes of devices, customers and tenants."""
        ...

    @property
    def attribute_changes(self) -> EndedAttributeStore:
        """What ended with a deed."""
        ...

    @property
    def activity(self) -> ActivityStore:
        """When devices were last heard of."""
        ...

    @property
    def time_series(self) -> TimeSeriesStore:
        """Time series and latest values."""
        ...

    @property
    def journal(self) -> JournalStore:
        """Telemetry that waits to be moved to the time series."""
        ...

    @property
    def gateways(self) -> GatewayStore:
        """Who is under which gateway."""
        ...

    @property
    def entity_data(self) -> EntityDataStore:
        """Values of many things at once."""
        ...

    @property
    def housekeeping(self) -> HousekeepingStore:
        """What has expired."""
        ...

    @property
    def retention(self) -> RetentionStore:
        """Records that are older than they are to be kept."""
        ...

    @property
    def leases(self) -> LeaseStore:
        """Who does what one process at a time should do."""
        ...

    @property
    def series_retention(self) -> SeriesRetentionStore:
        """Time series that are old."""
        ...

    @property
    def value_erasure(self) -> ValueErasureStore:
        """What ended deeds left behind, to be deleted."""
        ...

    @property
    def claim_intents(self) -> ClaimIntentStore:
        """Labels that somebody scanned and has not claimed yet."""
        ...

    @property
    def claim_pages(self) -> ClaimPageStore:
        """Tenants as strangers see them on the claim page."""
        ...

    @property
    def owned_devices(self) -> OwnedDeviceStore:
        """A customer's devices, through its open deeds."""
        ...

    @property
    def persistent_commands(self) -> CommandStore:
        """Commands that are stored until their devices take them."""
        ...

    @property
    def rotation(self) -> RotationStore:
        """What older key generations protect."""
        ...

    @property
    def users(self) -> UserStore:
        """Users, their passwords, links and sessions."""
        ...


Work = Callable[[Stores], Coroutine[Any, Any, T]]


class Storage(Protocol):
    """A database. Work is an async function that waits for nothing but its stores."""

    @property
    def is_shared(self) -> bool:
        """Whether other processes may write to it at the same time."""
        ...

    @property
    def partitions(self) -> Partitions | None:
        """Tables of time series by their time, None where they are one table."""
        ...

    def now_ms(self) -> int:
        """Return the time in epoch milliseconds by the clock that all processes over this database go by.

        Asks nobody, and may be a few milliseconds late; inside of work ask the store.
        """
        ...

    async def write(self, work: Work[T]) -> T:
        """Run `work` in a write transaction; return its answer once it is on the disk.

        No other `write` and no batch runs at the same time, on any node: what was read stays true until the
        end. Work may run more than once, until it comes through.
        """
        ...

    async def write_beside(self, work: Work[T], *, must_last: bool = True) -> T:
        """Run `work` as `write` does, but beside all others: for what is frequent.

        Each of its statements must be right by itself, or lock what it decides by. Without `must_last` a
        crash may undo what was answered shortly before: for what is done again then.
        """
        ...

    async def write_at_once(self, work: Work[T]) -> T:
        """Run `work`, which is a single statement, beside all others, with as few trips as may be.

        It must do no harm if it is stored twice: nobody knows what a connection took along that was lost.
        """
        ...

    async def read(self, work: Work[T], within_s: int | None = None) -> T:
        """Run `work` on a snapshot, away from the event loop: for lists and histories.

        Raises InvalidValue when it takes longer than `within_s` seconds.
        """
        ...

    async def read_history(self, work: Work[T], within_s: int | None = None) -> T:
        """Run `work` as `read` does, maybe on a copy of the database: for what may be long.

        The copy has all that was stored before the call, so it is decided there as well who may see what.
        """
        ...

    async def look(self, work: Work[T]) -> T:
        """Run `work` at once: for look-ups of a few rows by key."""
        ...

    def batched(
        self, work: Callable[[Stores, Sequence[Q]], Coroutine[Any, Any, Sequence[A]]]
    ) -> Callable[[Q], Awaitable[A]]:
        """Return a function of one item; items that wait at the same time go to `work` together."""
        ...

    async def settle(self, device_ids: Collection[UUID]) -> None:
        """Bring what these devices have sent to where time series are read; to be awaited before reading."""
        ...
