"""How devices of a profile provision themselves."""

from alembic import op

from deedbox.storage.migrations.columns import digest, identifier

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a narrow table: most profiles let no device provision itself."""
    op.create_table(
        "profile_provisioning",
        identifier("profile_id", primary_key=True),
        identifier("tenant_id"),
        # keyed, of the key that devices name; the secret is in the ciphertext only
        digest("digest"),
        digest("ciphertext"),
        sqlite_with_rowid=False,
    )
    op.create_index("profile_provisioning_digest", "profile_provisioning", ["digest"], unique=True)
    op.create_index("profile_provisioning_tenant", "profile_provisioning", ["tenant_id"])
