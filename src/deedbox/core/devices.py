"""Devices: what a maker ships, as every layer knows them."""

from uuid import UUID

import msgspec

LONGEST_NAME = 255


class Device(msgspec.Struct, frozen=True):
    """A device. `customer_id` is the owner by the open deed, None while it has none.

    `additional_info` is JSON text as the tenant wrote it; `created_at` epoch milliseconds.
    """

    id: UUID
    tenant_id: UUID
    name: str
    type: str
    label: str | None
    profile_id: UUID
    additional_info: str
    created_at: int
    version: int
    customer_id: UUID | None = None
