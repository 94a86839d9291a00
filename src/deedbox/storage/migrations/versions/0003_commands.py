"""Commands that wait for their devices."""

import sqlalchemy as sa
from alembic import op

from deedbox.storage.migrations.columns import flag, identifier, moment, number, text

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# SQLite: rows live in the primary key's tree, without a second tree of row numbers.
CLUSTERED = {"sqlite_with_rowid": False}


def upgrade() -> None:
    """Add stored commands. While `ended_at` is null a command waits for its device, or for a reply."""
    op.create_table(
        "command",
        identifier("id", primary_key=True),
        identifier("tenant_id"),
        identifier("device_id"),
        number("epoch"),
        # What the device names in its reply: a number that fits into 31 bits.
        number("delivery_id"),
        moment("created_at"),
        moment("expires_at"),
        text("method"),
        text("params", default="null"),
        flag("one_way"),
        text("additional_info", default="null"),
        number("retries", default=None),
        number("attempts_left"),
        number("reply_timeout_ms", default=None),
        text("status"),
        text("response", default=None),
        # When the step that it is in has taken too long.
        moment("due_at", nullable=True),
        moment("ended_at", nullable=True),
        **CLUSTERED,
    )
    op.create_index("command_of_device", "command", ["device_id", "id"])
    _create_partial_index("command_pending", ["device_id", "id"], "ended_at is null")
    _create_partial_index("command_due", ["due_at"], "due_at is not null")
    op.create_index("command_expiry", "command", ["expires_at"])


def _create_partial_index(name: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, "command", columns, sqlite_where=where, postgresql_where=where)
