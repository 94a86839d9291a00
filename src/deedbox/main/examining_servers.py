"""What `deedbox doctor` looks at on other machines: PostgreSQL's settings, and NATS."""

import asyncio
import ipaddress

from deedbox.cluster.bus import LARGEST_MESSAGE_BYTES
from deedbox.cluster.nats_addresses import nats_addresses
from deedbox.config.declared import Settings
from deedbox.core.errors import StorageUnavailable
from deedbox.main.bus import nats_tls
from deedbox.main.findings import Finding, failed, ok, warning
from deedbox.storage.opening import server_facts

_NEWEST_POSTGRESQL = 18
_OLDEST_NATS = (2, 9)
#: What a message has beside its content.
_HEADROOM_BYTES = 4096
_CONNECT_S = 5.0


def examine_postgresql(settings: Settings) -> Finding:
    """Look whether commits are safe and connections suffice."""
    facts = server_facts(settings.database_url)
    if not facts.syncs:
        return failed("fsync is off: what was stored is lost with the power. Set fsync = on")
    if facts.synchronous_commit == "off":
        return failed("synchronous_commit is off: an answer does not mean stored. Set it to on")
    wanted, most = settings.database.connections * settings.serve.workers, facts.most_connections
    here = f"{wanted} connections for this machine, {most} for all"
    if wanted > most:
        return failed(f"{here}: raise max_connections, or lower database.connections")
    if wanted * 2 > most:
        return warning(f"{here}: a second one would find too few; raise max_connections")
    if facts.major > _NEWEST_POSTGRESQL:
        return warning(f"{here}; PostgreSQL {facts.major} is newer than what this release was tested with")
    return ok(f"{here}; commits wait for the disk")


def examine_replicas(settings: Settings) -> Finding:
    """Look whether each replica is there and follows the database."""
    primary = server_facts(settings.database_url)
    for number, url in enumerate(settings.database.replica_urls, 1):
        try:
            facts = server_facts(url)
        except StorageUnavailable as refusal:
            return failed(f"replica {number}: {refusal.message} Histories are read on the primary")
        if facts.identity != primary.identity:
            return failed(f"replica {number} is of another server or database; it will not be used")
        if not facts.follows:
            return warning(f"replica {number} is the primary itself, or was promoted: name one that follows")
    return ok(f"{len(settings.database.replica_urls)} there, following")


def examine_nats(settings: Settings) -> Finding:
    """Look whether each server is there, takes our messages and lets nobody else in."""
    try:
        from deedbox.cluster.nats_looking import NatsTrouble, look  # noqa: PLC0415 - few need NATS
    except ModuleNotFoundError:
        return failed("the client for NATS is not installed: pip install 'deedbox[nats]'")
    addresses, tls = nats_addresses(settings.nats.url), nats_tls(settings.nats)
    told = []
    for server in addresses.servers:
        try:
            facts = asyncio.run(look(addresses, server, tls, _CONNECT_S))
        except NatsTrouble as trouble:
            return failed(f"{server} {trouble}")
        if facts.most_bytes < LARGEST_MESSAGE_BYTES + _HEADROOM_BYTES:
            return failed(f"{server} takes {facts.most_bytes} bytes at most; set max_payload to 1MB")
        if facts.version < _OLDEST_NATS:
            return warning(f"{server} is NATS {facts.shown_version}; 2.9 or newer was tested")
        if not facts.wants_credentials:
            return warning(f"{server} lets everybody in: who publishes there can command devices. Add a user")
        told.append(f"{server}, NATS {facts.shown_version}")
    plain = not addresses.only_tls and not all(map(_is_here, addresses.servers))
    shown = "; ".join(told)
    return warning(f"{shown}: the password can be read on the way; use tls://") if plain else ok(shown)


def _is_here(server: str) -> bool:
    host = server.partition("://")[2].rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
