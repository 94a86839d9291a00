"""How names of topics and filters for them are spelt."""

from deedbox.transports.mqtt.fields import refuse
from deedbox.transports.mqtt.reasons import Reason

_SHARED = "$share/"


def check_topic_name(topic: str) -> None:
    """Raise Malformed for a name that is empty or holds a wildcard."""
    if not topic:
        refuse("A topic name is empty.", Reason.TOPIC_NAME_INVALID)
    if "+" in topic or "#" in topic:
        refuse("A topic name holds a wildcard, + or #.", Reason.TOPIC_NAME_INVALID)


def check_filter(topic_filter: str, level: int) -> None:
    """Raise Malformed for a filter that is empty or has a wildcard in a wrong place."""
    if level == 5 and topic_filter.startswith(_SHARED):
        topic_filter = _filter_of_share(topic_filter)
    if not topic_filter:
        refuse("A topic filter is empty.", Reason.TOPIC_FILTER_INVALID)
    if "#" in topic_filter and not _ends_with_its_only_hash(topic_filter):
        refuse("A topic filter has a # that is not its whole last level.", Reason.TOPIC_FILTER_INVALID)
    if "+" in topic_filter and any("+" in it and it != "+" for it in topic_filter.split("/")):
        refuse("A topic filter has a + that is not a whole level.", Reason.TOPIC_FILTER_INVALID)


def is_shared(topic_filter: str) -> bool:
    """Say whether the filter belongs to a group that shares its messages (MQTT 5)."""
    return topic_filter.startswith(_SHARED)


def _filter_of_share(topic_filter: str) -> str:
    name, slash, shared = topic_filter.removeprefix(_SHARED).partition("/")
    if not name or not slash or "+" in name or "#" in name:
        refuse("A shared filter is not $share/GROUP/FILTER.", Reason.TOPIC_FILTER_INVALID)
    return shared


def _ends_with_its_only_hash(topic_filter: str) -> bool:
    return topic_filter.index("#") == len(topic_filter) - 1 and topic_filter[-2:] in ("#", "/#")
