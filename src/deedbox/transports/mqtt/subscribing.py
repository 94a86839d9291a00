"""What a client may subscribe to: the topics of the device API; nothing that others share."""

from typing import TYPE_CHECKING

from deedbox.transports.mqtt.packets import Subscribe, Subscription, Unsubscribe
from deedbox.transports.mqtt.reasons import SUBSCRIPTION_FAILED, Reason
from deedbox.transports.mqtt.topic_syntax import is_shared

if TYPE_CHECKING:
    from deedbox.transports.mqtt.connection import Connection

_HIGHEST_QOS = 1
#: Of one session: those of the device API, and answers to requests that are waited for one by one.
_MOST_SUBSCRIPTIONS = 100


def subscribed(connection: "Connection", packet: Subscribe) -> list[int]:
    """Make subscriptions and return a reason for each: the QoS, or why not."""
    if packet.properties.subscription_ids:
        return [Reason.SUBSCRIPTION_IDS_NOT_SUPPORTED] * len(packet.subscriptions)
    reasons = [_subscribed(connection, it) for it in packet.subscriptions]
    if connection.level == 5:
        return reasons
    return [SUBSCRIPTION_FAILED if it >= Reason.UNSPECIFIED_ERROR else it for it in reasons]


def unsubscribed(connection: "Connection", packet: Unsubscribe) -> list[int]:
    """End subscriptions and return a reason for each."""
    return [
        Reason.SUCCESS if _unsubscribed(connection, it) else Reason.NO_SUBSCRIPTION_EXISTED
        for it in packet.filters
    ]


def _subscribed(connection: "Connection", wanted: Subscription) -> int:
    session, application = connection.session, connection.application
    if session is None or application is None:
        return Reason.UNSPECIFIED_ERROR
    if connection.level == 5 and is_shared(wanted.filter):
        return Reason.SHARED_SUBSCRIPTIONS_NOT_SUPPORTED
    qos = min(wanted.qos, _HIGHEST_QOS)
    if not application.may_subscribe(wanted.filter):
        return Reason.NOT_AUTHORIZED
    subscriptions = session.subscriptions or {}
    if len(subscriptions) >= _MOST_SUBSCRIPTIONS and wanted.filter not in subscriptions:
        return Reason.QUOTA_EXCEEDED
    session.subscriptions = subscriptions | {wanted.filter: qos}
    application.subscribed(wanted.filter)
    return qos


def _unsubscribed(connection: "Connection", topic_filter: str) -> bool:
    session, application = connection.session, connection.application
    if session is None or application is None or topic_filter not in (session.subscriptions or ()):
        return False
    session.subscriptions = {
        it: qos for it, qos in (session.subscriptions or {}).items() if it != topic_filter
    }
    application.unsubscribed(topic_filter)
    return True
