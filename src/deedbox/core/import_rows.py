"""Lines of an import: which cell means what, and what a line wants. Nothing is stored here."""

import re
from collections.abc import Sequence
from enum import StrEnum

import msgspec

from deedbox.core import claim_keys
from deedbox.core.attributes import CLAIMING_DATA
from deedbox.core.claim_keys import ClaimKey
from deedbox.core.credential_kinds import CredentialsDraft, CredentialsKind, MqttBasic, checked
from deedbox.core.devices import checked_label, checked_name
from deedbox.core.errors import InvalidValue
from deedbox.core.texts import checked_text, required_name
from deedbox.core.values import Value, as_value
from deedbox.core.values import checked_name as checked_key

_LONGEST_DESCRIPTION = 4096


class ColumnType(StrEnum):
    """What a column may hold; the names are on the wire."""

    NAME = "NAME"
    TYPE = "TYPE"
    LABEL = "LABEL"
    DESCRIPTION = "DESCRIPTION"
    IS_GATEWAY = "IS_GATEWAY"
    SHARED_ATTRIBUTE = "SHARED_ATTRIBUTE"
    SERVER_ATTRIBUTE = "SERVER_ATTRIBUTE"
    TIMESERIES = "TIMESERIES"
    ACCESS_TOKEN = "ACCESS_TOKEN"  # noqa: S105  # a name, not a token
    X509 = "X509"
    MQTT_CLIENT_ID = "MQTT_CLIENT_ID"
    MQTT_USER_NAME = "MQTT_USER_NAME"
    MQTT_PASSWORD = "MQTT_PASSWORD"  # noqa: S105  # a name, not a password


#: Columns of the reference server for protocols and products that are not here: an error where they are used.
_FOREIGN = re.compile(r"LWM2M_\w+|SNMP_\w+|ROUTING_KEY|SECRET")
_KNOWN = frozenset(ColumnType)
_VALUES = (ColumnType.SHARED_ATTRIBUTE, ColumnType.SERVER_ATTRIBUTE, ColumnType.TIMESERIES)
_MQTT = (ColumnType.MQTT_CLIENT_ID, ColumnType.MQTT_USER_NAME, ColumnType.MQTT_PASSWORD)


class Column(msgspec.Struct, frozen=True):
    """One column: its type, and the name of the attribute or series that it holds."""

    type: str
    key: str = ""


class ImportRow(msgspec.Struct, frozen=True):
    """What one line wants; None and empty where its cells are empty."""

    line: int
    name: str
    type: str | None
    label: str | None
    description: str | None
    is_gateway: bool | None
    credentials: CredentialsDraft | None
    shared: dict[str, Value]
    server: dict[str, Value]
    series: dict[str, Value]
    claim_key: ClaimKey | None


def check_columns(columns: Sequence[Column]) -> None:
    """Check the mapping as a whole. Raises InvalidValue."""
    if sum(it.type == ColumnType.NAME for it in columns) != 1:
        raise InvalidValue("mapping.columns must have exactly one column of type NAME.", "/mapping/columns")
    for index, column in enumerate(columns):
        _check_column(column, index)


def import_row(line: int, cells: Sequence[str], columns: Sequence[Column]) -> ImportRow:
    """Return what a line wants. Raises InvalidValue, which never repeats a secret."""
    if len(cells) > len(columns):
        raise InvalidValue(f"expected {len(columns)} cells, found {len(cells)}; quote cells with delimiters.")
    by_type = _Cells(cells, columns)
    server = by_type.values(ColumnType.SERVER_ATTRIBUTE)
    claim_keys.refuse_flat_form(server)
    claiming_data = server.pop(CLAIMING_DATA, None)
    type_name, description = by_type.text(ColumnType.TYPE), by_type.text(ColumnType.DESCRIPTION)
    return ImportRow(
        line=line,
        name=checked_name(by_type.text(ColumnType.NAME)),
        type=type_name and required_name(type_name, "Device", "type"),
        label=checked_label(by_type.text(ColumnType.LABEL)),
        description=description and checked_text(description, "description", _LONGEST_DESCRIPTION),
        is_gateway=by_type.flag(ColumnType.IS_GATEWAY),
        credentials=by_type.credentials(),
        shared=by_type.values(ColumnType.SHARED_ATTRIBUTE),
        server=server,
        series=by_type.values(ColumnType.TIMESERIES),
        claim_key=None if claiming_data is None else claim_keys.claim_key(claiming_data),
    )


def cell_value(key: str, text: str) -> Value:
    """Return what a cell holds: a number, a boolean, a JSON object or array, else its text."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if text[:1] + text[-1:] in ("{}", "[]"):
        try:
            value: Value = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeError):
            return text
        return value
    return as_value(key, text)


class _Cells:
    """The cells of a line that are not empty, by their columns."""

    def __init__(self, cells: Sequence[str], columns: Sequence[Column]) -> None:
        found = [(column, cell.strip()) for column, cell in zip(columns, cells, strict=False)]
        self._cells = [(column, cell) for column, cell in found if cell]
        # The first of a type counts: what comes later is put in before.
        self._texts = {column.type: cell for column, cell in reversed(self._cells)}
        if not self._texts.keys() <= _KNOWN:
            foreign = next(column.type for column, _ in self._cells if column.type not in _KNOWN)
            raise InvalidValue(f"columns of type {foreign} are not supported by this server.")

    def text(self, column_type: ColumnType) -> str | None:
        """Return the text of the column of that type, None when it is empty or there is none."""
        return self._texts.get(column_type)

    def flag(self, column_type: ColumnType) -> bool | None:
        """Return a yes or no. Raises InvalidValue for anything else."""
        text = self.text(column_type)
        if text is not None and text.lower() not in ("true", "false"):
            raise InvalidValue(f"{column_type} must be true or false.")
        return None if text is None else text.lower() == "true"

    def values(self, column_type: ColumnType) -> dict[str, Value]:
        """Return the values of all columns of that type, by their keys."""
        if column_type not in self._texts:
            return {}
        found = {column.key: cell for column, cell in self._cells if column.type == column_type}
        return {checked_key(key): cell_value(key, cell) for key, cell in found.items()}

    def credentials(self) -> CredentialsDraft | None:
        """Return the credentials that the line names. Raises InvalidValue for two kinds at once."""
        drafts: list[CredentialsDraft] = []
        token, certificate = self.text(ColumnType.ACCESS_TOKEN), self.text(ColumnType.X509)
        if token is not None:
            drafts.append(CredentialsDraft(credentials_id=token))
        if certificate is not None:
            drafts.append(CredentialsDraft(CredentialsKind.X509_CERTIFICATE, value=certificate))
        if not self._texts.keys().isdisjoint(_MQTT):
            basic = msgspec.json.encode(MqttBasic(*(self.text(it) for it in _MQTT))).decode()
            drafts.append(CredentialsDraft(CredentialsKind.MQTT_BASIC, value=basic))
        if len(drafts) > 1:
            raise InvalidValue("a device has one kind of credentials: an access token, X509 or MQTT.")
        return checked(drafts[0]) if drafts else None


def _check_column(column: Column, index: int) -> None:
    pointer = f"/mapping/columns/{index}"
    if column.type not in _KNOWN and not _FOREIGN.fullmatch(column.type):
        known = ", ".join(ColumnType)
        raise InvalidValue(f"mapping.columns[{index}].type is unknown; use one of {known}.", pointer)
    if column.type in _VALUES and not column.key.strip():
        raise InvalidValue(f"mapping.columns[{index}] ({column.type}) needs a key.", f"{pointer}/key")
    if column.type == ColumnType.SHARED_ATTRIBUTE and column.key == CLAIMING_DATA:
        message = "claimingData is a claim key: use SERVER_ATTRIBUTE; devices must not see it."
        raise InvalidValue(message, pointer)
