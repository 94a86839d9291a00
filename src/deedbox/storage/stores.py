"""The stores of every noun over one transaction."""

from deedbox.storage.access.group_permissions import GroupPermissionStore
from deedbox.storage.accounts.api_keys import ApiKeyStore
from deedbox.storage.activity import ActivityStore
from deedbox.storage.asset_profiles import AssetProfileStore
from deedbox.storage.assets import AssetStore
from deedbox.storage.attribute_changes import EndedAttributeStore
from deedbox.storage.attributes import AttributeStore
from deedbox.storage.audit_log import AuditLogStore
from deedbox.storage.claim_control import ClaimControlStore
from deedbox.storage.claim_intents import ClaimIntentStore
from deedbox.storage.claim_keys import ClaimKeyStore
from deedbox.storage.claim_pages import ClaimPageStore
from deedbox.storage.credentials import CredentialsStore
from deedbox.storage.customers import CustomerStore
from deedbox.storage.deeds import ClaimStore
from deedbox.storage.device_limits import DeviceLimitStore
from deedbox.storage.device_profiles import DeviceProfileStore
from deedbox.storage.devices import DeviceStore
from deedbox.storage.entities import EntityStore
from deedbox.storage.entity_data import EntityDataStore
from deedbox.storage.erasure import ErasureStore
from deedbox.storage.gateways import GatewayStore
from deedbox.storage.housekeeping import HousekeepingStore
from deedbox.storage.leases import LeaseStore
from deedbox.storage.owned_devices import OwnedDeviceStore
from deedbox.storage.persistent_commands import PersistentCommandStore
from deedbox.storage.provisioning import ProvisioningStore
from deedbox.storage.relations import RelationStore
from deedbox.storage.retention import RetentionStore
from deedbox.storage.rotation import RotationStore
from deedbox.storage.series_retention import SeriesRetentionStore
from deedbox.storage.statements import Transaction
from deedbox.storage.telemetry_journal import JournalStore
from deedbox.storage.tenants import TenantStore
from deedbox.storage.time_series import TimeSeriesStore
from deedbox.storage.users import UserStore
from deedbox.storage.value_erasure import ValueErasureStore


class Stores:
    """Makes each noun's store when it is asked for; all work in the same transaction."""

    __slots__ = ("transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction

    @property
    def claims(self) -> ClaimStore:
        """Deeds, windows, attempts and their records."""
        return ClaimStore(self.transaction)

    @property
    def announcements(self) -> ClaimStore:
        """What announcing a window needs."""
        return ClaimStore(self.transaction)

    @property
    def api_keys(self) -> ApiKeyStore:
        """API keys and whose they are."""
        return ApiKeyStore(self.transaction)

    @property
    def credentials(self) -> CredentialsStore:
        """Device credentials."""
        return CredentialsStore(self.transaction)

    @property
    def devices(self) -> DeviceStore:
        """Devices and their credentials."""
        return DeviceStore(self.transaction)

    @property
    def tenants(self) -> TenantStore:
        """Tenants."""
        return TenantStore(self.transaction)

    @property
    def customers(self) -> CustomerStore:
        """Customers."""
        return CustomerStore(self.transaction)

    @property
    def erasure(self) -> ErasureStore:
        """What deleting customers and tenants needs."""
        return ErasureStore(self.transaction)

    @property
    def audit_log(self) -> AuditLogStore:
        """Entries of the audit log, to be read."""
        return AuditLogStore(self.transaction)

    @property
    def device_profiles(self) -> DeviceProfileStore:
        """Device profiles."""
        return DeviceProfileStore(self.transaction)

    @property
    def device_limits(self) -> DeviceLimitStore:
        """How much the devices of tenants may send."""
        return DeviceLimitStore(self.transaction)

    @property
    def assets(self) -> AssetStore:
        """Assets."""
        return AssetStore(self.transaction)

    @property
    def asset_profiles(self) -> AssetProfileStore:
        """Asset profiles."""
        return AssetProfileStore(self.transaction)

    @property
    def relations(self) -> RelationStore:
        """Relations between things."""
        return RelationStore(self.transaction)

    @property
    def entities(self) -> EntityStore:
        """Things of every kind by their references."""
        return EntityStore(self.transaction)

    @property
    def provisioning(self) -> ProvisioningStore:
        """How devices provision themselves."""
        return ProvisioningStore(self.transaction)

    @property
    def claim_control(self) -> ClaimControlStore:
        """The tenant's view of claiming."""
        return ClaimControlStore(self.transaction)

    @property
    def claim_keys(self) -> ClaimKeyStore:
        """Claim keys that the tenant set."""
        return ClaimKeyStore(self.transaction)

    @property
    def attributes(self) -> AttributeStore:
        """Attributes of devices, customers and tenants."""
        return AttributeStore(self.transaction)

    @property
    def attribute_changes(self) -> EndedAttributeStore:
        """What ended with a deed."""
        return EndedAttributeStore(self.transaction)

    @property
    def activity(self) -> ActivityStore:
        """When devices were last heard of."""
        return ActivityStore(self.transaction)

    @property
    def time_series(self) -> TimeSeriesStore:
        """Time series and latest values."""
        return TimeSeriesStore(self.transaction)

    @property
    def journal(self) -> JournalStore:
        """Telemetry that waits to be moved to the time series."""
        return JournalStore(self.transaction)

    @property
    def gateways(self) -> GatewayStore:
        """Who is under which gateway."""
        return GatewayStore(self.transaction)

    @property
    def entity_data(self) -> EntityDataStore:
        """Values of many things at once."""
        return EntityDataStore(self.transaction)

    @property
    def housekeeping(self) -> HousekeepingStore:
        """What has expired."""
        return HousekeepingStore(self.transaction)

    @property
    def retention(self) -> RetentionStore:
        """Records that are older than they are to be kept."""
        return RetentionStore(self.transaction)

    @property
    def leases(self) -> LeaseStore:
        """Who does what one process at a time should do."""
        return LeaseStore(self.transaction)

    @property
    def series_retention(self) -> SeriesRetentionStore:
        """Time series that are old."""
        return SeriesRetentionStore(self.transaction)

    @property
    def value_erasure(self) -> ValueErasureStore:
        """What ended deeds left behind, to be deleted."""
        return ValueErasureStore(self.transaction)

    @property
    def claim_intents(self) -> ClaimIntentStore:
        """Labels that somebody scanned and has not claimed yet."""
        return ClaimIntentStore(self.transaction)

    @property
    def claim_pages(self) -> ClaimPageStore:
        """Tenants as strangers see them on the claim page."""
        return ClaimPageStore(self.transaction)

    @property
    def owned_devices(self) -> OwnedDeviceStore:
        """A customer's devices, through its open deeds."""
        return OwnedDeviceStore(self.transaction)

    @property
    def persistent_commands(self) -> PersistentCommandStore:
        """Commands that are stored until their devices take them."""
        return PersistentCommandStore(self.transaction)

    @property
    def rotation(self) -> RotationStore:
        """What older key generations protect."""
        return RotationStore(self.transaction)

    @property
    def access(self) -> GroupPermissionStore:
        """Roles, groups, and which group of people has which role."""
        return GroupPermissionStore(self.transaction)

    @property
    def users(self) -> UserStore:
        """Users, their passwords, links and sessions."""
        return UserStore(self.transaction)
