"""Mail that waits to be sent."""

from alembic import op

from deedbox.storage.migrations.columns import digest, identifier, moment, number

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the outbox: a row for each mail, gone once it is sent."""
    op.create_table(
        "outgoing_mail",
        identifier("id", primary_key=True),
        # to whom and what: links and codes in it let people in
        digest("ciphertext"),
        number("tries"),
        moment("due_at"),
        moment("give_up_at"),
        sqlite_with_rowid=False,
    )
    op.create_index("outgoing_mail_due", "outgoing_mail", ["due_at", "id"])
