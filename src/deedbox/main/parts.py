"""The parts behind the edges: keys, database, sign-in, live exchange; opened in order, closed in reverse."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog

from deedbox.api.rest_limits import RestLimits
from deedbox.cluster.attribute_changes import AttributeHints
from deedbox.cluster.bus import Bus, Stop
from deedbox.cluster.live import BusLiveChanges
from deedbox.cluster.rpc import CommandExchange
from deedbox.cluster.session_moves import BusSessionMoves
from deedbox.cluster.sessions import SessionNews
from deedbox.config.declared import Settings
from deedbox.core.accounts.mails import Postbox
from deedbox.core.claim_requests import ClaimOutcome, ClaimRequest
from deedbox.core.claiming import claim
from deedbox.core.errors import StorageUnavailable
from deedbox.core.guess_alarms import GuessAlarm
from deedbox.core.keys import KeyRing
from deedbox.core.live import LiveChanges, OwnershipChanged
from deedbox.core.rates import Kind, Whose
from deedbox.core.sign_ins import SignIns
from deedbox.core.storage import Stores
from deedbox.main.bus import opened_bus, opened_live
from deedbox.main.keys import open_key_ring
from deedbox.main.tracing import observe_writes, opened_traces, traced_claim
from deedbox.security.authentication import SessionAuthenticator
from deedbox.security.passwords import Argon2Hasher
from deedbox.security.tokens import SignInTokens
from deedbox.serving.carrying import RequestCarrier
from deedbox.serving.metrics import Metrics
from deedbox.storage.opening import OpenedStorage, open_storage
from deedbox.storage.pool_options import PoolOptions
from deedbox.transports.device_manners import DeviceManners
from deedbox.transports.rate_limits import RateLimits
from deedbox.web.streams import PageStreams

if TYPE_CHECKING:  # OpenTelemetry may not be installed
    from deedbox.serving.traces import Traces

_log = structlog.get_logger("deedbox.claims")

Claim = Callable[[ClaimRequest], Awaitable[ClaimOutcome]]


@dataclass(frozen=True)
class Parts:
    """What the edges are made of. `claim` takes one request; those that wait together share a decision."""

    settings: Settings
    keys: KeyRing
    storage: OpenedStorage
    metrics: Metrics
    hasher: Argon2Hasher
    authenticator: SessionAuthenticator
    postbox: Postbox
    sign_ins: SignIns
    exchange: CommandExchange
    attribute_changes: AttributeHints
    rate_limits: RateLimits
    rest_limits: RestLimits
    device_manners: DeviceManners
    live: BusLiveChanges
    page_streams: PageStreams
    claim: Claim
    session_moves: BusSessionMoves
    traces: "Traces | None"


@asynccontextmanager
async def opened_parts(settings: Settings) -> AsyncIterator[Parts]:
    """Open everything in a folder that this process holds; at the end all that was accepted is stored."""
    keys, metrics, node = open_key_ring(settings), Metrics(), uuid4().hex
    async with AsyncExitStack() as closing:
        traces = await closing.enter_async_context(opened_traces(settings))
        storage = await open_storage(settings.database_url, _pool_options(settings))
        closing.push_async_callback(storage.close)
        observe_writes(storage, metrics.commit_ended, traces)
        if storage.replicas:
            storage.replicas.observe = lambda where: metrics.history_reads.labels(where).inc()
        tokens = SignInTokens(keys, settings.sign_in, storage.now_ms)
        hasher = Argon2Hasher()
        closing.callback(hasher.close)
        authenticator = SessionAuthenticator(tokens, storage, storage.now_ms)
        bus = await closing.enter_async_context(opened_bus(settings.nats, metrics))
        live = await closing.enter_async_context(opened_live(bus, node))
        exchange = await closing.enter_async_context(_exchange(settings, bus, node, storage, traces))
        closing.callback(_told_of_sessions(authenticator, settings, bus))
        attribute_changes = AttributeHints(bus)
        attribute_changes.is_whole = lambda: live.is_whole
        closing.callback(attribute_changes.join())
        session_moves = BusSessionMoves(bus, node, lambda: live.other_nodes)
        closing.callback(session_moves.close)
        postbox = _postbox(settings, keys)
        rate_limits = await closing.enter_async_context(_rate_limits(settings, storage, metrics))
        yield Parts(
            settings=settings,
            keys=keys,
            storage=storage,
            metrics=metrics,
            hasher=hasher,
            authenticator=authenticator,
            postbox=postbox,
            sign_ins=SignIns(storage, postbox, hasher, tokens, authenticator, settings.sign_in),
            exchange=exchange,
            attribute_changes=attribute_changes,
            rate_limits=rate_limits,
            rest_limits=RestLimits(rate_limits, storage.now_ms),
            device_manners=await closing.enter_async_context(_device_manners(storage)),
            live=live,
            page_streams=PageStreams(settings.pages, live),
            claim=traced_claim(_claim(settings, keys, storage, metrics, live), traces),
            session_moves=session_moves,
            traces=traces,
        )


@asynccontextmanager
async def _rate_limits(
    settings: Settings, storage: OpenedStorage, metrics: Metrics
) -> AsyncIterator[RateLimits]:
    def count(whose: Whose, kind: Kind) -> None:
        metrics.limited.labels(whose, kind).inc()

    limits = RateLimits(storage, settings.device_limits, count)
    await limits.reload()
    reading = asyncio.create_task(limits.keep_fresh())
    try:
        yield limits
    finally:
        reading.cancel()
        await asyncio.wait([reading])
        with contextlib.suppress(StorageUnavailable):
            await limits.notices.write()


@asynccontextmanager
async def _device_manners(storage: OpenedStorage) -> AsyncIterator[DeviceManners]:
    manners = DeviceManners(storage)
    reading = asyncio.create_task(manners.keep_fresh())
    try:
        yield manners
    finally:
        reading.cancel()
        await asyncio.wait([reading])


def _told_of_sessions(authenticator: SessionAuthenticator, settings: Settings, bus: Bus) -> Stop:
    """Have nodes tell each other of sessions that end; without NATS, others over the database can't."""
    news = SessionNews(bus)
    authenticator.tell_by(news.tell, lambda: bool(settings.nats.url) and bus.is_whole)
    return news.join(authenticator.forget_here, authenticator.forget_all_here)


def _postbox(settings: Settings, keys: KeyRing) -> Postbox:
    mail = settings.mail
    return Postbox(keys, mail.base_url if mail.host else "", mail.per_address)


def _pool_options(settings: Settings) -> PoolOptions:
    database = settings.database
    return PoolOptions(
        database.connections, database.prepared_statements, database.replica_urls, database.replica_wait_ms
    )


@asynccontextmanager
async def _exchange(
    settings: Settings, bus: Bus, node: str, storage: OpenedStorage, traces: "Traces | None"
) -> AsyncIterator[CommandExchange]:
    most = settings.device_api.commands_per_device
    exchange = CommandExchange(bus, node, storage, most, settings.commands, RequestCarrier(traces))
    keeping = asyncio.create_task(exchange.keep())
    try:
        yield exchange
    finally:
        keeping.cancel()
        await asyncio.wait([keeping])
        await exchange.close()


def _claim(
    settings: Settings, keys: KeyRing, storage: OpenedStorage, metrics: Metrics, live: LiveChanges
) -> Claim:
    async def decide(stores: Stores, requests: Sequence[ClaimRequest]) -> Sequence[ClaimOutcome]:
        return await claim(requests, stores.claims, keys, settings.claim)

    decide_with_others = storage.batched(decide)

    async def decide_and_count(request: ClaimRequest) -> ClaimOutcome:
        outcome = await decide_with_others(request)
        metrics.claims.labels(outcome.answer.lower()).inc()
        if outcome.device is not None:
            live.tell(OwnershipChanged(outcome.device.id))
        for alarm in outcome.alarms:
            _warn(alarm, metrics)
        return outcome

    return decide_and_count


def _warn(alarm: GuessAlarm, metrics: Metrics) -> None:
    metrics.claim_alarms.labels(alarm.scope).inc()
    whose = {"tenant_id": str(alarm.owner_id)} if alarm.scope == "tenant" else {}
    _log.warning("many wrong claim keys", scope=alarm.scope, guesses=alarm.guesses, **whose)
