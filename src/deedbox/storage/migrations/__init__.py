"""Schema migrations (Alembic), the same for SQLite and PostgreSQL: expand first, contract a release later."""
