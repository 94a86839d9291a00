"""Roles, groups of things and people, and which group of people has which role."""

from alembic import op

from deedbox.storage.migrations.columns import identifier, moment, number, text

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# SQLite: rows live in the primary key's tree, without a second tree of row numbers.
CLUSTERED = {"sqlite_with_rowid": False}


def upgrade() -> None:
    """Add narrow tables: what is computed of everybody has no rows."""
    _roles()
    _groups()
    op.create_table(
        "group_permission",
        identifier("id", primary_key=True),
        identifier("tenant_id"),
        identifier("user_group_id"),
        identifier("role_id"),
        # the null id where the role is no group role
        identifier("entity_group_id"),
        moment("created_at"),
        **CLUSTERED,
    )
    columns = ["user_group_id", "role_id", "entity_group_id"]
    op.create_index("group_permission_once", "group_permission", columns, unique=True)
    op.create_index("group_permission_of_things", "group_permission", ["entity_group_id"])
    op.create_index("group_permission_of_role", "group_permission", ["role_id"])
    op.create_index("group_permission_of_tenant", "group_permission", ["tenant_id"])


def _roles() -> None:
    op.create_table(
        "role",
        identifier("id", primary_key=True),
        identifier("tenant_id"),
        text("name"),
        text("kind"),
        text("permissions"),
        text("additional_info", default="null"),
        moment("created_at"),
        number("version", default=1),
        **CLUSTERED,
    )
    op.create_index("role_name", "role", ["tenant_id", "name"], unique=True)


def _groups() -> None:
    op.create_table(
        "entity_group",
        identifier("id", primary_key=True),
        identifier("tenant_id"),
        # the tenant's id, or a customer's
        identifier("owner_id"),
        text("kind"),
        text("name"),
        text("additional_info", default="null"),
        text("configuration", default="null"),
        moment("created_at"),
        number("version", default=1),
        **CLUSTERED,
    )
    op.create_index("entity_group_name", "entity_group", ["owner_id", "kind", "name"], unique=True)
    op.create_index("entity_group_of_tenant", "entity_group", ["tenant_id"])
    op.create_table(
        "group_member",
        identifier("group_id", primary_key=True),
        identifier("entity_id", primary_key=True),
        **CLUSTERED,
    )
    op.create_index("group_member_groups", "group_member", ["entity_id", "group_id"])
    # People who are not in the default group of their tenant or customer.
    op.create_table("left_default_group", identifier("user_id", primary_key=True), **CLUSTERED)
