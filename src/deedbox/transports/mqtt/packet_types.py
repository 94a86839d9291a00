"""The numbers of the kinds of packets, as the first four bits of a packet carry them."""

from enum import IntEnum


class PacketType(IntEnum):
    """What a packet is. WILL is not a packet: it stands for the properties of a will inside CONNECT."""

    WILL = 0
    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    PUBREC = 5
    PUBREL = 6
    PUBCOMP = 7
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14
    AUTH = 15
