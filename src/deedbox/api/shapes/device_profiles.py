"""Device profiles as JSON. What Deedbox does not use is kept for the clients that do."""

from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from deedbox.api.shapes.devices import IdShape, referred_id
from deedbox.api.shapes.entities import EntityId, Wire, reference
from deedbox.core.device_profiles import LONGEST_SETTINGS, DeviceProfile
from deedbox.core.errors import InvalidValue
from deedbox.core.ids import NULL_ID
from deedbox.core.provision_settings import ProvisionSettings, Strategy
from deedbox.core.texts import checked_json, checked_text
from deedbox.core.transport_configuration import checked_transport

#: What a stored profile may say; `checked_transport` says what is served.
TransportType = Literal["DEFAULT", "MQTT", "COAP", "LWM2M", "SNMP"]


class KeptSettings(Wire):
    """What clients of the reference server keep in a profile."""

    description: str | None = None
    image: str | None = None
    type: Literal["DEFAULT"] = "DEFAULT"
    transport_type: TransportType = "DEFAULT"
    provision_type: Strategy = Strategy.DISABLED
    profile_data: dict[str, Any] | None = None
    provision_device_key: str | None = None
    default_rule_chain_id: EntityId | None = None
    default_dashboard_id: EntityId | None = None
    default_queue_name: str | None = None
    default_edge_rule_chain_id: EntityId | None = None
    firmware_id: EntityId | None = None
    software_id: EntityId | None = None


class ProvisionConfigurationShape(Wire):
    """The part of `profileData` that holds the secret, or the certificate of whoever signs devices'."""

    provision_device_secret: str | None = None
    certificate_reg_ex_pattern: str | None = None
    allow_create_new_devices_by_x509_certificate: bool | None = msgspec.field(
        default=None, name="allowCreateNewDevicesByX509Certificate"
    )


class DeviceProfileShape(KeptSettings, kw_only=True):
    """A device profile.

    Its provisioning secrets are there where one profile is read or saved, and null in lists.
    `allowClaimingByDefault` null leaves it to the tenant. `newSecretOnReclaim` is kept for labels.
    """

    id: EntityId
    created_time: int
    tenant_id: EntityId
    name: str
    default: bool
    version: int
    allow_claiming_by_default: bool | None
    forbids_empty_keys: bool
    rotate_credentials_on_reclaim: bool
    new_secret_on_reclaim: bool
    external_id: UUID | None = None


class DeviceProfileSaveShape(KeptSettings, kw_only=True):
    """A profile to be made (without `id`) or changed.

    The last four fields stay as they are when they are absent; all others become empty, but for the key and
    the secret of provisioning, which end with `provisionType` DISABLED.
    """

    id: IdShape | None = None
    name: str | None = None
    version: int | None = None
    allow_claiming_by_default: bool | UnsetType | None = UNSET
    forbids_empty_keys: bool | UnsetType = UNSET
    rotate_credentials_on_reclaim: bool | UnsetType = UNSET
    new_secret_on_reclaim: bool | UnsetType = UNSET


class DeviceProfileInfoShape(Wire):
    """What lists show of a profile."""

    id: EntityId
    name: str
    image: str | None
    default_dashboard_id: EntityId | None
    type: str
    transport_type: str
    tenant_id: EntityId


_PROFILE_DATA = {
    "configuration": {"type": "DEFAULT"},
    "transportConfiguration": {"type": "DEFAULT"},
    "alarms": None,
}
_PROVISION = "provisionConfiguration"
_TRANSPORT = "transportConfiguration"


def device_profile_shape(
    it: DeviceProfile, provisioning: ProvisionSettings | None = None
) -> DeviceProfileShape:
    """Return the wire form of a profile; with None the secrets of provisioning are left out."""
    kept, secrets = _kept_settings(it), provisioning or ProvisionSettings()
    fields = {field: getattr(kept, field) for field in KeptSettings.__struct_fields__}
    fields["provision_device_key"] = secrets.device_key
    configuration = _shown_provisioning(kept.provision_type, secrets)
    fields["profile_data"] = (kept.profile_data or _PROFILE_DATA) | {_PROVISION: configuration}
    return DeviceProfileShape(
        **fields,
        id=reference("DEVICE_PROFILE", it.id),
        created_time=it.created_at,
        tenant_id=reference("TENANT", it.tenant_id),
        name=it.name,
        default=it.is_default,
        version=it.version,
        allow_claiming_by_default=it.allow_claiming_by_default,
        forbids_empty_keys=it.forbids_empty_keys,
        rotate_credentials_on_reclaim=it.rotates_credentials_on_reclaim,
        new_secret_on_reclaim=it.new_secret_on_reclaim,
    )


def device_profile_info_shape(it: DeviceProfile) -> DeviceProfileInfoShape:
    """Return what lists show of a profile."""
    kept = _kept_settings(it)
    return DeviceProfileInfoShape(
        id=reference("DEVICE_PROFILE", it.id),
        name=it.name,
        image=kept.image,
        default_dashboard_id=kept.default_dashboard_id,
        type=kept.type,
        transport_type=kept.transport_type,
        tenant_id=reference("TENANT", it.tenant_id),
    )


def device_profile_draft(it: DeviceProfileSaveShape, stored: DeviceProfile | None) -> DeviceProfile:
    """Return what the body wants; `stored` is the profile that it changes. Raises InvalidValue."""
    before = stored or DeviceProfile(NULL_ID, NULL_ID, "", 0)
    own = {
        "allow_claiming_by_default": it.allow_claiming_by_default,
        "forbids_empty_keys": it.forbids_empty_keys,
        "rotates_credentials_on_reclaim": it.rotate_credentials_on_reclaim,
        "new_secret_on_reclaim": it.new_secret_on_reclaim,
    }
    sent = {field: value for field, value in own.items() if value is not UNSET}
    return msgspec.structs.replace(before, name=it.name or "", settings=_settings_text(it), **sent)


def provision_wish(it: DeviceProfileSaveShape) -> ProvisionSettings:
    """Return what the body wants about provisioning. Raises InvalidValue for a secret that is no text."""
    configuration = (it.profile_data or {}).get(_PROVISION) or {}
    try:
        wanted = msgspec.convert(configuration, ProvisionConfigurationShape)
    except msgspec.ValidationError:
        raise InvalidValue(
            "profileData.provisionConfiguration must be an object, its provisionDeviceSecret and "
            "certificateRegExPattern texts, its allowCreateNewDevicesByX509Certificate true or false.",
            f"/profileData/{_PROVISION}",
        ) from None
    return ProvisionSettings(
        it.provision_type,
        it.provision_device_key or None,
        wanted.provision_device_secret or None,
        wanted.certificate_reg_ex_pattern or None,
        wanted.allow_create_new_devices_by_x509_certificate,
    )


def changed_profile_id(it: DeviceProfileSaveShape) -> UUID | None:
    """Return the id of the profile that the body changes, None for a new one."""
    return referred_id(it.id)


def _shown_provisioning(strategy: Strategy, secrets: ProvisionSettings) -> dict[str, Any]:
    shown: dict[str, Any] = {"type": strategy, "provisionDeviceSecret": secrets.device_secret}
    if strategy is Strategy.X509_CERTIFICATE_CHAIN:
        shown["certificateRegExPattern"] = secrets.name_pattern
        # In lists nothing is known of it: what a client saves from there must not change it.
        makes_devices = bool(secrets.makes_devices) if secrets.device_secret else None
        shown["allowCreateNewDevicesByX509Certificate"] = makes_devices
    return shown


def _settings_text(it: KeptSettings) -> str:
    """Return what is kept as it came: all but the secrets of provisioning."""
    if it.default_queue_name is not None:
        checked_text(it.default_queue_name, "defaultQueueName")
    fields = {field: getattr(it, field) for field in KeptSettings.__struct_fields__}
    fields["provision_device_key"] = None
    kept = {name: part for name, part in (it.profile_data or _PROFILE_DATA).items() if name != _PROVISION}
    kept[_TRANSPORT] = checked_transport(it.transport_type, (it.profile_data or {}).get(_TRANSPORT))
    fields["profile_data"] = kept
    return checked_json(KeptSettings(**fields), "profileData", LONGEST_SETTINGS)


def _kept_settings(it: DeviceProfile) -> KeptSettings:
    return msgspec.json.decode(it.settings, type=KeptSettings)
