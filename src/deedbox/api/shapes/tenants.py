"""Tenants as JSON."""

from typing import Any

from msgspec import UNSET, UnsetType

from deedbox.api.shapes.contacts import ContactShape, contact_fields, stored_contact
from deedbox.api.shapes.devices import IdShape, referred_id
from deedbox.api.shapes.entities import EntityId, Wire, json_value, reference
from deedbox.core.contacts import additional_info_text, contact_of
from deedbox.core.ids import NULL_ID
from deedbox.core.tenants import Tenant


class TenantShape(ContactShape, kw_only=True):
    """A tenant as clients of the reference server know it, and what its claim page needs.

    `slug` names it in the page's path, `claimHost` is a domain of its own for that page;
    `allowClaimingByDefault` null leaves it to the deployment.
    """

    id: EntityId
    created_time: int
    title: str
    name: str
    region: str | None
    tenant_profile_id: EntityId
    version: int
    additional_info: Any
    slug: str
    claim_host: str | None
    allow_claiming_by_default: bool | None
    erase_on_reclaim: bool


class TenantInfoShape(TenantShape, kw_only=True):
    """A tenant with its profile's name."""

    tenant_profile_name: str


class TenantSaveShape(ContactShape, kw_only=True):
    """A tenant to be made (without `id`) or changed.

    The last four fields stay as they are when they are absent; all others become empty.
    """

    id: IdShape | None = None
    title: str | None = None
    region: str | None = None
    tenant_profile_id: IdShape | None = None
    version: int | None = None
    additional_info: Any = None
    slug: str | UnsetType | None = UNSET
    claim_host: str | UnsetType | None = UNSET
    allow_claiming_by_default: bool | UnsetType | None = UNSET
    erase_on_reclaim: bool | UnsetType = UNSET


class ClaimSettingsShape(Wire):
    """What administrators of a tenant change of it; absent fields stay as they are."""

    allow_claiming_by_default: bool | UnsetType | None = UNSET
    erase_on_reclaim: bool | UnsetType = UNSET


class EntityInfoShape(Wire):
    """An id and a name."""

    id: EntityId
    name: str


def tenant_shape(it: Tenant) -> TenantShape:
    """Return the wire form of a tenant."""
    return TenantShape(**_fields(it))


def tenant_info_shape(it: Tenant) -> TenantInfoShape:
    """Return the wire form of a tenant with its profile's name."""
    return TenantInfoShape(**_fields(it), tenant_profile_name=it.profile_name)


def tenant_draft(it: TenantSaveShape, stored: Tenant | None) -> Tenant:
    """Return what the body wants; `stored` is the tenant that it changes. Raises InvalidValue."""
    return Tenant(
        id=stored.id if stored else NULL_ID,
        title=it.title or "",
        slug=it.slug or "",
        created_at=0,
        claim_host=_kept(it.claim_host, stored.claim_host if stored else None) or None,
        allow_claiming_by_default=_kept(
            it.allow_claiming_by_default, stored.allow_claiming_by_default if stored else None
        ),
        erase_on_reclaim=_kept(it.erase_on_reclaim, stored.erase_on_reclaim if stored else False),
        contact=stored_contact(it, it.region),
        additional_info=additional_info_text(it.additional_info),
        profile_id=referred_id(it.tenant_profile_id) or NULL_ID,
    )


def _kept(value: Any, before: Any) -> Any:
    return before if value is UNSET else value


def _fields(it: Tenant) -> dict[str, Any]:
    return {
        "id": reference("TENANT", it.id),
        "created_time": it.created_at,
        "title": it.title,
        "name": it.title,
        "region": contact_of(it.contact).region,
        "tenant_profile_id": reference("TENANT_PROFILE", it.profile_id),
        "version": it.version,
        "additional_info": json_value(it.additional_info),
        "slug": it.slug,
        "claim_host": it.claim_host,
        "allow_claiming_by_default": it.allow_claiming_by_default,
        "erase_on_reclaim": it.erase_on_reclaim,
    } | contact_fields(it.contact)
