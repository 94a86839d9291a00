"""The tenant's claim keys: what `claimingData` may be, and what is said when it isn't (behaviour §3)."""

import json
from typing import Any

import pytest

from deedbox.core.claim_keys import StoredKey, claim_key, hidden, refuse_flat_form
from deedbox.core.errors import InvalidValue

AT = 1_640_995_200_000
SECRET = "s3cr3t-of-the-label"


@pytest.mark.parametrize(
    ("fields", "secret_key", "expires_at"),
    [
        ({"secretKey": SECRET, "expirationTime": AT}, SECRET, AT),
        ({"secretKey": SECRET, "expirationTime": str(AT)}, SECRET, AT),
        ({"secretKey": SECRET, "expirationTime": float(AT)}, SECRET, AT),
        ({"secretKey": SECRET, "expirationTime": 10**11}, SECRET, 10**11),
        ({"secretKey": SECRET, "expirationTime": 2**63 - 1}, SECRET, 2**63 - 1),
        ({"expirationTime": AT}, "", AT),
        ({"secretKey": None, "expirationTime": AT}, "", AT),
        ({"secretKey": "", "expirationTime": AT}, "", AT),
        ({"secretKey": 42, "expirationTime": AT}, "42", AT),
        ({"secretKey": True, "expirationTime": AT}, "true", AT),
        ({"secretKey": False, "expirationTime": AT}, "false", AT),
        ({"secretKey": "Schlüssel \U0001f511", "expirationTime": AT}, "Schlüssel \U0001f511", AT),
        ({"secretKey": "k" * 256, "expirationTime": AT}, "k" * 256, AT),
    ],
)
def test_accepted_forms(fields: dict[str, Any], secret_key: str, expires_at: int) -> None:
    """An object, or a string that holds one; what was written is what is read back."""
    for raw in (fields, json.dumps(fields)):
        key = claim_key(raw)
        assert (key.secret_key, key.expires_at, key.value) == (secret_key, expires_at, raw)


@pytest.mark.parametrize(
    ("fields", "pointer", "says"),
    [
        ({"secretKey": SECRET}, "/claimingData/expirationTime", "missing"),
        ({"secretKey": SECRET, "expirationTime": None}, "/claimingData/expirationTime", "missing"),
        ({"secretKey": SECRET, "expirationTime": 1_640_995_200}, "/claimingData/expirationTime", "seconds"),
        ({"secretKey": SECRET, "expirationTime": 10**11 - 1}, "/claimingData/expirationTime", "seconds"),
        ({"secretKey": SECRET, "expirationTime": 0}, "/claimingData/expirationTime", "seconds"),
        ({"secretKey": SECRET, "expirationTime": -1}, "/claimingData/expirationTime", "seconds"),
        ({"secretKey": SECRET, "expirationTime": 2**63}, "/claimingData/expirationTime", "milliseconds"),
        ({"secretKey": SECRET, "expirationTime": "soon"}, "/claimingData/expirationTime", "milliseconds"),
        ({"secretKey": SECRET, "expirationTime": "9" * 99}, "/claimingData/expirationTime", "milliseconds"),
        ({"secretKey": SECRET, "expirationTime": ""}, "/claimingData/expirationTime", "milliseconds"),
        ({"secretKey": SECRET, "expirationTime": True}, "/claimingData/expirationTime", "milliseconds"),
        ({"secretKey": SECRET, "expirationTime": {"at": AT}}, "/claimingData/expirationTime", "milliseconds"),
        ({"secretKey": [SECRET], "expirationTime": AT}, "/claimingData/secretKey", "string"),
        ({"secretKey": {"is": SECRET}, "expirationTime": AT}, "/claimingData/secretKey", "string"),
        ({"secretKey": SECRET * 20, "expirationTime": AT}, "/secretKey", "at most 256"),
        ({"secretKey": SECRET, "expirationTime": AT, SECRET: 1}, "/claimingData", "nothing else"),
        ({"hidden": True, "expirationTime": AT}, "/claimingData", "nothing else"),
    ],
)
def test_malformed_fields_are_named_and_never_repeated(
    fields: dict[str, Any], pointer: str, says: str
) -> None:
    for raw in (fields, json.dumps(fields)):
        with pytest.raises(InvalidValue) as refused:
            claim_key(raw)
        assert refused.value.pointer == pointer
        assert says in refused.value.message
        assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "raw", [None, 5, 1.5, True, [SECRET], SECRET, "", "{", "null", "[]", f'"{SECRET}"', f"{{{SECRET}}}"]
)
def test_anything_but_an_object_is_refused(raw: object) -> None:
    with pytest.raises(InvalidValue, match="must be a JSON object") as refused:
        claim_key(raw)
    assert SECRET not in str(refused.value)


def test_the_flat_form_is_refused_with_the_right_one() -> None:
    """Two attributes instead of one object: a mistake that many make (behaviour §3.2)."""
    with pytest.raises(InvalidValue) as refused:
        refuse_flat_form({"secretKey": SECRET, "expirationTime": str(AT), "other": 1})
    assert '{"claimingData": {"secretKey": "...", "expirationTime": ' in refused.value.message
    assert SECRET not in str(refused.value)
    refuse_flat_form({"secretKey": SECRET})
    refuse_flat_form({"expirationTime": AT})


def test_a_key_does_not_show_itself() -> None:
    assert SECRET not in repr(claim_key({"secretKey": SECRET, "expirationTime": AT}))


def test_what_hides_a_key_can_not_become_one() -> None:
    """A list that is read and written back must not set a key that everybody knows."""
    with pytest.raises(InvalidValue):
        claim_key(hidden(StoredKey(None, AT, 0)))
