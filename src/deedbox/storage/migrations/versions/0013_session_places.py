"""Where sessions come from, for their list and to know a sign-in from a new place."""

from alembic import op

from deedbox.storage.migrations.columns import number, text

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is known of a session's place; sessions from before have none."""
    for column in (text("source_address"), text("network"), text("client"), number("used_at")):
        op.add_column("user_session", column)
