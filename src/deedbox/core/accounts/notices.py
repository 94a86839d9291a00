"""Notices by mail: what happened to somebody's account, told to whom it belongs."""

from deedbox.core.accounts.callers import Caller
from deedbox.core.accounts.mails import DAY_MS, Mail, Postbox, Template
from deedbox.core.users import User, UserStore


class Notices:
    """Posts notices, where mail is sent."""

    def __init__(self, postbox: Postbox) -> None:
        self._postbox = postbox

    async def new_sign_in(self, store: UserStore, user: User, caller: Caller) -> None:
        """Tell of a sign-in from a browser and network that the account has not signed in from."""
        await self._post(store, user, Template.NEW_SIGN_IN, source=caller.address, device=caller.shown_client)

    async def password_changed(self, store: UserStore, user: User, source_address: str) -> None:
        """Tell that a password was changed or reset."""
        await self._post(store, user, Template.PASSWORD_CHANGED, source=source_address)

    async def _post(self, store: UserStore, user: User, template: Template, **values: str) -> None:
        link = self._postbox.link("/d/forgotten")
        told = {"email": user.email, "link": link} | {name: text or "?" for name, text in values.items()}
        await self._postbox.post(store, Mail(user.email, template, await store.now_ms() + DAY_MS, told))
