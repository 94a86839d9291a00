"""Whether a customer was shown a device's credentials: they are replaced when its ownership ends."""

from alembic import op

from deedbox.storage.migrations.columns import flag

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the mark; nobody but tenants read credentials so far."""
    op.add_column("device_state", flag("credentials_shown"))
