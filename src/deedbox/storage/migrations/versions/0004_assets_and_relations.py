"""Assets, and relations between all kinds of things."""

import sqlalchemy as sa
from alembic import op

from deedbox.storage.migrations.columns import identifier, moment, number, text

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# SQLite: rows live in the primary key's tree, without a second tree of row numbers.
CLUSTERED = {"sqlite_with_rowid": False}


def upgrade() -> None:
    """Add assets and relations."""
    _assets()
    _relations()


def _assets() -> None:
    # Each tenant has a default profile besides: it has the tenant's id and no row.
    op.create_table(
        "asset_profile",
        identifier("id", primary_key=True),
        identifier("tenant_id"),
        text("name"),
        moment("created_at"),
        sa.UniqueConstraint("tenant_id", "name", name="asset_profile_name"),
        **CLUSTERED,
    )
    op.create_table(
        "asset",
        identifier("id", primary_key=True),
        identifier("tenant_id"),
        identifier("customer_id", nullable=True),
        identifier("profile_id"),
        text("name"),
        text("type"),
        text("label", default=None),
        text("additional_info", default="{}"),
        # Name and label in lower case: no database lowers all letters alike.
        text("search_text"),
        moment("created_at"),
        number("version", default=1),
        sa.UniqueConstraint("tenant_id", "name", name="asset_name"),
        **CLUSTERED,
    )
    op.create_index("asset_of_tenant", "asset", ["tenant_id", "id"])
    op.create_index("asset_of_profile", "asset", ["profile_id", "id"])
    has_customer = sa.text("customer_id is not null")
    op.create_index(
        "asset_of_customer",
        "asset",
        ["customer_id", "id"],
        sqlite_where=has_customer,
        postgresql_where=has_customer,
    )


def _relations() -> None:
    op.create_table(
        "entity_relation",
        identifier("from_id", primary_key=True),
        text("from_type", primary_key=True),
        text("type_group", primary_key=True),
        text("type", primary_key=True),
        identifier("to_id", primary_key=True),
        text("to_type", primary_key=True),
        identifier("tenant_id"),
        text("additional_info", default="null"),
        number("version", default=1),
        **CLUSTERED,
    )
    op.create_index("entity_relation_to", "entity_relation", ["to_id", "to_type", "type_group", "type"])
    op.create_index("entity_relation_of_tenant", "entity_relation", ["tenant_id"])
