"""Limits of tenants on what their devices send."""

from alembic import op

from deedbox.storage.migrations.columns import identifier, text

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a narrow table: most tenants have no limits of their own."""
    op.create_table(
        "tenant_limits",
        identifier("tenant_id", primary_key=True),
        # null: the deployment's; empty: no limit
        text("tenant_messages", default=None),
        text("tenant_telemetry_messages", default=None),
        text("tenant_telemetry_data_points", default=None),
        text("device_messages", default=None),
        text("device_telemetry_messages", default=None),
        text("device_telemetry_data_points", default=None),
        sqlite_with_rowid=False,
    )
