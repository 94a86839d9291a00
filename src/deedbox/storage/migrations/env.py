"""Alembic's entry point: runs the revisions on the connection that `storage.migrating` hands over."""

from alembic import context

connection = context.config.attributes["connection"]
# SQLite can't alter most things in place; batch mode rebuilds the table instead.
context.configure(connection=connection, transaction_per_migration=True, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
