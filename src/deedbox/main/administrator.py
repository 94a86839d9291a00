"""Makes the first system administrator: as the settings say, or with a password that is shown once."""

import secrets
import sys

from deedbox.core.errors import InvalidValue
from deedbox.core.passwords import check_password
from deedbox.core.storage import Stores
from deedbox.core.user_changes import ensure_first_administrator
from deedbox.core.users import User
from deedbox.main.failures import CannotStart
from deedbox.main.parts import Parts

_GENERATED_BYTES = 15


async def ensure_administrator(parts: Parts) -> None:
    """Make a system administrator where there is none. Raises CannotStart for what can't be one."""
    if await parts.storage.look(_has_administrator):
        return
    admin = parts.settings.admin
    password = admin.password or secrets.token_urlsafe(_GENERATED_BYTES)
    try:
        check_password(password, admin.email, parts.hasher)
        hashed = await parts.hasher.hash(password)
        user = await _make(parts, hashed)
    except InvalidValue as error:
        raise CannotStart(
            f"The first administrator can't be made: {error.message} "
            "(admin.email, admin.password: DEEDBOX_ADMIN_EMAIL, DEEDBOX_ADMIN_PASSWORD)"
        ) from error
    if user and not admin.password:
        _show_once(user.email, password)


async def _has_administrator(stores: Stores) -> bool:
    return await stores.users.any_system_administrator()


async def _make(parts: Parts, hashed: str) -> User | None:
    async def work(stores: Stores) -> User | None:
        return await ensure_first_administrator(stores.users, parts.settings.admin.email, hashed)

    return await parts.storage.write(work)


def _show_once(email: str, password: str) -> None:
    """Print, not log: logs are kept and sent elsewhere."""
    lines = ["", f"  First administrator: {email}", f"  Password: {password}", "  It is not shown again.", ""]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
