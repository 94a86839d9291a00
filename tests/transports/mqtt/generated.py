"""Packets that Hypothesis makes up: every kind, every field, as each version of MQTT has it."""

from typing import Any

from hypothesis import strategies as st

from deedbox.transports.mqtt.packets import (
    Auth,
    ConnAck,
    Connect,
    Disconnect,
    Packet,
    PingReq,
    PingResp,
    PubAck,
    PubComp,
    Publish,
    PubRec,
    PubRel,
    SubAck,
    Subscribe,
    Subscription,
    UnsubAck,
    Unsubscribe,
    Will,
)
from deedbox.transports.mqtt.properties import EMPTY, Properties

LEVELS = (3, 4, 5)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
topics = st.one_of(
    st.sampled_from(["v1/devices/me/telemetry", "v1/devices/me/attributes"]),
    texts.map(lambda it: it.replace("+", "").replace("#", "") or "t"),
)
levels_of_filters = st.one_of(st.just("+"), texts.map(lambda it: it.translate({ord(c): "x" for c in "+#/$"})))
filters = st.builds(
    lambda levels, end: "/".join(levels) + end or "#",
    st.lists(levels_of_filters, min_size=1, max_size=4),
    st.sampled_from(["", "/#"]),
)
payloads = st.one_of(st.binary(max_size=20), st.binary(min_size=120, max_size=140))
two_bytes = st.integers(0, 2**16 - 1)
four_bytes = st.integers(0, 2**32 - 1)
packet_ids = st.integers(1, 2**16 - 1)
flags = st.integers(0, 1)
qos = st.integers(0, 2)

PROPERTY_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "payload_format": flags,
    "message_expiry_s": four_bytes,
    "content_type": texts,
    "response_topic": topics,
    "correlation_data": payloads,
    "subscription_ids": st.lists(st.integers(1, 268_435_455), max_size=3).map(tuple),
    "session_expiry_s": four_bytes,
    "assigned_client_id": texts,
    "server_keep_alive_s": two_bytes,
    "authentication_method": texts,
    "request_problem_information": flags,
    "will_delay_s": four_bytes,
    "request_response_information": flags,
    "response_information": texts,
    "server_reference": texts,
    "reason_string": texts,
    "receive_maximum": st.integers(1, 2**16 - 1),
    "topic_alias_maximum": two_bytes,
    "topic_alias": st.integers(1, 2**16 - 1),
    "maximum_qos": flags,
    "retain_available": flags,
    "user_properties": st.lists(st.tuples(texts, texts), max_size=3).map(tuple),
    "maximum_packet_bytes": st.integers(1, 2**32 - 1),
    "wildcard_subscriptions_available": flags,
    "subscription_ids_available": flags,
    "shared_subscriptions_available": flags,
}
MESSAGE = "payload_format message_expiry_s content_type response_topic correlation_data user_properties"
OPENING = "session_expiry_s authentication_method receive_maximum topic_alias_maximum maximum_packet_bytes"
PROPERTIES_OF = {
    "will": f"{MESSAGE} will_delay_s",
    "connect": f"{OPENING} request_problem_information request_response_information user_properties",
    "connack": f"{OPENING} assigned_client_id server_keep_alive_s response_information server_reference"
    " reason_string maximum_qos retain_available wildcard_subscriptions_available"
    " subscription_ids_available shared_subscriptions_available user_properties",
    "publish": f"{MESSAGE} subscription_ids topic_alias",
    "answer": "reason_string user_properties",
    "unsubscribe": "user_properties",
    "disconnect": "session_expiry_s server_reference reason_string user_properties",
}
PUBLISHED = [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]
RELEASED = [0x00, 0x92]


def properties(packet: str, level: int) -> st.SearchStrategy[Properties]:
    """Often none, as in life."""
    if level < 5:
        return st.just(EMPTY)
    fields = {name: PROPERTY_VALUES[name] for name in PROPERTIES_OF[packet].split()}
    some = st.fixed_dictionaries({}, optional=fields).map(lambda it: Properties(**it))
    return st.one_of(st.just(EMPTY), some)


def wills(level: int) -> st.SearchStrategy[Will]:
    return st.builds(Will, topics, payloads, qos, st.booleans(), properties("will", level))


def connects(level: int) -> st.SearchStrategy[Connect]:
    credentials = st.one_of(
        st.tuples(st.none(), st.none() if level < 5 else st.one_of(st.none(), payloads)),
        st.tuples(texts, st.one_of(st.none(), payloads)),
    )
    return st.builds(
        lambda clean, keep_alive_s, client_id, will, who, more: Connect(
            level, clean, keep_alive_s, client_id, will, who[0], who[1], more
        ),
        st.booleans(),
        two_bytes,
        texts,
        st.one_of(st.none(), wills(level)),
        credentials,
        properties("connect", level),
    )


def connacks(level: int) -> st.SearchStrategy[ConnAck]:
    failures = st.sampled_from([0x80, 0x84, 0x86, 0x9F]) if level == 5 else st.integers(1, 5)
    refusals = st.builds(ConnAck, st.just(False), failures, properties("connack", level))
    present = st.booleans() if level > 3 else st.just(False)
    return st.one_of(refusals, st.builds(ConnAck, present, st.just(0), properties("connack", level)))


def publishes(level: int) -> st.SearchStrategy[Publish]:
    more = properties("publish", level)
    with_qos = st.builds(
        Publish, topics, payloads, st.integers(1, 2), packet_ids, st.booleans(), st.booleans(), more
    )
    without = st.builds(
        lambda topic, payload, retain, rest: Publish(topic, payload, 0, 0, retain, False, rest),
        topics, payloads, st.booleans(), more,
    )  # fmt: skip
    return st.one_of(without, with_qos, st.builds(Publish, topics, payloads, st.just(1), packet_ids))


def answers(level: int) -> st.SearchStrategy[Packet]:
    def answer(kind: Any, reasons: list[int]) -> st.SearchStrategy[Any]:
        reason = st.sampled_from(reasons) if level == 5 else st.just(0)
        return st.builds(kind, packet_ids, reason, properties("answer", level))

    published, released = [PubAck, PubRec], [PubRel, PubComp]
    return st.one_of(*[answer(it, PUBLISHED) for it in published], *[answer(it, RELEASED) for it in released])


def subscriptions(level: int) -> st.SearchStrategy[Subscription]:
    if level < 5:
        return st.builds(Subscription, filters, qos)
    plain = st.builds(Subscription, filters, qos, st.booleans(), st.booleans(), st.integers(0, 2))
    return st.one_of(plain, st.builds(Subscription, filters.map("$share/group/{}".format), qos))


def subscribing(level: int) -> st.SearchStrategy[Packet]:
    one_id = st.builds(lambda number: Properties(subscription_ids=(number,)), st.integers(1, 268_435_455))
    more = st.one_of(properties("unsubscribe", level), one_id) if level == 5 else st.just(EMPTY)
    failures = [0x80, 0x87, 0x8F, 0x97] if level == 5 else [0x80]
    granted = st.lists(st.sampled_from([0, 1, 2, *failures]), min_size=1, max_size=4)
    ended = (
        st.lists(st.sampled_from([0x00, 0x11, 0x87]), min_size=1, max_size=4) if level == 5 else st.just([])
    )
    return st.one_of(
        st.builds(Subscribe, packet_ids, st.lists(subscriptions(level), min_size=1, max_size=3), more),
        st.builds(SubAck, packet_ids, granted, properties("answer", level)),
        st.builds(
            Unsubscribe,
            packet_ids,
            st.lists(filters, min_size=1, max_size=3),
            properties("unsubscribe", level),
        ),
        st.builds(UnsubAck, packet_ids, ended, properties("answer", level)),
    )


def endings(level: int) -> st.SearchStrategy[Packet]:
    if level < 5:
        return st.just(Disconnect())
    methods = st.builds(
        lambda name, data: Properties(authentication_method=name, authentication_data=data), texts, payloads
    )
    return st.one_of(
        st.builds(
            Disconnect,
            st.sampled_from([0x00, 0x04, 0x81, 0x8E, 0x95, 0x9C, 0xA2]),
            properties("disconnect", level),
        ),
        st.builds(Auth, st.sampled_from([0x00, 0x18, 0x19]), methods),
    )


def packets(level: int) -> st.SearchStrategy[Packet]:
    """Any packet of either side, in the version of MQTT that `level` stands for."""
    pings = st.sampled_from([PingReq(), PingResp()])
    return st.one_of(
        publishes(level),
        connects(level),
        connacks(level),
        answers(level),
        subscribing(level),
        endings(level),
        pings,
    )


#: A level and packets that follow each other in it.
streams = st.sampled_from(LEVELS).flatmap(
    lambda level: st.tuples(st.just(level), st.lists(packets(level), min_size=1, max_size=8))
)
