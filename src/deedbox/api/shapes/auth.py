"""Sign-in, passwords and links as JSON."""

from deedbox.api.shapes.entities import Wire
from deedbox.core import passwords
from deedbox.core.tokens import TokenPair


class LoginShape(Wire):
    """An e-mail address and a password."""

    username: str
    password: str


class PublicLoginShape(Wire):
    """The id of a public customer."""

    public_id: str


class RefreshShape(Wire):
    """The refresh token of the pair before."""

    refresh_token: str


class TokenPairShape(Wire):
    """A token for requests (`X-Authorization: Bearer ...`), and one to get the next pair with."""

    token: str
    refresh_token: str
    #: Only some sign-ins have one; clients read it.
    scope: str | None = None


class ChangePasswordShape(Wire):
    """Somebody's own password, and the one to replace it."""

    current_password: str
    new_password: str


class ActivateShape(Wire):
    """The token of an activation link, and the password to set."""

    activate_token: str
    password: str


class EmailShape(Wire):
    """An e-mail address."""

    email: str


class ResetPasswordShape(Wire):
    """The token of a reset link, and the password to set."""

    reset_token: str
    password: str


class PasswordPolicyShape(Wire):
    """What a password must have; the minimums of kinds of characters are 0: none is asked for."""

    minimum_length: int = passwords.SHORTEST
    maximum_length: int = passwords.LONGEST
    minimum_uppercase_letters: int = 0
    minimum_lowercase_letters: int = 0
    minimum_digits: int = 0
    minimum_special_characters: int = 0
    allow_whitespaces: bool = True
    force_user_to_reset_password_if_not_valid: bool = False
    password_expiration_period_days: int = 0
    password_reuse_frequency_days: int = 0


def token_pair_shape(it: TokenPair) -> TokenPairShape:
    """Return the wire form of a token pair."""
    return TokenPairShape(token=it.token, refresh_token=it.refresh_token)
