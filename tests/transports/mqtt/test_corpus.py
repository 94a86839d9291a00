"""Every stream of the corpus gives the packets and the failure that its table says, in whatever pieces."""

import csv

import pytest

from deedbox.transports.mqtt.decoding import Decoder
from deedbox.transports.mqtt.reasons import Reason
from tests.transports.mqtt.corpus_seeds import CORPUS, LARGEST_BYTES, SEEDS, TABLE, table

ROWS = list(csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines(), delimiter="\t"))


def outcome(level: int, pieces: list[bytes]) -> tuple[str, str]:
    decoder = Decoder(LARGEST_BYTES, level)
    packets = [type(packet).__name__ for piece in pieces for packet in decoder.feed(piece)]
    return " ".join(packets), Reason(decoder.failure.reason).name if decoder.failure else ""


@pytest.mark.parametrize("row", ROWS, ids=[it["file"] for it in ROWS])
def test_stream(row: dict[str, str]) -> None:
    stream, level = (CORPUS / row["file"]).read_bytes(), int(row["level"])
    expected = row["packets"] or "", row["failure"] or ""
    assert outcome(level, [stream]) == expected
    assert outcome(level, [bytes((it,)) for it in stream]) == expected


def test_the_corpus_is_what_its_seeds_say() -> None:
    again = "python -m tests.transports.mqtt.corpus_seeds writes it again"
    assert TABLE.read_text(encoding="utf-8") == table(), again
    assert {it.name: it.read_bytes() for it in CORPUS.glob("*.bin")} == {
        f"{it.name}.bin": it.stream for it in SEEDS
    }, again
