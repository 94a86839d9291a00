"""One's own account as JSON."""

from uuid import UUID

from deedbox.api.shapes.entities import Wire
from deedbox.core.sessions import Session


class SessionShape(Wire):
    """A session: since when, until when unless it is refreshed, from where, with which program."""

    id: UUID
    created_time: int
    last_activity_time: int
    expiration_time: int
    address: str
    client: str
    current: bool


def session_shape(it: Session, current_id: UUID) -> SessionShape:
    """Return the wire form of a session."""
    return SessionShape(
        id=it.id,
        created_time=it.created_at,
        last_activity_time=it.used_at or it.created_at,
        expiration_time=it.expires_at,
        address=it.source_address,
        client=it.client,
        current=it.id == current_id,
    )
