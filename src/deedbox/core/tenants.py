"""Tenants: the makers and vendors of devices. Everything belongs to exactly one tenant.

Beside what the reference server keeps, a tenant has a slug and may have a host of its own: where its claim
page is found.
"""

import re
import unicodedata
from collections.abc import Collection
from typing import Protocol
from uuid import UUID

import msgspec

from deedbox.core.device_profiles import DeviceProfileStore, add_default_profile
from deedbox.core.errors import InvalidValue, NameTaken, NotFound, VersionConflict
from deedbox.core.ids import NULL_ID
from deedbox.core.paging import Listing, PageSlice
from deedbox.core.records import Actor, Subject, audit_entry
from deedbox.core.tenant_profiles import TENANT_PROFILE_ID, TenantProfileStore, profile_of
from deedbox.core.texts import required_name

LONGEST_SLUG = 63
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_HOST_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_LONGEST_HOST = 253


class Tenant(msgspec.Struct, frozen=True):
    """A tenant. `contact` and `additional_info` are JSON texts; `created_at` is epoch milliseconds.

    `slug` names it in the claim page's path, `claim_host` is a domain of its own for that page;
    `allow_claiming_by_default` None leaves it to the deployment. `profile_name` is read with it only.
    """

    id: UUID
    title: str
    slug: str
    created_at: int
    claim_host: str | None = None
    allow_claiming_by_default: bool | None = None
    erase_on_reclaim: bool = False
    contact: str = "{}"
    additional_info: str = "null"
    version: int = 1
    profile_id: UUID = TENANT_PROFILE_ID
    profile_name: str = ""


class TenantStore(TenantProfileStore, Protocol):
    """Rows of tenants and of their profiles, inside one transaction."""

    async def tenant(self, tenant_id: UUID) -> Tenant | None:
        """Return the tenant."""
        ...

    async def tenants(self, tenant_ids: Collection[UUID]) -> list[Tenant]:
        """Return those of the tenants that there are."""
        ...

    async def tenant_titled(self, title: str) -> Tenant | None:
        """Return the tenant of that exact title."""
        ...

    async def tenant_with_slug(self, slug: str) -> Tenant | None:
        """Return the tenant whose claim page has this slug."""
        ...

    async def tenant_with_claim_host(self, host: str) -> Tenant | None:
        """Return the tenant whose claim page is at this host, in lower case."""
        ...

    async def page_of_tenants(self, asked: PageSlice) -> Listing[Tenant]:
        """Return a page of all tenants."""
        ...

    async def add(self, tenant: Tenant) -> None:
        """Store a new tenant. Raises NameTaken."""
        ...

    async def change(self, tenant: Tenant) -> None:
        """Store all of a tenant but its id and time. Raises NameTaken."""
        ...


async def tenant_of(store: TenantStore, tenant_id: UUID) -> Tenant:
    """Return the tenant of that id. Raises NotFound."""
    tenant = await store.tenant(tenant_id)
    if tenant is None:
        raise NotFound(f"Tenant with id [{tenant_id}] is not found")
    return tenant


async def create(store: TenantStore, profiles: DeviceProfileStore, actor: Actor, wanted: Tenant) -> Tenant:
    """Store a new tenant and its default device profile. An empty slug is made from the title.

    With the null id as `profile_id` it gets the default profile. Raises InvalidValue, NameTaken, NotFound.
    """
    required_name(wanted.title, "Tenant", "title")
    tenant = msgspec.structs.replace(
        await _with_profile(store, wanted, (await store.default_profile()).id),
        id=store.new_id(),
        created_at=await store.now_ms(),
        slug=wanted.slug or await _free_slug(store, slug_from(wanted.title)),
        claim_host=host_name(wanted.claim_host) if wanted.claim_host else None,
        version=1,
    )
    await _check(store, tenant, None)
    await store.add(tenant)
    await add_default_profile(profiles, tenant.id)
    await record(store, actor, tenant, "ADDED")
    return tenant


async def change(store: TenantStore, actor: Actor, wanted: Tenant, known_version: int | None) -> Tenant:
    """Replace what people may change of a tenant. `known_version` is what the client read, None to overwrite.

    An empty slug leaves the tenant's: it is printed on labels. The null id leaves its profile.
    Raises NotFound, InvalidValue, NameTaken; VersionConflict when somebody else changed it since.
    """
    stored = await tenant_of(store, wanted.id)
    if known_version not in (None, stored.version):
        raise VersionConflict
    tenant = msgspec.structs.replace(
        await _with_profile(store, wanted, stored.profile_id),
        created_at=stored.created_at,
        slug=wanted.slug or stored.slug,
        claim_host=host_name(wanted.claim_host) if wanted.claim_host else None,
        version=stored.version + 1,
    )
    await _check(store, tenant, stored)
    await store.change(tenant)
    await record(store, actor, tenant, "UPDATED")
    return tenant


def slug_from(title: str) -> str:
    """Return a slug that resembles the title: letters, digits and hyphens; "tenant" when none are left."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    return slug[:LONGEST_SLUG].rstrip("-") or "tenant"


def host_name(text: str) -> str:
    """Return a host name in lower case. Raises InvalidValue for anything else."""
    host = text.strip().lower().removesuffix(".")
    labels = host.split(".")
    if len(host) > _LONGEST_HOST or not all(_HOST_LABEL.fullmatch(label) for label in labels):
        raise InvalidValue(
            "claimHost must be a host name, as claim.example.com, without https:// and without a path; "
            "write names with other letters in their xn-- form.",
            "/claimHost",
        )
    return host


def title_taken() -> NameTaken:
    """Return the refusal of a second tenant with the same title."""
    return NameTaken("Tenant with such title already exists!", "/title")


async def record(store: TenantStore, actor: Actor, tenant: Tenant, action: str) -> None:
    """Write an audit entry about a tenant; it belongs to whoever did it."""
    subject = Subject("TENANT", tenant.id, tenant.title)
    data = {
        "entityId": tenant.id,
        "title": tenant.title,
        "slug": tenant.slug,
        "tenantProfileId": tenant.profile_id,
    }
    now_ms = await store.now_ms()
    await store.add_audit_entries([audit_entry(store, actor, subject, action, now_ms=now_ms, data=data)])


async def _with_profile(store: TenantStore, wanted: Tenant, otherwise: UUID) -> Tenant:
    profile_id = otherwise if wanted.profile_id == NULL_ID else wanted.profile_id
    profile = await profile_of(store, profile_id)
    return msgspec.structs.replace(wanted, profile_id=profile.id, profile_name=profile.name)


async def _check(store: TenantStore, tenant: Tenant, stored: Tenant | None) -> None:
    required_name(tenant.title, "Tenant", "title")
    if len(tenant.slug) > LONGEST_SLUG or not _SLUG.fullmatch(tenant.slug):
        raise InvalidValue(
            f"slug may have small letters, digits and hyphens between them, at most {LONGEST_SLUG}.", "/slug"
        )
    await _check_free(store, tenant, stored)


async def _check_free(store: TenantStore, tenant: Tenant, stored: Tenant | None) -> None:
    own_id = stored.id if stored else None
    namesake = await store.tenant_titled(tenant.title)
    if namesake is not None and namesake.id != own_id:
        raise title_taken()
    namesake = await store.tenant_with_slug(tenant.slug)
    if namesake is not None and namesake.id != own_id:
        raise NameTaken("Another tenant has this slug already; choose another one.", "/slug")
    namesake = await store.tenant_with_claim_host(tenant.claim_host) if tenant.claim_host else None
    if namesake is not None and namesake.id != own_id:
        raise NameTaken("Another tenant has this claimHost already.", "/claimHost")


async def _free_slug(store: TenantStore, slug: str) -> str:
    free, number = slug, 1
    while await store.tenant_with_slug(free) is not None:
        number += 1
        end = f"-{number}"
        free = slug[: LONGEST_SLUG - len(end)] + end
    return free
