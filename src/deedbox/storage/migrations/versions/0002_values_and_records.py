"""What devices say, and the records of every change."""

import sqlalchemy as sa
from alembic import op

from deedbox.storage.migrations.columns import digest, flag, identifier, moment, number, text

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# SQLite: rows live in the primary key's tree, without a second tree of row numbers.
CLUSTERED = {"sqlite_with_rowid": False}


def upgrade() -> None:
    """Add values and records."""
    _values()
    _records()


def _values() -> None:
    op.create_table(
        "attribute",
        identifier("entity_id", primary_key=True),
        number("scope", primary_key=True),
        text("name", primary_key=True),
        number("writer", primary_key=True),
        # 0 for what the tenant wrote, which stays; else the epoch, so that no deed overwrites another's.
        number("kept_for_epoch", primary_key=True),
        number("epoch"),
        text("value", default="null"),
        moment("updated_at"),
        **CLUSTERED,
    )
    op.create_table(
        "series_key",
        sa.Column("id", sa.Integer(), sa.Identity(), primary_key=True),
        text("name"),
        sa.UniqueConstraint("name", name="series_key_name"),
    )
    op.create_table(
        "time_series",
        identifier("entity_id", primary_key=True),
        number("key_id", primary_key=True),
        moment("ts", primary_key=True),
        number("epoch", primary_key=True),
        *_value_columns(),
        moment("expires_at", nullable=True),
        **CLUSTERED,
    )
    expires = sa.text("expires_at is not null")
    op.create_index(
        "time_series_expiry",
        "time_series",
        ["expires_at"],
        sqlite_where=expires,
        postgresql_where=expires,
    )
    # Telemetry as it came, until it is moved to the two tables around this one: an append-only table takes
    # bursts that they could not.
    op.create_table(
        "telemetry_journal",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(), primary_key=True
        ),
        identifier("device_id"),
        number("epoch"),
        digest("messages"),
    )
    op.create_table(
        "latest_value",
        identifier("entity_id", primary_key=True),
        number("key_id", primary_key=True),
        number("epoch", primary_key=True),
        moment("ts"),
        *_value_columns(),
        **CLUSTERED,
    )
    # What ended deeds left behind, to be deleted some rows at a time; until then nobody sees it. The last
    # three columns are the point that was looked at last.
    op.create_table(
        "erasure_task",
        identifier("device_id", primary_key=True),
        number("below_epoch", primary_key=True),
        number("from_epoch"),
        moment("queued_at"),
        number("after_key_id", default=-1),
        number("after_ts", default=-1),
        number("after_epoch", default=-1),
        **CLUSTERED,
    )


def _value_columns() -> list[sa.Column[object]]:
    return [
        number("kind"),
        number("long_value", default=None),
        sa.Column("double_value", sa.Double(), nullable=True),
        text("text_value", default=None),
    ]


def _records() -> None:
    op.create_table(
        "audit_entry",
        identifier("tenant_id", primary_key=True),
        identifier("id", primary_key=True),
        identifier("customer_id", nullable=True),
        identifier("user_id", nullable=True),
        text("user_name"),
        text("source_address"),
        text("entity_type"),
        identifier("entity_id", nullable=True),
        text("entity_name"),
        number("epoch"),
        text("action"),
        flag("success", default=True),
        text("data", default="{}"),
        text("failure"),
        moment("occurred_at"),
        **CLUSTERED,
    )
    op.create_index("audit_entry_of_entity", "audit_entry", ["entity_id", "id"])
    op.create_table(
        "ownership_ledger",
        identifier("tenant_id", primary_key=True),
        identifier("id", primary_key=True),
        identifier("device_id"),
        text("device_name"),
        number("epoch"),
        text("change"),
        identifier("deed_id"),
        identifier("customer_id"),
        identifier("actor_id", nullable=True),
        text("reason"),
        moment("occurred_at"),
        digest("previous_digest", nullable=True),
        digest("digest", nullable=True),
        **CLUSTERED,
    )
    op.create_table(
        "outbox_event",
        identifier("id", primary_key=True),
        identifier("tenant_id"),
        identifier("device_id", nullable=True),
        number("epoch"),
        text("type"),
        text("data", default="{}"),
        moment("occurred_at"),
        moment("delivered_at", nullable=True),
        **CLUSTERED,
    )
