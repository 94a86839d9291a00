"""Tenant profiles, and limits of gateways."""

from uuid import UUID

import sqlalchemy as sa
from alembic import op

from deedbox.storage.migrations.columns import flag, identifier, moment, number, text

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

#: The profile that all tenants had while there was one only; it gets a row when somebody changes it.
_FIRST = UUID("0190a5a0-0000-7000-8000-000000000001")


def upgrade() -> None:
    """Add profiles; every tenant has the first one, also those that a release before this makes."""
    op.create_table(
        "tenant_profile",
        identifier("id", primary_key=True),
        text("name"),
        moment("created_at"),
        text("description", default=None),
        flag("is_default"),
        text("data"),
        # read from the data: how many devices a tenant may have, and how many may be under a gateway; 0: any
        number("devices"),
        number("gateway_devices"),
        sqlite_with_rowid=False,
    )
    op.create_index("tenant_profile_name", "tenant_profile", ["name"], unique=True)
    profile_id = identifier("profile_id")
    profile_id.server_default = sa.DefaultClause(sa.text(_literal(_FIRST)))
    op.add_column("tenant", profile_id)
    op.create_index("tenant_by_profile", "tenant", ["profile_id"])
    for whose in ("gateway", "gateway_device"):
        for kind in ("messages", "telemetry_messages", "telemetry_data_points"):
            op.add_column("tenant_limits", text(f"{whose}_{kind}", default=None))


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _literal(it: UUID) -> str:
    return f"'{it}'::uuid" if _is_postgresql() else f"x'{it.hex}'"
