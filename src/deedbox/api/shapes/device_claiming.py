"""The tenant's view of claiming a device as JSON."""

from deedbox.api.shapes.entities import EntityId, Wire, reference
from deedbox.core.claim_control import ClaimingView, ShownDeed, ShownRefusal, ShownWindow


class WindowShape(Wire):
    """A claim window without its secret. `open`: its key would claim the device now, unless it is blocked."""

    kind: str
    open: bool
    expiration_time: int
    opened_time: int


class DeedShape(Wire):
    """A period of ownership; `closedTime` is null while it lasts."""

    customer_id: EntityId
    customer_title: str
    opened_time: int
    opening_reason: str
    closed_time: int | None
    closing_reason: str | None


class RefusalShape(Wire):
    """Why the device's own offer was refused: `owned`, `blocked` or `not_allowed`, and since when.

    An `epoch` below the device's is from before the last change of owner.
    """

    reason: str
    refused_time: int
    epoch: int


class DeviceClaimingShape(Wire):
    """What could claim a device, who owns it (`deed`), and who did, newest first."""

    blocked: bool
    deed: DeedShape | None
    windows: list[WindowShape]
    last_refusal: RefusalShape | None
    history: list[DeedShape]


def device_claiming_shape(it: ClaimingView) -> DeviceClaimingShape:
    """Return the wire form of the view."""
    history = [_deed_shape(deed) for deed in it.deeds]
    return DeviceClaimingShape(
        blocked=it.blocked,
        deed=next((deed for deed in history if deed.closed_time is None), None),
        windows=[_window_shape(window, it.now_ms) for window in it.windows],
        last_refusal=None if it.last_refusal is None else _refusal_shape(it.last_refusal),
        history=history,
    )


def _window_shape(it: ShownWindow, now_ms: int) -> WindowShape:
    return WindowShape(
        kind=it.kind.name,
        open=it.is_open(now_ms),
        expiration_time=it.expires_at,
        opened_time=it.opened_at,
    )


def _refusal_shape(it: ShownRefusal) -> RefusalShape:
    return RefusalShape(reason=it.reason.value, refused_time=it.refused_at, epoch=it.epoch)


def _deed_shape(it: ShownDeed) -> DeedShape:
    return DeedShape(
        customer_id=reference("CUSTOMER", it.customer_id),
        customer_title=it.customer_title,
        opened_time=it.opened_at,
        opening_reason=it.opening_reason,
        closed_time=it.closed_at,
        closing_reason=it.closing_reason,
    )
