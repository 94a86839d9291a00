"""API keys of people's programs."""

from alembic import op

from deedbox.storage.migrations.columns import digest, flag, identifier, moment, text

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a narrow table: a few keys for a few people."""
    op.create_table(
        "api_key",
        identifier("id", primary_key=True),
        identifier("tenant_id"),
        identifier("user_id"),
        digest("digest"),
        text("description"),
        # like a generic role's; empty: all that the user may
        text("permissions"),
        flag("enabled", default=True),
        moment("created_at"),
        # 0: never
        moment("expires_at"),
        moment("last_used_at"),
        sqlite_with_rowid=False,
    )
    op.create_index("api_key_digest", "api_key", ["digest"], unique=True)
    op.create_index("api_key_of_user", "api_key", ["user_id", "id"])
