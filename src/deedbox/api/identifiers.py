"""Lists of identifiers in query parameters, in the forms in which clients send them."""

from uuid import UUID

from deedbox.core.errors import InvalidValue
from deedbox.core.paging import LARGEST_PAGE

_DECORATION = str.maketrans("", "", "[]'\" ")


def uuids_of(text: str, parameter: str) -> list[UUID]:
    """Return the identifiers of `a,b`, or of `['a', 'b']` as an old Python client writes it.

    Raises InvalidValue, naming the parameter, for anything else and for too many.
    """
    parts = [part for part in text.translate(_DECORATION).split(",") if part]
    if len(parts) > LARGEST_PAGE:
        raise InvalidValue(
            f"{parameter} has {len(parts)} ids; at most {LARGEST_PAGE} are accepted.", parameter
        )
    try:
        return [UUID(part) for part in parts]
    except ValueError:
        raise InvalidValue(f"{parameter} must be UUIDs with commas between them.", f"/{parameter}") from None
