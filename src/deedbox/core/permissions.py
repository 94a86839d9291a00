"""Who may do what: one table, one function. Nothing else in Deedbox decides about authority.

A rule says how far an authority reaches when it does an operation on a kind of thing: anything, what belongs
to its tenant, what its customer owns, or only itself. Roles and groups will add rules, not another decision.
"""

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import NoReturn
from uuid import UUID

import msgspec

from deedbox.core.errors import NotFound, NotPermitted
from deedbox.core.ids import NULL_ID
from deedbox.core.records import Actor


class Authority(StrEnum):
    """What a user is; the names are on the wire."""

    SYS_ADMIN = "SYS_ADMIN"
    TENANT_ADMIN = "TENANT_ADMIN"
    CUSTOMER_USER = "CUSTOMER_USER"


class Resource(StrEnum):
    """Kinds of things."""

    TENANT = "TENANT"
    CUSTOMER = "CUSTOMER"
    #: Administrators of a tenant; those of the deployment and users of customers are kinds of their own.
    USER = "USER"
    SYSTEM_USER = "SYSTEM_USER"
    CUSTOMER_USER = "CUSTOMER_USER"
    DEVICE = "DEVICE"
    DEVICE_PROFILE = "DEVICE_PROFILE"
    ASSET = "ASSET"
    ASSET_PROFILE = "ASSET_PROFILE"
    #: Relations between things; whoever reads or makes one needs to read both of its ends, too.
    RELATION = "RELATION"
    AUDIT_LOG = "AUDIT_LOG"


class Operation(StrEnum):
    """What can be done to things; names as clients of the reference server know them, and some of our own."""

    CREATE = "CREATE"
    READ = "READ"
    WRITE = "WRITE"
    DELETE = "DELETE"
    WRITE_LABEL = "WRITE_LABEL"
    CLAIM_DEVICES = "CLAIM_DEVICES"
    RECLAIM = "RECLAIM"
    ASSIGN_TO_CUSTOMER = "ASSIGN_TO_CUSTOMER"
    READ_CREDENTIALS = "READ_CREDENTIALS"
    WRITE_CREDENTIALS = "WRITE_CREDENTIALS"
    READ_TELEMETRY = "READ_TELEMETRY"
    WRITE_TELEMETRY = "WRITE_TELEMETRY"
    READ_ATTRIBUTES = "READ_ATTRIBUTES"
    WRITE_ATTRIBUTES = "WRITE_ATTRIBUTES"
    WRITE_SHARED_ATTRIBUTES = "WRITE_SHARED_ATTRIBUTES"
    READ_CLAIM_KEY = "READ_CLAIM_KEY"
    WRITE_CLAIM_KEY = "WRITE_CLAIM_KEY"
    RPC_CALL = "RPC_CALL"
    WRITE_CLAIM_SETTINGS = "WRITE_CLAIM_SETTINGS"
    IMPERSONATE = "IMPERSONATE"


class Reach(IntEnum):
    """How far a rule goes."""

    ITSELF = 1
    OWN_CUSTOMER = 2
    OWN_TENANT = 3
    ANYTHING = 4


class Principal(msgspec.Struct, frozen=True):
    """Somebody who is signed in. System administrators have NULL_ID as tenant; `customer_id` may be None."""

    user_id: UUID
    authority: Authority
    tenant_id: UUID
    customer_id: UUID | None
    email: str
    session_id: UUID
    customer_title: str = ""
    is_public: bool = False

    @property
    def subjects(self) -> frozenset[UUID]:
        """Session, user, tenant and customer: whose change may change who this is."""
        return frozenset((self.session_id, self.user_id, self.tenant_id, self.customer_id or self.tenant_id))

    def actor(self, source_address: str = "") -> Actor:
        """Return who did it, for records."""
        return Actor(self.tenant_id, self.customer_id, self.user_id, self.email, source_address)


class Target(msgspec.Struct, frozen=True):
    """The thing that is asked about: its tenant, the customer that it belongs to, and its own id."""

    resource: Resource
    tenant_id: UUID
    customer_id: UUID | None = None
    id: UUID = NULL_ID


_EVERYTHING = list(Operation)
#: One administrator does not act in the name of another.
_ALL_BUT_IMPERSONATE = [operation for operation in Operation if operation is not Operation.IMPERSONATE]
_OWNER_MAY = [
    Operation.READ,
    Operation.READ_TELEMETRY,
    Operation.READ_ATTRIBUTES,
    Operation.WRITE_SHARED_ATTRIBUTES,
    Operation.RPC_CALL,
    Operation.WRITE_LABEL,
    Operation.RECLAIM,
]

#: The table (behaviour §5). What is not in it is not allowed.
RULES: Mapping[tuple[Authority, Resource], Mapping[Operation, Reach]] = {
    (Authority.SYS_ADMIN, Resource.TENANT): dict.fromkeys(_EVERYTHING, Reach.ANYTHING),
    (Authority.SYS_ADMIN, Resource.SYSTEM_USER): dict.fromkeys(_ALL_BUT_IMPERSONATE, Reach.ANYTHING),
    (Authority.SYS_ADMIN, Resource.USER): dict.fromkeys(_EVERYTHING, Reach.ANYTHING),
    (Authority.SYS_ADMIN, Resource.AUDIT_LOG): {Operation.READ: Reach.OWN_TENANT},
    (Authority.TENANT_ADMIN, Resource.TENANT): {
        Operation.READ: Reach.OWN_TENANT,
        Operation.READ_ATTRIBUTES: Reach.OWN_TENANT,
        Operation.WRITE_ATTRIBUTES: Reach.OWN_TENANT,
        Operation.WRITE_CLAIM_SETTINGS: Reach.OWN_TENANT,
    },
    (Authority.TENANT_ADMIN, Resource.CUSTOMER): dict.fromkeys(_EVERYTHING, Reach.OWN_TENANT),
    (Authority.TENANT_ADMIN, Resource.USER): dict.fromkeys(_ALL_BUT_IMPERSONATE, Reach.OWN_TENANT),
    (Authority.TENANT_ADMIN, Resource.CUSTOMER_USER): dict.fromkeys(_EVERYTHING, Reach.OWN_TENANT),
    (Authority.TENANT_ADMIN, Resource.DEVICE): {
        operation: Reach.OWN_TENANT
        for operation in Operation
        if operation is not Operation.CLAIM_DEVICES  # as the reference server: only customers claim
    },
    (Authority.TENANT_ADMIN, Resource.DEVICE_PROFILE): dict.fromkeys(_EVERYTHING, Reach.OWN_TENANT),
    (Authority.TENANT_ADMIN, Resource.ASSET): dict.fromkeys(_EVERYTHING, Reach.OWN_TENANT),
    (Authority.TENANT_ADMIN, Resource.ASSET_PROFILE): dict.fromkeys(_EVERYTHING, Reach.OWN_TENANT),
    (Authority.TENANT_ADMIN, Resource.RELATION): {
        Operation.READ: Reach.OWN_TENANT,
        Operation.WRITE: Reach.OWN_TENANT,
    },
    (Authority.TENANT_ADMIN, Resource.AUDIT_LOG): {Operation.READ: Reach.OWN_TENANT},
    (Authority.CUSTOMER_USER, Resource.CUSTOMER): {Operation.READ: Reach.OWN_CUSTOMER},
    (Authority.CUSTOMER_USER, Resource.CUSTOMER_USER): {
        Operation.READ: Reach.ITSELF,
        Operation.WRITE: Reach.ITSELF,
    },
    (Authority.CUSTOMER_USER, Resource.DEVICE_PROFILE): {Operation.READ: Reach.OWN_TENANT},
    (Authority.CUSTOMER_USER, Resource.ASSET_PROFILE): {Operation.READ: Reach.OWN_TENANT},
    (Authority.CUSTOMER_USER, Resource.ASSET): {
        Operation.READ: Reach.OWN_CUSTOMER,
        Operation.READ_TELEMETRY: Reach.OWN_CUSTOMER,
        Operation.READ_ATTRIBUTES: Reach.OWN_CUSTOMER,
    },
    # Never to write: a relation decides which gateway speaks for a device (behaviour §2.8).
    (Authority.CUSTOMER_USER, Resource.RELATION): {Operation.READ: Reach.OWN_TENANT},
    (Authority.CUSTOMER_USER, Resource.DEVICE): {
        **dict.fromkeys(_OWNER_MAY, Reach.OWN_CUSTOMER),
        # Whoever claims does not own the device yet: knowing its key is what counts.
        Operation.CLAIM_DEVICES: Reach.OWN_TENANT,
    },
}

#: Anybody may be a visitor of a public customer: visitors look and change nothing.
_PUBLIC_MAY = (Operation.READ, Operation.READ_TELEMETRY, Operation.READ_ATTRIBUTES)


def check(principal: Principal, operation: Operation, target: Target) -> None:
    """Return when the principal may do that to the target.

    Raises NotFound when the target belongs to a tenant out of the principal's reach, as if it did not exist;
    NotPermitted, naming operation and resource, when it may not.
    """
    reach = RULES.get((principal.authority, target.resource), {}).get(operation)
    if reach is None or (principal.is_public and operation not in _PUBLIC_MAY):
        _refuse(operation, target.resource)
    if reach is not Reach.ANYTHING and target.tenant_id != principal.tenant_id:
        raise NotFound
    if reach is Reach.OWN_CUSTOMER and not _owns(principal, target):
        _refuse(operation, target.resource)
    # Visitors of public customers have the null id, which is nobody's: they are not themselves.
    if reach is Reach.ITSELF and (target.id != principal.user_id or target.id == NULL_ID):
        _refuse(operation, target.resource)


def may(principal: Principal, operation: Operation, target: Target) -> bool:
    """Tell whether `check` would let it pass."""
    try:
        check(principal, operation, target)
    except (NotFound, NotPermitted):
        return False
    return True


def _owns(principal: Principal, target: Target) -> bool:
    return principal.customer_id is not None and target.customer_id == principal.customer_id


def _refuse(operation: Operation, resource: Resource) -> NoReturn:
    raise NotPermitted(operation=str(operation), resource=str(resource))
