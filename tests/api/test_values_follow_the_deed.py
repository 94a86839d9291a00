"""Data follows the deed (behaviour §5.3): over random lives nobody sees more or less than is theirs."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deedbox.core import attribute_access, attributes, histories
from deedbox.core.attribute_access import Named
from deedbox.core.attributes import Scope
from deedbox.core.buckets import Aggregation, Cut
from deedbox.core.errors import NotPermitted
from deedbox.core.histories import HistoryQuery, ReadingLimits
from deedbox.core.permissions import Resource
from deedbox.core.telemetry import Point, Span
from deedbox.storage.stores import Stores
from tests.api.values_model import OWNER, TENANT, ValuesModel
from tests.api.values_site import ValuesSite

KEYS = ["a", "b"]
PEOPLE = ["alice", "bob"]
END = 50

keys = st.sampled_from(KEYS)
steps = st.one_of(
    st.tuples(st.just("give"), st.sampled_from(PEOPLE)),
    st.tuples(st.just("take back")),
    st.tuples(st.just("measure"), keys, st.integers(0, END - 1)),
    st.tuples(st.just("measure"), keys, st.sampled_from([5, 6])),
    st.tuples(st.just("report"), keys),
    st.tuples(st.just("tenant writes"), keys),
    st.tuples(st.just("owner writes"), keys),
    st.tuples(st.just("owner deletes"), keys),
    st.tuples(st.just("tenant deletes"), keys),
    st.tuples(st.just("delete series"), keys),
)


class Life:
    """A device's life, on the real stores and in the model at once."""

    def __init__(self, site: ValuesSite, device_id: UUID) -> None:
        self.site = site
        self.device_id = device_id
        self.model = ValuesModel()
        self._value = 0

    async def step(self, what: str, *details: Any) -> None:
        """Do one step."""
        self._value += 1
        await getattr(self, "_" + what.replace(" ", "_"))(*details)

    async def _give(self, person: str) -> None:
        customer_id = self.site.known.people[person].customer_id
        assert customer_id
        await self.site.give(self.device_id, customer_id)
        self.model.change_owner(person, PEOPLE)

    async def _take_back(self) -> None:
        await self.site.take_back(self.device_id)
        self.model.change_owner(None, PEOPLE)

    async def _measure(self, key: str, ts: int) -> None:
        await self.site.measure(self.device_id, [Point(key, ts, self._value)])
        self.model.points.append(self.model.written(key, self._value, ts=ts))

    async def _report(self, key: str) -> None:
        await self.site.report(self.device_id, {key: self._value})
        self.model.reported.append(self.model.written(key, self._value))

    async def _tenant_writes(self, key: str) -> None:
        await self._save("maker", key)
        model = self.model
        model.shared = [
            it for it in model.shared if (it.key, it.writer, it.period) != (key, OWNER, model.period)
        ]
        model.shared.append(model.written(key, self._value, TENANT))

    async def _owner_writes(self, key: str) -> None:
        if self.model.owner:
            await self._save(self.model.owner, key)
            self.model.shared.append(self.model.written(key, self._value, OWNER))

    async def _owner_deletes(self, key: str) -> None:
        if self.model.owner:
            await self._drop(self.model.owner, key)
            gone = key, OWNER, self.model.period
            self.model.shared = [it for it in self.model.shared if (it.key, it.writer, it.period) != gone]

    async def _tenant_deletes(self, key: str) -> None:
        await self._drop("maker", key)
        self.model.shared = [it for it in self.model.shared if it.key != key]

    async def _delete_series(self, key: str) -> None:
        maker, wanted = self.site.known.people["maker"], histories.Deletion([key], None)

        async def work(stores: Stores) -> None:
            store = stores.time_series
            await histories.delete(store, maker, maker.actor(), Resource.DEVICE, self.device_id, wanted)

        await self.site.storage.write(work)
        self.model.points = [it for it in self.model.points if it.key != key]

    async def _save(self, who: str, key: str) -> None:
        person, wanted, data = (
            self.site.known.people[who],
            self._named(Scope.SHARED_SCOPE),
            {key: self._value},
        )
        await self.site.storage.write(
            lambda it: attribute_access.save(it, self.site.keys, person, person.actor(), wanted, data)
        )

    async def _drop(self, who: str, key: str) -> None:
        person = self.site.known.people[who]
        wanted = Named(Resource.DEVICE, self.device_id, (Scope.SHARED_SCOPE,), frozenset([key]))
        await self.site.storage.write(lambda it: attribute_access.drop(it, person, person.actor(), wanted))

    def _named(self, *scopes: Scope) -> Named:
        return Named(Resource.DEVICE, self.device_id, scopes)

    async def check(self) -> None:
        """Compare all that the tenant, both customers and the device read with the model."""
        await self._check_reader("maker", None)
        for person in PEOPLE:
            if person == self.model.owner:
                await self._check_reader(person, person)
            else:
                await self._check_shut_out(person)
        await self._check_device()

    async def _check_reader(self, who: str, person: str | None) -> None:
        since = self.model.since(person)
        found = await self.site.storage.read(lambda it: self._latest(it, who))
        assert {point.key: (point.ts, point.value) for point in found} == self.model.latest(since)
        for key in KEYS:
            known = self.model.history(key, since)
            assert await self._history(who, key, Aggregation.NONE) == known
            totals = {it: await self._history(who, key, it) for it in list(Aggregation)[1:]}
            assert totals == _expected_totals(list(known.values()))
        assert await self._attributes(who, Scope.CLIENT_SCOPE) == self.model.client(since)
        assert await self._attributes(who, Scope.SHARED_SCOPE) == self.model.effective_shared()

    async def _check_shut_out(self, who: str) -> None:
        for read in (
            self._attributes(who, Scope.SHARED_SCOPE),
            self._history(who, "a", Aggregation.NONE),
            self.site.storage.read(lambda it: self._latest(it, who)),
        ):
            with pytest.raises(NotPermitted):
                await read

    async def _check_device(self) -> None:
        async def work(stores: Stores) -> list[dict[str, Any]]:
            scopes = (Scope.CLIENT_SCOPE, Scope.SHARED_SCOPE)
            return [
                dict(await attributes.read_for_device(stores.attributes, self.device_id, it)) for it in scopes
            ]

        client, shared = await self.site.storage.read(work)
        assert shared == self.model.effective_shared()
        if self.model.owner:
            assert client == self.model.client(self.model.since(self.model.owner))

    async def _latest(self, stores: Stores, who: str) -> list[Point]:
        person = self.site.known.people[who]
        return await histories.latest(stores.time_series, person, Resource.DEVICE, self.device_id)

    async def _history(self, who: str, key: str, aggregation: Aggregation) -> dict[int, Any]:
        query = HistoryQuery([key], Span(0, END, 1000, True), aggregation, Cut(END))
        person, device = self.site.known.people[who], Resource.DEVICE

        async def work(stores: Stores) -> histories.Series:
            store = stores.time_series
            return await histories.history(store, person, device, self.device_id, query, ReadingLimits())

        series = await self.site.storage.read(work)
        return {point.ts: point.value for point in series.get(key, [])}

    async def _attributes(self, who: str, scope: Scope) -> dict[str, Any]:
        person, wanted = self.site.known.people[who], self._named(scope)
        found = await self.site.storage.read(
            lambda it: attribute_access.read(it, self.site.keys, person, person.actor(), wanted)
        )
        return {it.name: it.value for it in found}


def _expected_totals(values: list[int]) -> dict[Aggregation, dict[int, Any]]:
    middle = END // 2
    known: dict[Aggregation, Any] = {
        Aggregation.MIN: min(values, default=None),
        Aggregation.MAX: max(values, default=None),
        Aggregation.AVG: sum(values) / len(values) if values else None,
        Aggregation.SUM: sum(values),
        Aggregation.COUNT: len(values),
    }
    return {it: {middle: value} if values else {} for it, value in known.items()}


@settings(max_examples=(settings.default or settings()).max_examples // 2)
@given(story=st.lists(steps, min_size=8, max_size=24))
async def test_nobody_sees_more_or_less_than_is_theirs(
    tmp_path_factory: pytest.TempPathFactory, story: list[tuple[Any, ...]]
) -> None:
    site = ValuesSite(tmp_path_factory.mktemp("life"))
    await site.settle()
    life = Life(site, await site.device())
    for step in story:
        if step[0] in ("give", "take back"):
            await life.check()
        await life.step(*step)
    await life.check()
    await site.close()
