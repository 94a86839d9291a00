"""Several questions about one thing's time series in one request."""

from typing import Annotated

import msgspec
from litestar import post
from litestar.openapi.spec import Example
from litestar.params import Body, FromPath

from deedbox.api.context import ApiRequest, context_of, principal_of
from deedbox.api.history_parameters import history_query
from deedbox.api.shapes.series_queries import (
    SeriesAnswerShape,
    SeriesQueryShape,
    parameters_of,
    series_answer,
)
from deedbox.api.time_series import TAGS
from deedbox.api.values import ENTITY, entity
from deedbox.core import histories
from deedbox.core.errors import InvalidValue
from deedbox.core.storage import Stores
from deedbox.core.telemetry import Point

_DAY = Example(
    summary="A mean for each hour, and the newest points",
    value=[
        {
            "id": 1,
            "key": "temperature",
            "startTs": 1699920000000,
            "endTs": 1700006400000,
            "aggParameters": {"aggregation": "AVG", "intervalType": "MILLISECONDS", "interval": 3600000},
        },
        {"id": 2, "key": "humidity", "startTs": 1699920000000, "endTs": 1700006400000, "limit": 10},
    ],
)


@post(ENTITY + "/values/timeseries", status_code=200, tags=TAGS, summary="Ask several questions about series")
async def ask_several(
    request: ApiRequest,
    entity_type: FromPath[str],
    entity_id: FromPath[str],
    data: Annotated[list[SeriesQueryShape], Body(examples=[_DAY])],
) -> list[SeriesAnswerShape]:
    """Answer each question as the history of its key, in order; together they have the limits of one.

    Points keep their types.
    """
    principal, (kind, holder_id) = await principal_of(request), entity(entity_type, entity_id)
    context = context_of(request)
    limits = context.reading_limits
    if len(data) > limits.most_keys:
        raise InvalidValue(f"{len(data)} questions were asked; at most {limits.most_keys} are answered.")
    queries = [history_query([it.key], parameters_of(it)) for it in data]

    async def work(stores: Stores) -> list[list[Point]]:
        answers: list[list[Point]] = []
        for query in queries:
            left = limits.most_points - sum(len(it) for it in answers)
            bounded = msgspec.structs.replace(limits, most_points=left)
            found = await histories.history(stores.time_series, principal, kind, holder_id, query, bounded)
            answers.append(found.get(query.keys[0], []))
        return answers

    await context.storage.settle([holder_id])
    answers = await context.storage.read_history(work, limits.longest_s)
    return [series_answer(it, points) for it, points in zip(data, answers, strict=True)]
