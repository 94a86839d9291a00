"""What does it take to read a message of telemetry: Protobuf by a profile's schema, JSON, and either of both?

Processor time of this process for each message, three values in each; the ratio is to JSON in the same run.
Nothing is stored: that is `mqtt_ingest`.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

from deedbox.core.payload_schemas.purposes import payload_messages
from deedbox.transports.payload_formats.either_format import EitherReader
from deedbox.transports.payload_formats.json_format import JsonReader
from deedbox.transports.payload_formats.protobuf_format import ProtobufReader

_FIELDS = "optional double temperature = 1; optional double humidity = 2; optional int32 battery = 3;"
_PLAIN = f'syntax = "proto3"; message Telemetry {{ {_FIELDS} }}'
_TIMED = (
    'syntax = "proto3"; message Telemetry { optional int64 ts = 1; optional Values values = 2; '
    f"message Values {{ {_FIELDS} }} }}"
)
_VALUES = {"temperature": 21.5, "humidity": 40.25, "battery": 97}
_RECEIVED_AT = 1_700_000_000_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    print(f"{'message':34} {'bytes':>5} {'us/message':>10} {'x JSON':>7}")
    for name, schema, values in (
        ("values", _PLAIN, _VALUES),
        ("ts and values", _TIMED, {"ts": _RECEIVED_AT, "values": _VALUES}),
    ):
        messages = payload_messages(schema, _PLAIN, "", "")
        protobuf, json = ProtobufReader(messages), JsonReader()
        body = messages.telemetry(**values).SerializeToString()
        found = protobuf.telemetry_message(body, _RECEIVED_AT)
        if found is None or json.telemetry_message(found[0].payload, _RECEIVED_AT) != found:
            raise SystemExit("Protobuf and JSON are not read alike")
        either = EitherReader(protobuf, json)
        usual_us = 0.0
        for what, reader, sent in (
            ("JSON", json, found[0].payload),
            ("Protobuf", protobuf, body),
            ("Protobuf, compatible", either, body),
            ("JSON, compatible", either, found[0].payload),
        ):
            taken_us = min(_us(reader.telemetry_message, sent, asked.messages) for _ in range(asked.rounds))
            usual_us = usual_us or taken_us
            print(f"{f'{what}: {name}':34} {len(sent):5} {taken_us:10.2f} {taken_us / usual_us:7.2f}")


def _us(read: Callable[[bytes, int], Any], body: bytes, count: int) -> float:
    before_s = time.process_time()
    for _ in range(count):
        read(body, _RECEIVED_AT)
    return (time.process_time() - before_s) / count * 1e6


if __name__ == "__main__":
    main()
