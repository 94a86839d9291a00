"""Contact data of tenants and customers: where to write to, whom to call."""

import msgspec

from deedbox.core.texts import checked_json, checked_text

LONGEST_ADDITIONAL_INFO = 65_536


class Contact(msgspec.Struct, frozen=True, omit_defaults=True):
    """An address, a telephone number, an e-mail address; None for what nobody said."""

    country: str | None = None
    state: str | None = None
    city: str | None = None
    address: str | None = None
    address2: str | None = None
    zip: str | None = None
    phone: str | None = None
    email: str | None = None
    region: str | None = None


def contact_text(contact: Contact) -> str:
    """Return contact data as JSON to be stored. Raises InvalidValue, naming the field that can't be taken."""
    for field in Contact.__struct_fields__:
        text = getattr(contact, field)
        if text is not None:
            checked_text(text, field)
    return msgspec.json.encode(contact).decode()


def contact_of(text: str) -> Contact:
    """Return stored contact data."""
    return msgspec.json.decode(text, type=Contact)


def additional_info_text(value: object) -> str:
    """Return additional info as JSON to be stored. Raises InvalidValue when it is too large."""
    return checked_json(value, "additionalInfo", LONGEST_ADDITIONAL_INFO)
