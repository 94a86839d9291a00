"""Tenants, people, devices, claim windows and deeds."""

import sqlalchemy as sa
from alembic import op

from deedbox.storage.migrations.columns import digest, flag, identifier, moment, number, text

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# SQLite: rows live in the primary key's tree, without a second tree of row numbers.
CLUSTERED = {"sqlite_with_rowid": False}


def upgrade() -> None:
    """Make the first schema."""
    _tenants()
    _people()
    _devices()
    _ownership()


def _tenants() -> None:
    op.create_table(
        "tenant",
        identifier("id", primary_key=True),
        text("title"),
        text("slug"),
        text("claim_host", default=None),
        flag("allow_claiming_by_default", default=None),
        flag("erase_on_reclaim"),
        text("contact", default="{}"),
        text("additional_info", default="{}"),
        moment("created_at"),
        number("version", default=1),
        sa.UniqueConstraint("title", name="tenant_title"),
        sa.UniqueConstraint("slug", name="tenant_slug"),
        sa.UniqueConstraint("claim_host", name="tenant_claim_host"),
        **CLUSTERED,
    )
    op.create_table(
        "customer",
        identifier("id", primary_key=True),
        identifier("tenant_id"),
        identifier("parent_customer_id", nullable=True),
        text("title"),
        flag("is_public"),
        text("contact", default="{}"),
        text("additional_info", default="{}"),
        moment("created_at"),
        number("version", default=1),
        sa.UniqueConstraint("tenant_id", "title", name="customer_title"),
        **CLUSTERED,
    )
    op.create_index("customer_of_tenant", "customer", ["tenant_id", "id"])
    has_parent = sa.text("parent_customer_id is not null")
    op.create_index(
        "customer_of_parent",
        "customer",
        ["parent_customer_id"],
        sqlite_where=has_parent,
        postgresql_where=has_parent,
    )
    op.create_table(
        "tally",
        identifier("owner_id", primary_key=True),
        text("noun", primary_key=True),
        number("total"),
        **CLUSTERED,
    )


def _people() -> None:
    op.create_table(
        "user_account",
        identifier("id", primary_key=True),
        identifier("tenant_id"),
        identifier("customer_id", nullable=True),
        text("email"),
        text("authority"),
        text("first_name", default=None),
        text("last_name", default=None),
        text("phone", default=None),
        text("additional_info", default="{}"),
        flag("enabled", default=True),
        text("password_hash", default=None),
        digest("activation_digest", nullable=True),
        digest("activation_ciphertext", nullable=True),
        moment("activation_expires_at", nullable=True),
        digest("reset_digest", nullable=True),
        moment("reset_expires_at", nullable=True),
        moment("created_at"),
        number("version", default=1),
        sa.UniqueConstraint("email", name="user_email"),
        sa.UniqueConstraint("activation_digest", name="user_activation"),
        sa.UniqueConstraint("reset_digest", name="user_reset"),
        **CLUSTERED,
    )
    op.create_index("user_of_tenant", "user_account", ["tenant_id", "id"])
    op.create_index("user_of_authority", "user_account", ["tenant_id", "authority", "id"])
    op.create_index("user_of_customer", "user_account", ["customer_id", "id"])
    op.create_table(
        "user_session",
        identifier("id", primary_key=True),
        identifier("user_id"),
        moment("created_at"),
        moment("expires_at"),
        text("refresh_id", default=None),
        **CLUSTERED,
    )
    op.create_index("session_of_user", "user_session", ["user_id"])
    op.create_index("session_expiry", "user_session", ["expires_at"])
    op.create_table(
        "claim_intent",
        digest("digest", primary_key=True),
        identifier("tenant_id"),
        digest("ciphertext"),
        moment("expires_at"),
        **CLUSTERED,
    )
    op.create_index("claim_intent_expiry", "claim_intent", ["expires_at"])


def _devices() -> None:
    op.create_table(
        "device_profile",
        identifier("id", primary_key=True),
        identifier("tenant_id"),
        text("name"),
        flag("is_default"),
        flag("allow_claiming_by_default", default=None),
        flag("forbids_empty_keys"),
        flag("rotates_credentials_on_reclaim"),
        flag("new_secret_on_reclaim"),
        text("settings", default="{}"),
        moment("created_at"),
        number("version", default=1),
        sa.UniqueConstraint("tenant_id", "name", name="device_profile_name"),
        **CLUSTERED,
    )
    is_default = sa.text("is_default")
    op.create_index(
        "device_profile_one_default",
        "device_profile",
        ["tenant_id"],
        unique=True,
        sqlite_where=is_default,
        postgresql_where=is_default,
    )
    op.create_table(
        "device",
        identifier("id", primary_key=True),
        identifier("tenant_id"),
        identifier("profile_id"),
        text("name"),
        text("type"),
        text("label", default=None),
        text("additional_info", default="{}"),
        # Name and label in lower case: no database lowers all letters alike.
        text("search_text"),
        moment("created_at"),
        number("version", default=1),
        sa.UniqueConstraint("tenant_id", "name", name="device_name"),
        **CLUSTERED,
    )
    op.create_index("device_of_tenant", "device", ["tenant_id", "id"])
    op.create_index("device_of_profile", "device", ["profile_id", "id"])
    # Devices that are gone and whose values are still to be deleted, a few at a time.
    op.create_table("removed_device", identifier("device_id", primary_key=True), **CLUSTERED)
    op.create_table(
        "device_credentials",
        identifier("device_id", primary_key=True),
        identifier("id"),
        text("kind"),
        digest("lookup_digest"),
        digest("ciphertext"),
        moment("created_at"),
        number("version", default=1),
        sa.UniqueConstraint("lookup_digest", name="device_credentials_lookup"),
        **CLUSTERED,
    )
    # What the tenant's label says while an owner's own stands in its place; back when the deed closes.
    op.create_table(
        "kept_label",
        identifier("device_id", primary_key=True),
        text("label", default=None),
        **CLUSTERED,
    )
    op.create_table(
        "device_activity",
        identifier("device_id", primary_key=True),
        moment("last_activity_at"),
        **CLUSTERED,
    )


def _ownership() -> None:
    # Narrow on purpose: this is what a claim rewrites.
    op.create_table(
        "device_state",
        identifier("device_id", primary_key=True),
        number("epoch"),
        flag("blocked"),
        number("refused_epoch", default=None),
        text("refused_reason", default=None),
        moment("refused_at", nullable=True),
        **CLUSTERED,
    )
    op.create_table(
        "claim_window",
        identifier("device_id", primary_key=True),
        number("kind", primary_key=True),
        digest("digest"),
        digest("ciphertext", nullable=True),
        moment("expires_at"),
        flag("lapsed"),
        moment("opened_at"),
        number("epoch"),
        **CLUSTERED,
    )
    op.create_table(
        "deed",
        # Time-ordered, so that claims of devices anywhere append here; the indexes find a device's deeds.
        identifier("id", primary_key=True),
        identifier("device_id"),
        identifier("tenant_id"),
        identifier("customer_id"),
        number("opened_epoch"),
        number("reads_from_epoch"),
        moment("opened_at"),
        identifier("opened_by", nullable=True),
        text("opening_reason"),
        digest("burnt_digests"),
        digest("idempotency_digest", nullable=True),
        moment("closed_at", nullable=True),
        number("closed_epoch", default=None),
        identifier("closed_by", nullable=True),
        text("closing_reason", default=None),
        **CLUSTERED,
    )
    is_open, is_closed = sa.text("closed_at is null"), sa.text("closed_at is not null")
    op.create_index(
        "deed_one_open",
        "deed",
        ["device_id"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    op.create_index(
        "deed_of_customer",
        "deed",
        ["customer_id", "device_id"],
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    op.create_index(
        "deed_closed",
        "deed",
        ["device_id", "opened_epoch"],
        sqlite_where=is_closed,
        postgresql_where=is_closed,
    )
    op.create_table(
        "spent_attempt",
        digest("scope", primary_key=True),
        moment("spent_at", primary_key=True),
        identifier("id", primary_key=True),
        **CLUSTERED,
    )
    op.create_index("spent_attempt_age", "spent_attempt", ["spent_at"])
    # Wrong keys of a tenant's users, and of everybody, in windows of fixed length: for alarms.
    op.create_table(
        "guess_count",
        identifier("owner_id", primary_key=True),
        moment("window_start", primary_key=True),
        number("total"),
        **CLUSTERED,
    )
    op.create_index("guess_count_age", "guess_count", ["window_start"])
