"""What clients are sent: updates of subscriptions, and errors, in the shapes of the reference server."""

from collections.abc import Hashable, Iterable, Mapping

from deedbox.api.live.outbox import Told, Values
from deedbox.api.shapes.entities import Page, Wire
from deedbox.api.shapes.entity_queries import EntityDataShape
from deedbox.core import errors
from deedbox.core.paging import LARGEST_PAGE
from deedbox.core.telemetry import Point
from deedbox.core.values import value_text

INTERNAL_ERROR, BAD_REQUEST, UNAUTHORIZED = 1, 2, 3
_CODES: Mapping[type[Exception], int] = {
    errors.NotPermitted: UNAUTHORIZED,
    errors.NotSignedIn: UNAUTHORIZED,
    errors.TokenExpired: UNAUTHORIZED,
    errors.StorageUnavailable: INTERNAL_ERROR,
    errors.TooBusy: INTERNAL_ERROR,
}
_FAILED = "Something went wrong here. It is in the server's log."


class SeriesUpdate(Wire, kw_only=True):
    """Values of one entity: by key `[moment, text]`, newest first; `latestValues` has the newest moments."""

    subscription_id: int
    error_code: int = 0
    error_msg: str | None = None
    data: dict[str, list[Told]]
    latest_values: dict[str, int]


class EntityDataUpdate(Wire, kw_only=True):
    """Things with their values: a whole page as `data`, or what changed as `update`."""

    cmd_id: int
    error_code: int = 0
    error_msg: str | None = None
    data: Page[EntityDataShape] | None = None
    update: list[EntityDataShape] | None = None
    allowed_entities: int = LARGEST_PAGE
    cmd_update_type: str = "ENTITY_DATA"


class EntityCountUpdate(Wire, kw_only=True):
    """How many things there are."""

    cmd_id: int
    error_code: int = 0
    error_msg: str | None = None
    count: int
    cmd_update_type: str = "COUNT_DATA"


class ErrorUpdate(Wire, kw_only=True):
    """Why a command, or what was subscribed to, gives nothing (more)."""

    subscription_id: int
    cmd_id: int
    error_code: int
    error_msg: str


def series_update(subscription_id: int, values: Values) -> SeriesUpdate:
    """Return an update; `values` by key, each oldest first."""
    return SeriesUpdate(
        subscription_id=subscription_id,
        data={str(key): told[::-1] for key, told in values.items()},
        latest_values={str(key): max(it.ts for it in told) for key, told in values.items() if told},
    )


def told_points(points: Iterable[Point]) -> dict[Hashable, list[Told]]:
    """Return points by key, oldest first."""
    found: dict[Hashable, list[Told]] = {}
    for it in sorted(points, key=lambda it: it.ts):
        found.setdefault(it.key, []).append(told_point(it))
    return found


def told_point(it: Point) -> Told:
    """Return a point as it is sent."""
    return Told(it.ts, value_text(it.value))


def error_update(subscription_id: int, error: Exception) -> ErrorUpdate:
    """Return what a client is told of an error; mistakes of ours without their details."""
    if not isinstance(error, errors.Refusal):
        return ErrorUpdate(
            subscription_id=subscription_id,
            cmd_id=subscription_id,
            error_code=INTERNAL_ERROR,
            error_msg=_FAILED,
        )
    code = next((code for kind, code in _CODES.items() if isinstance(error, kind)), BAD_REQUEST)
    return ErrorUpdate(
        subscription_id=subscription_id, cmd_id=subscription_id, error_code=code, error_msg=error.message
    )
