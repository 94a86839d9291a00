"""Patterns that find a device's name in its certificate: tenants write them, yet they take linear time."""

import re2

from deedbox.core.errors import InvalidValue

LONGEST_PATTERN = 255
_POINTER = "/profileData/provisionConfiguration/certificateRegExPattern"
_EXPECTED = "Expected: a regular expression (RE2), the device's name in parentheses, as (.*)\\.example\\.com"


def checked_pattern(pattern: str | None) -> str:
    """Return a pattern that can be used. Raises InvalidValue."""
    if not pattern:
        raise InvalidValue(
            f"The strategy X509_CERTIFICATE_CHAIN needs a certificateRegExPattern. {_EXPECTED}.", _POINTER
        )
    if len(pattern) > LONGEST_PATTERN:
        raise InvalidValue(
            f"certificateRegExPattern has {len(pattern)} characters; at most {LONGEST_PATTERN} are accepted.",
            _POINTER,
        )
    try:
        groups = re2.compile(pattern, _options()).groups
    except (re2.error, UnicodeError):
        groups = 0
    if not groups:
        raise InvalidValue(f"certificateRegExPattern can't be used. {_EXPECTED}.", _POINTER)
    return pattern


def name_in(text: str, pattern: str) -> str:
    """Return what the pattern's first parentheses hold where it first matches; empty when it does not."""
    try:
        found = re2.compile(pattern, _options()).search(text)
    except (re2.error, UnicodeError):
        return ""
    return (found.group(1) or "") if found else ""


def _options() -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    return options
