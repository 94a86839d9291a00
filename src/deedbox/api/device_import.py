"""Bulk import: a file of devices."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Annotated

from litestar import post
from litestar.openapi.spec import Example
from litestar.params import Body

from deedbox.api.context import ApiContext, ApiRequest, context_of, principal_of
from deedbox.api.devices import TAGS, making
from deedbox.api.shapes.device_import import BulkImportResultShape, BulkImportShape, reading
from deedbox.core.device_import import Imported, Piece, chunks, import_rows
from deedbox.core.errors import NameTaken
from deedbox.core.import_files import LineError, read_file
from deedbox.core.import_rows import ImportRow
from deedbox.core.live import OwnershipChanged
from deedbox.core.permissions import Operation, Principal, Resource, Target, check
from deedbox.core.storage import Stores

#: Some twenty to thirty milliseconds; larger ones would make everybody else's writes wait longer for theirs.
#: A database that has processors of its own does part of it beside this process.
_LINES_PER_TRANSACTION = 250
_LINES_PER_TRANSACTION_OF_A_SHARED_DATABASE = 500
_EXAMPLE = Example(
    summary="Devices with their claim keys",
    value={
        "file": 'name,type,key\nLamp 1,lamp,"{""secretKey"":""k7Qm2"",""expirationTime"":1893456000000}"\n',
        "mapping": {
            "columns": [
                {"type": "NAME"},
                {"type": "TYPE"},
                {"type": "SERVER_ATTRIBUTE", "key": "claimingData"},
            ],
            "delimiter": ",",
            "header": True,
            "update": True,
        },
    },
)


@post("/api/device/bulk_import", status_code=200, tags=TAGS, summary="Import devices from a file")
async def import_devices(
    request: ApiRequest, data: Annotated[BulkImportShape, Body(examples=[_EXAMPLE])]
) -> BulkImportResultShape:
    """Make or change a device for each line of a CSV file. A bad line costs itself only; the answer says why.

    Column types: NAME (needed), TYPE, LABEL, DESCRIPTION, IS_GATEWAY, SHARED_ATTRIBUTE, SERVER_ATTRIBUTE and
    TIMESERIES (with `key`), ACCESS_TOKEN, X509, MQTT_CLIENT_ID, MQTT_USER_NAME, MQTT_PASSWORD. Empty cells
    change nothing. Lines of devices that are there count as updated; `update` says whether attributes and
    values of these are written too. The same file again changes nothing.
    """
    principal, context = await principal_of(request), context_of(request)
    check(principal, Operation.CREATE, Target(Resource.DEVICE, principal.tenant_id))
    done = Imported()
    async for piece in _pieces(data, context):
        stored = await _stored(request, principal, piece.rows, data.mapping.update is not False)
        _tell_devices(context, stored)
        done.created += stored.created
        done.updated += stored.updated
        done.errors += [*piece.errors, *stored.errors]
    errors = sorted(done.errors, key=lambda it: it.line)
    return BulkImportResultShape(
        created=done.created,
        updated=done.updated,
        errors=len(errors),
        errors_list=[error.text for error in errors],
    )


async def _pieces(data: BulkImportShape, context: ApiContext) -> AsyncIterator[Piece]:
    """Yield the lines piece by piece, each read beside the event loop: a long file takes a second or two."""
    lines = await asyncio.to_thread(read_file, data.file, reading(data.mapping), context.import_limits)
    is_shared = context.storage.is_shared
    most = _LINES_PER_TRANSACTION_OF_A_SHARED_DATABASE if is_shared else _LINES_PER_TRANSACTION
    pieces = chunks(lines, most)
    while piece := await asyncio.to_thread(next, pieces, None):
        yield piece


async def _stored(
    request: ApiRequest, principal: Principal, rows: Sequence[ImportRow], update: bool
) -> Imported:
    async def work(stores: Stores) -> Imported:
        return await import_rows(stores, making(request, principal, stores), rows, update=update)

    if not rows:
        return Imported()
    try:
        return await context_of(request).storage.write(work)
    except NameTaken as refusal:
        # Somebody else made a device of that name meanwhile. Line by line the others come through.
        if len(rows) == 1:
            return Imported(errors=[LineError(rows[0].line, refusal.message)])
        single = [await _stored(request, principal, [row], update) for row in rows]
        return _together(single)


def _together(parts: Sequence[Imported]) -> Imported:
    return Imported(
        sum(it.created for it in parts),
        sum(it.updated for it in parts),
        [error for it in parts for error in it.errors],
        {device_id: names for it in parts for device_id, names in it.shared.items()},
    )


def _tell_devices(context: ApiContext, stored: Imported) -> None:
    for device_id, names in stored.shared.items():
        context.shared_attributes_changed(device_id, names)
        context.live.tell(OwnershipChanged(device_id))
