"""The whole REST surface on one screen: every handler, grouped by noun."""

from litestar.types import ControllerRouterHandler

from deedbox.api import claiming

ROUTES: list[ControllerRouterHandler] = [
    claiming.claim_device,
    claiming.reclaim_device,
]
