"""Mail that carries a link by which somebody sets a password."""

from deedbox.core import invitations
from deedbox.core.accounts.mails import Mail, Postbox, Template
from deedbox.core.emails import LONGEST
from deedbox.core.errors import NotFound, NotPermitted, TooManyAttempts
from deedbox.core.ids import NULL_ID
from deedbox.core.permissions import Operation, Principal
from deedbox.core.sign_in import SignInPolicy
from deedbox.core.users import Account, Link, User, UserStore, permitted_user

#: The paths and names are the reference server's.
_PAGES = {
    Template.ACTIVATION: ("/api/noauth/activate", "activateToken"),
    Template.RESET: ("/api/noauth/resetPassword", "resetToken"),
}
_WAIT_MS = 3_600_000


class LinkMail:
    """Posts links, where mail is sent."""

    def __init__(self, postbox: Postbox, policy: SignInPolicy) -> None:
        self._postbox = postbox
        self._keys = postbox.keys
        self._policy = policy

    async def invite(self, store: UserStore, user: User, link: Link) -> None:
        """Send an activation link to whom it is for."""
        lifetime_s = self._policy.activation_link_s
        await self._postbox.post(store, self._mail(Template.ACTIVATION, user.email, link, lifetime_s))

    async def invite_again(
        self, store: UserStore, principal: Principal, email: str, source_address: str
    ) -> None:
        """Send a new user its activation link once more.

        Raises NotFound, also for users out of reach; InvalidValue once activated; TooManyAttempts.
        """
        user = await self._invited(store, principal, email)
        actor = principal.actor(source_address)
        link = await invitations.invitation(store, self._keys, self._policy, actor, user)
        mail = self._mail(Template.ACTIVATION, email, link, self._policy.activation_link_s)
        if not await self._postbox.post_for_stranger(store, mail):
            raise TooManyAttempts(_WAIT_MS)

    async def _invited(self, store: UserStore, principal: Principal, email: str) -> User:
        account = await store.find_account(email)
        try:
            user_id = account.user.id if account else NULL_ID
            return await permitted_user(store, principal, Operation.READ_CREDENTIALS, user_id)
        except (NotFound, NotPermitted):
            # One answer: whoever may not know learns nothing of who has an account.
            raise NotFound("There is no user with this e-mail address.") from None

    async def reset(self, store: UserStore, email: str, account: Account | None) -> None:
        """Send a reset link to whoever asks for one, or the invitation to whom has no password yet.

        The same is done for an address that nobody has: it costs the same, and nothing is sent.
        """
        if not self._postbox.is_open:
            return
        # What strangers type may be longer than any address, and hold what no text can.
        email = email[:LONGEST].encode("utf-8", "replace").decode()
        user = account.user if account and account.user.enabled else None
        template, lifetime_s = Template.RESET, self._policy.reset_link_s
        if user and not user.activated:
            template, lifetime_s = Template.ACTIVATION, self._policy.activation_link_s
            link = await invitations.invite(store, self._keys, self._policy, user)
        else:
            link = await invitations.new_reset_link(
                store, self._keys, self._policy, user.id if user else NULL_ID
            )
        mail = self._mail(template, user.email if user else email, link, lifetime_s)
        if user is None:
            mail = Mail(mail.address, Template.NOBODY, mail.give_up_at, mail.values)
        await self._postbox.post_for_stranger(store, mail)

    def _mail(self, template: Template, email: str, link: Link, lifetime_s: int) -> Mail:
        path, name = _PAGES[template]
        values = {"email": email, "link": self._postbox.link(path, **{name: link.token})}
        return Mail(email, template, link.expires_at, values | {"lifetime_s": str(lifetime_s)})
