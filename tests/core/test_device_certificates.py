"""Who vouches for a certificate: signers that are trusted, directly or through others, at the right time."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deedbox.core.device_certificates import (
    MOST_CERTIFICATES,
    common_name,
    is_current,
    is_newer,
    is_vouched_for,
    may_sign,
    read_pem,
)
from deedbox.core.errors import InvalidValue
from deedbox.core.name_patterns import checked_pattern, name_in
from tests.certificates import Authority, make_certificate

NOW_MS = int(datetime.now(UTC).timestamp() * 1000)
DAY_MS = int(timedelta(days=1).total_seconds() * 1000)


def test_who_has_signed_it(tmp_path: Path) -> None:
    factory = Authority(tmp_path)
    line = Authority(tmp_path, "line", factory)
    chain = read_pem(line.device_with_chain("lamp", factory).certificate.read_text())
    _, by_line, by_factory = chain
    for signer in (by_factory, by_line, chain[0]):
        assert is_vouched_for(chain, [signer], NOW_MS)
    assert not is_vouched_for(chain[:1], [by_factory], NOW_MS)  # nobody knows who stands between
    assert is_vouched_for(chain[:1], [by_factory, by_line], NOW_MS)
    assert not is_vouched_for(chain, [], NOW_MS)
    assert not is_vouched_for((), [by_factory], NOW_MS)


def test_others_of_the_same_name_do_not_count(tmp_path: Path) -> None:
    """A name proves nothing."""
    chain = read_pem(Authority(tmp_path / "real").device_with_chain("lamp").certificate.read_text())
    [namesake] = read_pem(Authority(tmp_path / "false").certificate.read_text())
    assert not is_vouched_for(chain, [namesake], NOW_MS)
    assert not is_vouched_for([chain[0], namesake], [namesake], NOW_MS)


def test_a_device_signs_no_other(tmp_path: Path) -> None:
    """What has CA:FALSE stands between nobody."""
    factory = Authority(tmp_path)
    [by_factory] = read_pem(factory.certificate.read_text())
    device = Authority(tmp_path, "device", factory, may_sign=False)
    chain = read_pem(device.device_with_chain("fake", factory).certificate.read_text())
    assert not is_vouched_for(chain, [by_factory], NOW_MS)
    assert not is_vouched_for(chain, [chain[1]], NOW_MS)
    assert [may_sign(it) for it in chain] == [False, False, True]
    assert not may_sign(b"no certificate")


def test_only_while_it_is_valid(tmp_path: Path) -> None:
    factory = Authority(tmp_path)
    chain = read_pem(factory.device_with_chain("lamp").certificate.read_text())
    for at_ms, holds in ((NOW_MS, True), (NOW_MS - 2 * DAY_MS, False), (NOW_MS + 99 * DAY_MS, False)):
        assert is_vouched_for(chain, chain[1:], at_ms) is holds
        assert is_current(chain[0], at_ms) is holds
    assert not is_current(b"no certificate", NOW_MS)


def test_what_is_no_certificate_or_too_many(tmp_path: Path) -> None:
    chain = read_pem(Authority(tmp_path).device_with_chain("lamp").certificate.read_text())
    for bad in ([b"", *chain[1:]], [chain[0], b"x" * 100], [chain[0]] * (MOST_CERTIFICATES + 1)):
        assert not is_vouched_for(bad, chain[1:], NOW_MS)
    with pytest.raises(ValueError, match="PEM"):
        read_pem("no certificate")


def test_names_and_ages(tmp_path: Path) -> None:
    factory = Authority(tmp_path)
    old, new = (factory.device("lamp", age_days).certificate.read_text() for age_days in (2, 1))
    assert common_name(read_pem(new)[0]) == "lamp"
    assert common_name(b"no certificate") == ""
    assert is_newer(read_pem(new)[0], old)
    assert not is_newer(read_pem(old)[0], new)
    assert not is_newer(read_pem(new)[0], new)
    assert common_name(read_pem(make_certificate(tmp_path / "own").certificate.read_text())[0]) == "localhost"


@pytest.mark.parametrize(
    ("text", "pattern", "name"),
    [
        ("lamp-1.example.com", r"(.*)\.example\.com", "lamp-1"),
        ("serial=77;lamp", r"serial=(\d+)", "77"),
        ("lamp", r"(.*)\.example\.com", ""),
        ("lamp", r"lamp(x)?", ""),
        ("a" * 60 + "!", r"^((a+)+)+$", ""),
        ("Lämpchen", r"(\pL+)", "Lämpchen"),
    ],
)
def test_names_by_patterns(text: str, pattern: str, name: str) -> None:
    """Thingsboard §7; a pattern that others would take a century for is answered at once."""
    assert name_in(text, checked_pattern(pattern)) == name


@pytest.mark.parametrize("pattern", ["", None, "lamp", "(", r"(a)\1", "(?=a)(b)", "(x)" * 100, "\udc00()"])
def test_patterns_that_cannot_be_used(pattern: str | None) -> None:
    with pytest.raises(InvalidValue, match="certificateRegExPattern") as refused:
        checked_pattern(pattern)
    assert refused.value.pointer == "/profileData/provisionConfiguration/certificateRegExPattern"
