"""What `deedbox doctor` says about each thing it looked at."""

from enum import StrEnum

import msgspec


class Status(StrEnum):
    """How a finding is meant."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


class Finding(msgspec.Struct, frozen=True):
    """What one check found; `text` says what to do where something is wrong."""

    check: str
    status: Status
    text: str


def ok(text: str) -> Finding:
    """All is well."""
    return Finding("", Status.OK, text)


def warning(text: str) -> Finding:
    """It works, but not well or not for long."""
    return Finding("", Status.WARNING, text)


def failed(text: str) -> Finding:
    """It will not work, or stored things may be lost."""
    return Finding("", Status.FAILED, text)
