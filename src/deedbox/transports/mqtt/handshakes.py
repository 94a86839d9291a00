"""Messages with QoS 2: each is taken once, however often its client sends it before it releases it."""

from collections.abc import Container, Iterable
from typing import TYPE_CHECKING

from deedbox.transports.mqtt import encoding
from deedbox.transports.mqtt.answering import QOS_2
from deedbox.transports.mqtt.packets import PubRel
from deedbox.transports.mqtt.reasons import Reason
from deedbox.transports.mqtt.session import Session

if TYPE_CHECKING:
    from deedbox.transports.mqtt.connection import Connection

#: Handshakes that a session may have begun and not ended.
_MOST = 10_000


def begin(connection: "Connection", packet_id: int, unanswered: Container[int]) -> bool:
    """Tell whether a message is to be taken: it is not when its handshake was begun before."""
    begun = _begun(connection)
    if packet_id in begun:
        # Looked for here only: for each message it would take a walk over all that came before.
        if packet_id | QOS_2 not in unanswered:
            connection.put(encoding.pubrec(packet_id))
        return False
    if len(begun) >= _MOST:
        connection.fail(Reason.QUOTA_EXCEEDED, "Too many messages with QoS 2 were begun and not released.")
        return False
    begun.add(packet_id)
    return True


def release(connection: "Connection", packet: PubRel) -> None:
    """End a handshake."""
    begun = _begun(connection)
    is_known = packet.packet_id in begun
    begun.discard(packet.packet_id)
    _count_no_more(connection, packet.packet_id)
    reason = Reason.SUCCESS if is_known or connection.level != 5 else Reason.PACKET_ID_NOT_FOUND
    connection.put(encoding.pubcomp(packet.packet_id, reason))


def refuse(connection: "Connection", token: int) -> None:
    """Forget the handshake, if it has one, of a message that is refused."""
    give_up(connection.session, [token])
    _count_no_more(connection, token ^ QOS_2)


def give_up(session: Session | None, tokens: Iterable[int]) -> None:
    """Forget handshakes whose message was not stored, or may not have been: it has to come again."""
    if session and session.received:
        session.received.difference_update(it ^ QOS_2 for it in tokens)


def _count_no_more(connection: "Connection", packet_id: int) -> None:
    if connection.unanswered is not None and connection.unanswered.unreleased:
        connection.unanswered.unreleased.discard(packet_id)


def _begun(connection: "Connection") -> set[int]:
    session = connection.session
    if session is None:
        return set()
    if session.received is None:
        session.received = set()
    return session.received
