"""New people and devices that are put into groups as they are made."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from litestar.di import Provide
from litestar.params import QueryParameter

from deedbox.api.access.groups import put_into
from deedbox.core.permissions import Principal
from deedbox.core.records import Actor
from deedbox.core.storage import Stores


def entered_groups(
    group_id: Annotated[
        UUID | None, QueryParameter(name="entityGroupId", description="A group to put what is new into.")
    ] = None,
    group_ids: Annotated[
        list[UUID] | None, QueryParameter(name="entityGroupIds", description="Several, each by itself.")
    ] = None,
) -> list[UUID]:
    """Return the groups that a query names: the dependency `into`."""
    return [*([] if group_id is None else [group_id]), *(group_ids or [])]


INTO = {"into": Provide(entered_groups, sync_to_thread=False)}


async def enter(
    stores: Stores, principal: Principal, actor: Actor, new_id: UUID, groups: Sequence[UUID]
) -> None:
    """Put what is new into groups. Raises NotFound, NotPermitted."""
    for it in dict.fromkeys(groups):
        await put_into(stores, principal, actor, it, [new_id])
