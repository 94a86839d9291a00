"""All pages on one screen."""

from litestar.types import ControllerRouterHandler

from deedbox.web import claiming, files, invited, owned, signing_in, starting
from deedbox.web.accounts import account, forgotten

ROUTES: list[ControllerRouterHandler] = [
    starting.landing,
    starting.start,
    starting.keep_intent,
    signing_in.sign_in_page,
    signing_in.sign_in,
    signing_in.sign_out,
    signing_in.login,
    forgotten.forgotten_page,
    forgotten.forgotten,
    invited.create_password_page,
    invited.create_password,
    invited.reset_password_page,
    invited.reset_password,
    account.account,
    account.change_password,
    account.end_session,
    account.end_other_sessions,
    claiming.confirm,
    claiming.claim,
    owned.devices,
    owned.device,
    owned.live_device,
    owned.stream_device,
    owned.switch,
    owned.release_page,
    owned.release,
    files.asset,
    files.favicon,
]
