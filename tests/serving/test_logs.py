"""Log lines: JSON for machines, with request id, without secrets."""

import json
import logging
from collections.abc import Iterator

import msgspec
import pytest
import structlog

from deedbox.serving.logs import MASKED, configure_logs, mask_secrets
from deedbox.serving.settings import LogSettings

SECRET = "a-secret-that-must-not-be-logged"


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_own_lines_and_those_of_libraries_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(LogSettings(format="json"))
    structlog.contextvars.bind_contextvars(request_id="r1")
    structlog.get_logger("deedbox").info("served", route="/livez")
    logging.getLogger("library").warning("it is %s", "late", extra={"route": "/d"})
    own, other = lines(capsys)
    assert (own["event"], own["level"], own["route"], own["request_id"]) == ("served", "info", "/livez", "r1")
    assert (other["event"], other["level"], other["route"], other["request_id"]) == (
        "it is late", "warning", "/d", "r1",
    )  # fmt: skip


def test_an_exception_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(LogSettings(format="json"))
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("library").exception("failed")
    (line,) = lines(capsys)
    assert "ValueError: broken" in str(line["exception"])


def test_lines_below_the_level_are_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(LogSettings(format="json", level="error"))
    logging.getLogger("library").warning("not this")
    structlog.get_logger("deedbox").info("nor this")
    assert lines(capsys) == []


def test_people_read_no_json(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(LogSettings(format="console"))
    structlog.get_logger("deedbox").info("served", route="/livez")
    written = capsys.readouterr().err
    assert "served" in written
    assert "{" not in written


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_secret_is_written(capsys: pytest.CaptureFixture[str], log_format: str) -> None:
    """Attacks A23: secrets do not reach logs."""
    configure_logs(msgspec.convert({"format": log_format}, LogSettings))
    names = ["secretKey", "accessToken", "password", "X-Authorization", "refresh_token", "claimingData"]
    for name in names:
        structlog.get_logger("deedbox").info("own", **{name: SECRET})
        structlog.get_logger("deedbox").info("nested", body={"list": [{name: SECRET}]})
        logging.getLogger("library").warning("other", extra={name: SECRET})
    written = capsys.readouterr().err
    assert SECRET not in written
    assert written.count(MASKED) == 3 * len(names)


def test_other_fields_stay() -> None:
    assert mask_secrets(None, "info", {"route": "/d", "count": 2}) == {"route": "/d", "count": 2}
