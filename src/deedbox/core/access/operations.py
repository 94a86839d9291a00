"""What permissions are made of: who somebody is, what can be done, to what, and how far it reaches."""

from collections.abc import Mapping
from enum import IntEnum, StrEnum


class Authority(StrEnum):
    """What a user is; the names are on the wire."""

    SYS_ADMIN = "SYS_ADMIN"
    TENANT_ADMIN = "TENANT_ADMIN"
    CUSTOMER_USER = "CUSTOMER_USER"


class Resource(StrEnum):
    """Kinds of things."""

    TENANT = "TENANT"
    CUSTOMER = "CUSTOMER"
    #: People of a tenant; those of the deployment and users of customers are kinds of their own.
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
    ROLE = "ROLE"
    GROUP_PERMISSION = "GROUP_PERMISSION"
    DEVICE_GROUP = "DEVICE_GROUP"
    ASSET_GROUP = "ASSET_GROUP"
    USER_GROUP = "USER_GROUP"
    CUSTOMER_GROUP = "CUSTOMER_GROUP"


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
    CHANGE_OWNER = "CHANGE_OWNER"
    ADD_TO_GROUP = "ADD_TO_GROUP"
    REMOVE_FROM_GROUP = "REMOVE_FROM_GROUP"
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


#: What a role gives with an operation: clients of the reference server know only the first ones.
IMPLIED: Mapping[Operation, tuple[Operation, ...]] = {
    Operation.WRITE: (Operation.WRITE_LABEL,),
    Operation.WRITE_ATTRIBUTES: (Operation.WRITE_SHARED_ATTRIBUTES,),
    Operation.CLAIM_DEVICES: (Operation.RECLAIM,),
    Operation.CHANGE_OWNER: (Operation.ASSIGN_TO_CUSTOMER,),
}
