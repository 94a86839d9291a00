"""The stores of every noun, as work on a database gets them: all inside one transaction."""

from typing import Protocol

from deedbox.core.access.group_permissions import GroupPermissionStore
from deedbox.core.accounts.api_keys import ApiKeyStore
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
    def api_keys(self) -> ApiKeyStore:
        """API keys and whose they are."""
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
    def access(self) -> GroupPermissionStore:
        """Roles, groups, and which group of people has which role."""
        ...

    @property
    def users(self) -> UserStore:
        """Users, their passwords, links and sessions."""
        ...
