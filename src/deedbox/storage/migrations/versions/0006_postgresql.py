"""What several nodes on PostgreSQL need: entries of the journal are found by their device."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add an index, on PostgreSQL only: on SQLite the one process knows what it has put into the journal."""
    if op.get_context().dialect.name == "postgresql":
        op.create_index("telemetry_journal_of_device", "telemetry_journal", ["device_id", "id"])
