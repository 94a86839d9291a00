"""What is sent to another node of a session: all of it, unless that is more than a message may hold."""

import msgspec
import pytest

from deedbox.transports.mqtt.moving import MOST_BYTES, MovedMessage, MovedSession, packed, unpacked


def session(*messages: MovedMessage) -> MovedSession:
    return MovedSession(60, {"v1/devices/me/attributes": 1}, [7], ["interval"], list(messages))


def test_all_of_a_session_moves() -> None:
    whole = session(MovedMessage("a", b"1", 1, 4), MovedMessage("a", b"2", 0))
    assert unpacked(packed(whole)) == whole


def test_the_last_messages_stay_behind_where_there_are_too_many() -> None:
    message = MovedMessage("a", bytes(100_000), 1)
    state = packed(session(*[message] * 10))
    assert len(state) <= MOST_BYTES
    assert unpacked(state) == session(message, message, message)


@pytest.mark.parametrize("state", [b"", b"\xc1", b"\x90", msgspec.msgpack.encode([1, 2, 3, 4, 5])])
def test_what_another_release_sends_is_noticed(state: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        unpacked(state)
