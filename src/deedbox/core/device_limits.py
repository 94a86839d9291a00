"""How much devices may send: limits of a tenant as a whole, of each of its devices, and of its gateways.

Nothing counts here; transports do. What counts for a tenant is its own limit, else its profile's, else the
deployment's (`limits_in_force.py`).
"""

from collections.abc import Mapping
from typing import Annotated, Any, Protocol
from uuid import UUID

import msgspec
from msgspec import Meta

from deedbox.core.errors import InvalidValue
from deedbox.core.rates import limit_text, rates_from
from deedbox.core.records import Actor, RecordStore, Subject, audit_entry
from deedbox.core.tenants import TenantStore, tenant_of

_LIMIT = {"check": rates_from}


def _rate_limit(description: str) -> Meta:
    return Meta(extra=_LIMIT, description=description)


class DeviceLimits(msgspec.Struct, frozen=True):
    """Section `device_limits`: what counts where neither a tenant nor its profile says. Empty: no limit."""

    tenant_messages: Annotated[
        str,
        _rate_limit(
            "Messages of a tenant's devices together, but telemetry: `COUNT:SECONDS`, as "
            "`1000:1,20000:60`; empty: no limit."
        ),
    ] = ""
    tenant_telemetry_messages: Annotated[
        str, _rate_limit("Telemetry messages of a tenant's devices together.")
    ] = ""
    tenant_telemetry_data_points: Annotated[
        str, _rate_limit("Values in telemetry of a tenant's devices together.")
    ] = ""
    device_messages: Annotated[str, _rate_limit("Messages of one device, but telemetry.")] = ""
    device_telemetry_messages: Annotated[str, _rate_limit("Telemetry messages of one device.")] = ""
    device_telemetry_data_points: Annotated[str, _rate_limit("Values in telemetry of one device.")] = ""
    gateway_messages: Annotated[
        str, _rate_limit("Messages of all devices behind one gateway together, but telemetry.")
    ] = ""
    gateway_telemetry_messages: Annotated[
        str, _rate_limit("Telemetry messages of all devices behind one gateway together.")
    ] = ""
    gateway_telemetry_data_points: Annotated[
        str, _rate_limit("Values in telemetry of all devices behind one gateway together.")
    ] = ""
    gateway_device_messages: Annotated[
        str, _rate_limit("Messages of a gateway about itself, but telemetry.")
    ] = ""
    gateway_device_telemetry_messages: Annotated[
        str, _rate_limit("Telemetry messages of a gateway about itself.")
    ] = ""
    gateway_device_telemetry_data_points: Annotated[
        str, _rate_limit("Values in telemetry of a gateway about itself.")
    ] = ""
    tenant_connections: Annotated[
        int,
        Meta(
            ge=0, description="MQTT connections of a tenant's devices together, per process; 0: any number."
        ),
    ] = 0
    tenant_requests: Annotated[
        str, _rate_limit("Requests over REST of all people of a tenant together; empty: no limit.")
    ] = ""
    customer_requests: Annotated[
        str, _rate_limit("Requests over REST of all people of one customer together.")
    ] = ""


class TenantLimits(msgspec.Struct, frozen=True):
    """A tenant's own limits; None leaves one to its profile, an empty text lifts it."""

    tenant_messages: str | None = None
    tenant_telemetry_messages: str | None = None
    tenant_telemetry_data_points: str | None = None
    device_messages: str | None = None
    device_telemetry_messages: str | None = None
    device_telemetry_data_points: str | None = None
    gateway_messages: str | None = None
    gateway_telemetry_messages: str | None = None
    gateway_telemetry_data_points: str | None = None
    gateway_device_messages: str | None = None
    gateway_device_telemetry_messages: str | None = None
    gateway_device_telemetry_data_points: str | None = None


class DeviceLimitStore(RecordStore, Protocol):
    """Limits of tenants, inside one transaction."""

    async def now_ms(self) -> int:
        """Return the transaction's moment in epoch milliseconds."""
        ...

    async def limits_of(self, tenant_id: UUID) -> TenantLimits:
        """Return the tenant's own limits; for a tenant without a row none are set."""
        ...

    async def all_limits(self) -> Mapping[UUID, TenantLimits]:
        """Return the limits of all tenants that have some of their own."""
        ...

    async def configurations(self) -> Mapping[UUID, str]:
        """Return the configurations of all tenant profiles, as JSON texts, by their ids."""
        ...

    async def profiles_of_tenants(self) -> Mapping[UUID, UUID]:
        """Return the profiles of tenants that have another one than the first, by the tenants' ids."""
        ...

    async def put_limits(self, tenant_id: UUID, limits: TenantLimits) -> None:
        """Store a tenant's limits in the place of those it had."""
        ...

    async def tenant_of_device(self, device_id: UUID) -> UUID | None:
        """Return whose device it is, None when there is no such device."""
        ...


def checked(
    sent: Mapping[str, str | None], pointers: Mapping[str, str], within: str = ""
) -> dict[str, str | None]:
    """Return limits as they are stored. `pointers` name them to people, `within` where they stand.

    Raises InvalidValue.
    """
    found: dict[str, str | None] = {}
    for name, text in sent.items():
        try:
            found[name] = None if text is None else limit_text(text)
        except ValueError as error:
            raise InvalidValue(f"{pointers[name]} must be {error}.", f"{within}/{pointers[name]}") from None
    return found


async def change(
    store: DeviceLimitStore,
    tenants: TenantStore,
    actor: Actor,
    tenant_id: UUID,
    wanted: Mapping[str, str | None],
) -> TenantLimits:
    """Set those of a tenant's limits that `wanted` names, as `checked` returned them. Raises NotFound."""
    tenant = await tenant_of(tenants, tenant_id)
    limits = msgspec.structs.replace(await store.limits_of(tenant_id), **wanted)
    await store.put_limits(tenant_id, limits)
    subject = Subject("TENANT", tenant.id, tenant.title)
    data = {"entityId": tenant.id, "title": tenant.title, "limits": limits_set(limits)}
    now_ms = await store.now_ms()
    await store.add_audit_entries([audit_entry(store, actor, subject, "UPDATED", now_ms=now_ms, data=data)])
    return limits


def limits_set(limits: msgspec.Struct) -> dict[str, Any]:
    """Return those limits that say something, by their names."""
    return {name: value for name, value in msgspec.structs.asdict(limits).items() if value is not None}
