"""Titles, slugs, hosts and other texts that people give: what is taken and what is refused."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deedbox.core.audit_log import ACTIONS, actions_of
from deedbox.core.contacts import Contact, contact_of, contact_text
from deedbox.core.errors import InvalidValue
from deedbox.core.tenants import LONGEST_SLUG, host_name, slug_from
from deedbox.core.texts import checked_json, checked_text, required_name

SLUG_SYMBOLS = set(string.ascii_lowercase + string.digits + "-")


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Acme", "acme"),
        ("Acme Heating & Söhne GmbH", "acme-heating-sohne-gmbh"),
        ("  --Ünïcode--  ", "unicode"),
        ("日本", "tenant"),
        ("a" * 80, "a" * LONGEST_SLUG),
        ("a" * (LONGEST_SLUG - 1) + " b", "a" * (LONGEST_SLUG - 1)),
    ],
)
def test_a_slug_resembles_the_title(title: str, slug: str) -> None:
    assert slug_from(title) == slug


@given(st.text())
def test_every_title_has_a_slug(title: str) -> None:
    slug = slug_from(title)
    assert 1 <= len(slug) <= LONGEST_SLUG
    assert set(slug) <= SLUG_SYMBOLS
    assert slug.strip("-") == slug
    assert slug_from(slug) == slug


@pytest.mark.parametrize(
    "host", ["claim.example.com", "localhost", "xn--mnchen-3ya.de", "a" * 63 + ".de", "1.2"]
)
def test_a_host_name_is_taken(host: str) -> None:
    assert host_name(host) == host
    assert host_name(f" {host.upper()}. ") == host


@pytest.mark.parametrize(
    "text",
    ["", ".", "a..b", "https://a.b", "a.b/c", "a.b:80", "a b", "-a.b", "a-.b", "ä.de", "a" * 64, "*.a.b",
     ".".join(["abcdefg"] * 32), "a.b\n.c", "<b>", "a_b.c"],
)  # fmt: skip
def test_what_is_no_host_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="claimHost"):
        host_name(text)


@pytest.mark.parametrize("text", ["x", "x" * 255, "a < b", "<3", "1<2>0", "Ünïcode", "😀", "'\"&;--", " x "])
def test_a_name_is_kept_as_it_is(text: str) -> None:
    assert required_name(text, "Customer", "title") == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "Customer title should be specified!"),
        ("", "Customer title should be specified!"),
        ("\n\t ", "Customer title should be specified!"),
        ("x" * 256, "Validation error: title length must be equal or less than 255"),
        ("<b>", "may not contain HTML"),
        ("</b>", "may not contain HTML"),
        ("<!-- -->", "may not contain HTML"),
        ("<?php", "may not contain HTML"),
        ("a\nb", "control characters"),
        ("a\x00b", "control characters"),
        ("a\x7fb", "control characters"),
        ("a\ud800b", "control characters"),
    ],
)
def test_a_name_that_cannot_be_taken_is_refused(text: str | None, message: str) -> None:
    with pytest.raises(InvalidValue, match=message) as refused:
        required_name(text, "Customer", "title")
    assert refused.value.pointer == "/title"


@given(st.text(max_size=300))
def test_a_text_is_kept_or_refused_by_name(text: str) -> None:
    try:
        assert checked_text(text, "label") == text
    except InvalidValue as refused:
        assert "label" in refused.message


def test_json_is_kept_up_to_its_limit() -> None:
    assert checked_json({"a": [1, None, "ü"]}, "additionalInfo", 100) == '{"a":[1,null,"ü"]}'
    for value in ("x" * 100, "\ud800", {"a": "\x00"}):
        with pytest.raises(InvalidValue, match="additionalInfo"):
            checked_json(value, "additionalInfo", 100)


def test_contact_data_comes_back() -> None:
    contact = Contact(country="AT", city="Graz", email="a@b.c", region="Europe")
    assert contact_of(contact_text(contact)) == contact
    assert contact_text(Contact()) == "{}"
    with pytest.raises(InvalidValue, match="city"):
        contact_text(Contact(city="<b>"))


def test_actions_are_known_by_name_in_any_case() -> None:
    assert actions_of("") == frozenset()
    assert actions_of("added, Updated,,") == {"ADDED", "UPDATED"}
    assert actions_of(",".join(ACTIONS)) == ACTIONS
    with pytest.raises(InvalidValue, match="NONSENSE"):
        actions_of("ADDED,nonsense")
