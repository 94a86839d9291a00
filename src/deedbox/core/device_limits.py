"""How much devices may send: limits of a tenant as a whole, and of each of its devices.

A limit is a text as the reference server has it: "100:1,2000:60" lets 100 through in a second and 2,000 in a
minute. Nothing counts here; transports do.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Protocol
from uuid import UUID

import msgspec
from msgspec import Meta

from deedbox.core.errors import InvalidValue
from deedbox.core.records import Actor, RecordStore, Subject, audit_entry
from deedbox.core.tenants import TenantStore, tenant_of

MOST_RATES = 8
_HIGHEST_COUNT = 10**9
_LONGEST_S = 31_622_400
_FORM = "COUNT:SECONDS pairs with commas between, as 100:1,2000:60, or nothing for no limit"


class Rate(msgspec.Struct, frozen=True):
    """At most `count` at once, and as many again spread evenly over each `duration_ms`."""

    count: int
    duration_ms: int


def rates_from(text: str) -> tuple[Rate, ...]:
    """Return the rates of a limit, none for an empty one. Raises ValueError that says what is expected."""
    parts = [part.strip() for part in text.split(",")]
    rates = tuple(_rate(part) for part in parts if part)
    if len(rates) > MOST_RATES:
        raise ValueError(f"at most {MOST_RATES} {_FORM}")
    if len({rate.duration_ms for rate in rates}) < len(rates):
        raise ValueError(f"{_FORM}; each number of seconds once")
    return rates


def limit_text(text: str) -> str:
    """Return a limit without blanks and needless commas. Raises ValueError as `rates_from` does."""
    return ",".join(f"{rate.count}:{rate.duration_ms // 1000}" for rate in rates_from(text))


_LIMIT = {"check": rates_from}


class DeviceLimits(msgspec.Struct, frozen=True):
    """Section `device_limits`: what counts where a tenant has no limit of its own. Empty: no limit."""

    tenant_messages: Annotated[
        str,
        Meta(
            extra=_LIMIT,
            description="Messages of a tenant's devices together, but telemetry: `COUNT:SECONDS`, as "
            "`1000:1,20000:60`; empty: no limit.",
        ),
    ] = ""
    tenant_telemetry_messages: Annotated[
        str, Meta(extra=_LIMIT, description="Telemetry messages of a tenant's devices together.")
    ] = ""
    tenant_telemetry_data_points: Annotated[
        str, Meta(extra=_LIMIT, description="Values in telemetry of a tenant's devices together.")
    ] = ""
    device_messages: Annotated[
        str, Meta(extra=_LIMIT, description="Messages of one device, but telemetry.")
    ] = ""
    device_telemetry_messages: Annotated[
        str, Meta(extra=_LIMIT, description="Telemetry messages of one device.")
    ] = ""
    device_telemetry_data_points: Annotated[
        str, Meta(extra=_LIMIT, description="Values in telemetry of one device.")
    ] = ""


class TenantLimits(msgspec.Struct, frozen=True):
    """A tenant's own limits; None leaves one to the deployment, an empty text lifts it."""

    tenant_messages: str | None = None
    tenant_telemetry_messages: str | None = None
    tenant_telemetry_data_points: str | None = None
    device_messages: str | None = None
    device_telemetry_messages: str | None = None
    device_telemetry_data_points: str | None = None


LIMITS = TenantLimits.__struct_fields__


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

    async def put_limits(self, tenant_id: UUID, limits: TenantLimits) -> None:
        """Store a tenant's limits in the place of those it had."""
        ...

    async def tenant_of_device(self, device_id: UUID) -> UUID | None:
        """Return whose device it is, None when there is no such device."""
        ...


def in_force(own: TenantLimits, deployment: DeviceLimits) -> DeviceLimits:
    """Return what counts for a tenant."""
    return msgspec.structs.replace(deployment, **_set(own))


def checked(sent: Mapping[str, str | None], pointers: Mapping[str, str]) -> dict[str, str | None]:
    """Return limits as they are stored. `pointers` name them to people. Raises InvalidValue."""
    found: dict[str, str | None] = {}
    for name, text in sent.items():
        try:
            found[name] = None if text is None else limit_text(text)
        except ValueError as error:
            raise InvalidValue(f"{pointers[name]} must be {error}.", f"/{pointers[name]}") from None
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
    data = {"entityId": tenant.id, "title": tenant.title, "limits": _set(limits)}
    now_ms = await store.now_ms()
    await store.add_audit_entries([audit_entry(store, actor, subject, "UPDATED", now_ms=now_ms, data=data)])
    return limits


def _rate(part: str) -> Rate:
    count, _, seconds = part.partition(":")
    rate = Rate(_number(count, _HIGHEST_COUNT), _number(seconds, _LONGEST_S) * 1000)
    if not (rate.count and rate.duration_ms):
        raise ValueError(
            f"{_FORM}; {part[:40]!r} is none (COUNT up to {_HIGHEST_COUNT}, SECONDS up to {_LONGEST_S})"
        )
    return rate


def _number(text: str, most: int) -> int:
    """Return a whole number from 1 to `most`, 0 for everything else."""
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= len(str(most))):
        return 0
    return int(digits) if int(digits) <= most else 0


def _set(limits: TenantLimits) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(limits).items() if value is not None}
