"""Lists of the kinds of things that there are many of, as questions about many things walk them."""

from collections.abc import Sequence
from uuid import UUID

from deedbox.core.access.visible import groups_of_mine
from deedbox.core.assets import AssetFilter
from deedbox.core.devices import DeviceFilter
from deedbox.core.entity_queries import EntityQuery
from deedbox.core.errors import InvalidValue
from deedbox.core.paging import LARGEST_PAGE, Listing, PageRequest, PageSlice
from deedbox.core.permissions import Principal, Resource
from deedbox.core.storage import Stores

#: So many things are tried one by one; a question about more must be narrower or simpler.
TRIED_AT_MOST = 10_000
LISTED = (Resource.DEVICE, Resource.ASSET)

_NO_PROFILE = UUID(int=0)


async def profile_ids(
    stores: Stores, principal: Principal, kind: Resource, types: Sequence[str]
) -> list[UUID]:
    """Return the profiles with these names; a name that is no profile's stands for one of nothing."""
    store = stores.device_profiles if kind is Resource.DEVICE else stores.asset_profiles
    found = [await store.profile_named(principal.tenant_id, name) for name in dict.fromkeys(types)]
    return [it.id if it else _NO_PROFILE for it in found]


async def page_of_ids(
    stores: Stores, principal: Principal, kind: Resource, profile_id: UUID | None, asked: PageSlice
) -> Listing[UUID]:
    """Return a page of what the principal may see: all of its tenant's, or its customer's, or in groups."""
    tenant_id, groups = principal.tenant_id, groups_of_mine(principal, kind)
    customer_id = principal.customer_id if groups is None else None
    if kind is Resource.DEVICE:
        wanted = DeviceFilter(tenant_id, customer_id, profile_id, groups=groups)
        devices = await stores.devices.list_devices(wanted, asked)
        return Listing([it.id for it in devices.items], devices.total, devices.has_next, devices.end)
    assets = await stores.assets.list_assets(AssetFilter(tenant_id, customer_id, profile_id, groups), asked)
    return Listing([it.id for it in assets.items], assets.total, assets.has_next, assets.end)


async def all_ids(
    stores: Stores, principal: Principal, query: EntityQuery, wanted: Sequence[UUID]
) -> list[UUID]:
    """Return the ids of all that are worth trying. Raises InvalidValue when there are too many."""
    # Lists search in name, label and type: all that the pattern finds, and more.
    search = query.page.search or query.chosen.name_pattern.strip("%").strip()
    found: list[UUID] = []
    for profile_id in wanted or (None,):
        asked, has_next = PageSlice(PageRequest(size=LARGEST_PAGE, search=search)), True
        while has_next:
            listed = await page_of_ids(stores, principal, query.chosen.kind, profile_id, asked)
            found += listed.items
            if len(found) > TRIED_AT_MOST:
                raise InvalidValue(
                    f"The query is about more than {TRIED_AT_MOST} entities. Narrow it by type or name, or "
                    "ask without filters, sorted by createdTime or name."
                )
            asked, has_next = PageSlice(asked.request, listed.end), listed.has_next
    return found
