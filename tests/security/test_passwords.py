"""Password hashes: right and wrong ones, nobody's, renewed ones, and a queue that has an end."""

import asyncio
from collections.abc import Iterator

import pytest
from argon2 import extract_parameters

from deedbox.core.errors import InvalidValue, TooBusy
from deedbox.core.passwords import check_password
from deedbox.security.passwords import Argon2Hasher, common_passwords

QUICK_KIB = 64


@pytest.fixture
def hasher() -> Iterator[Argon2Hasher]:
    made = Argon2Hasher(time_cost=1, memory_cost_kib=QUICK_KIB)
    yield made
    made.close()


async def test_the_parameters_are_those_that_are_advised() -> None:
    """Promised by ux §5.2: Argon2id, two passes over 19 MiB, one lane."""
    hasher = Argon2Hasher()
    parameters = extract_parameters(await hasher.hash("a good password"))
    hasher.close()
    assert (parameters.time_cost, parameters.memory_cost, parameters.parallelism) == (2, 19_456, 1)
    assert parameters.type.name == "ID"


async def test_only_the_right_password_matches(hasher: Argon2Hasher) -> None:
    stored = await hasher.hash("a good password")
    assert (await hasher.verify(stored, "a good password")).matches
    assert not (await hasher.verify(stored, "a good passwore")).matches
    assert not (await hasher.verify("no hash", "a good password")).matches


async def test_accents_match_however_they_were_typed(hasher: Argon2Hasher) -> None:
    stored = await hasher.hash("caf\u00e9 au lait")
    assert (await hasher.verify(stored, "cafe\u0301 au lait")).matches


async def test_nobody_has_a_password(hasher: Argon2Hasher) -> None:
    for password in ("", "a good password", "\ud800"):
        assert not (await hasher.verify(None, password)).matches


async def test_nobodys_hash_costs_what_others_cost(hasher: Argon2Hasher) -> None:
    """Promised by behaviour §6.2: the same work, so the parameters are the same."""
    assert extract_parameters(hasher._nobodys_hash) == extract_parameters(await hasher.hash("x" * 8))


async def test_a_hash_with_old_parameters_is_renewed_once(hasher: Argon2Hasher) -> None:
    newer = Argon2Hasher(time_cost=2, memory_cost_kib=QUICK_KIB)
    renewed = (await newer.verify(await hasher.hash("a good password"), "a good password")).renewed
    assert renewed
    assert extract_parameters(renewed).time_cost == 2
    assert (await newer.verify(renewed, "a good password")).renewed is None
    newer.close()


async def test_those_who_come_to_a_full_queue_are_told_at_once(hasher: Argon2Hasher) -> None:
    answers = await asyncio.gather(*(hasher.hash("x") for _ in range(100)), return_exceptions=True)
    assert sum(isinstance(it, TooBusy) for it in answers) == 36
    assert sum(isinstance(it, str) for it in answers) == 64


async def test_one_network_takes_a_few_turns_at_a_time(hasher: Argon2Hasher) -> None:
    present, most = 0, 0

    async def come(network: str) -> None:
        nonlocal present, most
        async with hasher.turn(network):
            present += 1
            most = max(most, present)
            await asyncio.sleep(0)
            present -= 1

    await asyncio.gather(*(come("192.0.2.1") for _ in range(20)))
    assert most == 4
    assert not hasher._networks


def test_the_list_of_common_passwords_is_long_enough_and_holds_none_that_is_too_short() -> None:
    """UX §5.2: at least 3,000 of those that the rules let pass, offline."""
    listed = common_passwords().decode().split()
    assert len(listed) > 10_000
    assert all(8 <= len(password) <= 128 and password == password.casefold() for password in listed)


@pytest.mark.parametrize(
    "password", ["12345678", "Passw0rd", "iloveyou", "qwertyuiop", "zxcvbnm123", "ILOVEYOU2"]
)
def test_leaked_passwords_are_known_in_any_case(hasher: Argon2Hasher, password: str) -> None:
    assert hasher.is_common(password)


@pytest.mark.parametrize("password", ["", "iloveyo", "a\nb", "\ud800", "wood anvil harbour"])
def test_others_and_parts_of_leaked_ones_are_not(hasher: Argon2Hasher, password: str) -> None:
    assert not hasher.is_common(password)


@pytest.mark.parametrize("password", ["x" * 7, "y1" * 65, "Password123", "alice@home.test", "ababababab"])
def test_bad_passwords_are_refused(hasher: Argon2Hasher, password: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        check_password(password, "alice@home.test", hasher)
    assert refused.value.pointer == "/password"
    assert password not in refused.value.message


@pytest.mark.parametrize("password", ["tr0ub4dor", "correct horse battery", "пароль для всех", "      1a"])
def test_no_kinds_of_characters_are_asked_for(hasher: Argon2Hasher, password: str) -> None:
    check_password(password, "alice@home.test", hasher)
