"""Contact data as JSON: fields that tenants and customers have in common."""

from typing import Any

from deedbox.api.shapes.entities import Wire
from deedbox.core.contacts import Contact, contact_of, contact_text


class ContactShape(Wire):
    """Where to write to, whom to call; null for what nobody said."""

    country: str | None = None
    state: str | None = None
    city: str | None = None
    address: str | None = None
    address2: str | None = None
    zip: str | None = None
    phone: str | None = None
    email: str | None = None


def contact_fields(text: str) -> dict[str, Any]:
    """Return stored contact data as fields of a shape."""
    contact = contact_of(text)
    return {field: getattr(contact, field) for field in ContactShape.__struct_fields__}


def stored_contact(it: ContactShape, region: str | None = None) -> str:
    """Return what is stored. Raises InvalidValue, naming the field that can't be taken."""
    fields = {field: getattr(it, field) for field in ContactShape.__struct_fields__}
    return contact_text(Contact(**fields, region=region))
