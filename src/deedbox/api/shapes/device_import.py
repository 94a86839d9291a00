"""A file of devices, and what became of it, as JSON."""

from deedbox.api.shapes.entities import Wire
from deedbox.core.import_files import Reading
from deedbox.core.import_rows import Column


class ColumnShape(Wire):
    """One column of the file: what it holds; for attributes and time series also their name."""

    type: str
    key: str | None = None


class MappingShape(Wire):
    """How the file is to be read; without `delimiter` it is found out."""

    columns: list[ColumnShape]
    delimiter: str | None = None
    update: bool | None = True
    header: bool | None = True


class BulkImportShape(Wire):
    """A file as text, and how to read it."""

    file: str
    mapping: MappingShape


class BulkImportResultShape(Wire):
    """How many lines made a device, changed one, and could not be taken; for these, why."""

    created: int
    updated: int
    errors: int
    errors_list: list[str]


def reading(it: MappingShape) -> Reading:
    """Return how the file is to be read."""
    columns = [Column(column.type, column.key or "") for column in it.columns]
    return Reading(columns, it.delimiter or "", has_header=it.header is not False)
