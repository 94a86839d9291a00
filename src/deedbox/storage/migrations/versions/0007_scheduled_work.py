"""Scheduled work: a lease, so that one node at a time does it; commands are found by their end."""

import sqlalchemy as sa
from alembic import op

from deedbox.storage.migrations.columns import moment, text

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table of leases, and an index over the commands that have ended."""
    op.create_table(
        "lease",
        text("name", primary_key=True),
        text("holder"),
        moment("expires_at"),
        sqlite_with_rowid=False,
    )
    ended = sa.text("ended_at is not null")
    op.create_index("command_ended", "command", ["ended_at"], sqlite_where=ended, postgresql_where=ended)
