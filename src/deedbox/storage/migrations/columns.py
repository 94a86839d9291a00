"""Column types that mean the same on SQLite and PostgreSQL."""

import sqlalchemy as sa


def identifier(name: str, *, nullable: bool = False, primary_key: bool = False) -> sa.Column[object]:
    """Return a column for a UUID: 16 bytes in SQLite, uuid in PostgreSQL."""
    kind = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
    return sa.Column(name, kind, nullable=nullable, primary_key=primary_key)


def digest(name: str, *, nullable: bool = False, primary_key: bool = False) -> sa.Column[object]:
    """Return a column for bytes: a digest or a ciphertext."""
    return sa.Column(name, sa.LargeBinary(), nullable=nullable, primary_key=primary_key)


def moment(name: str, *, nullable: bool = False, primary_key: bool = False) -> sa.Column[object]:
    """Return a column for epoch milliseconds."""
    return sa.Column(name, sa.BigInteger(), nullable=nullable, primary_key=primary_key, autoincrement=False)


def number(name: str, *, default: int | None = 0, primary_key: bool = False) -> sa.Column[object]:
    """Return a column for a whole number; `default` None makes it nullable."""
    return sa.Column(
        name,
        sa.BigInteger(),
        nullable=default is None,
        primary_key=primary_key,
        server_default=None if default is None or primary_key else str(default),
        autoincrement=False,
    )


def text(name: str, *, default: str | None = "", primary_key: bool = False) -> sa.Column[object]:
    """Return a column for text; `default` None makes it nullable."""
    return sa.Column(
        name,
        sa.Text(),
        nullable=default is None,
        primary_key=primary_key,
        server_default=None if default is None or primary_key else default,
    )


def flag(name: str, *, default: bool | None = False) -> sa.Column[object]:
    """Return a column for yes and no; `default` None makes it nullable."""
    return sa.Column(
        name,
        sa.Boolean(create_constraint=False),
        nullable=default is None,
        server_default=None if default is None else (sa.true() if default else sa.false()),
    )
