"""The table of who may do what: by default (`RULES`), and what roles may give at most (`LIMITS`).

A rule says how far an authority reaches when it does an operation on a kind of thing: anything, what belongs
to its tenant, what its customer owns, or only itself.
"""

from collections.abc import Mapping

from deedbox.core.access.operations import Authority, Operation, Reach, Resource

Rules = Mapping[Operation, Reach]

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

#: The table (behaviour §5): what everybody may who is in the default group. What is not in it is not allowed.
RULES: Mapping[tuple[Authority, Resource], Rules] = {
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
    (Authority.TENANT_ADMIN, Resource.ROLE): dict.fromkeys(_EVERYTHING, Reach.OWN_TENANT),
    (Authority.TENANT_ADMIN, Resource.GROUP_PERMISSION): dict.fromkeys(_EVERYTHING, Reach.OWN_TENANT),
    (Authority.TENANT_ADMIN, Resource.DEVICE_GROUP): dict.fromkeys(_EVERYTHING, Reach.OWN_TENANT),
    (Authority.TENANT_ADMIN, Resource.ASSET_GROUP): dict.fromkeys(_EVERYTHING, Reach.OWN_TENANT),
    (Authority.TENANT_ADMIN, Resource.USER_GROUP): dict.fromkeys(_EVERYTHING, Reach.OWN_TENANT),
    (Authority.TENANT_ADMIN, Resource.CUSTOMER_GROUP): dict.fromkeys(_EVERYTHING, Reach.OWN_TENANT),
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

_READ_VALUES = [Operation.READ, Operation.READ_TELEMETRY, Operation.READ_ATTRIBUTES]
_WRITE_VALUES = [Operation.WRITE_TELEMETRY, Operation.WRITE_ATTRIBUTES, Operation.WRITE_SHARED_ATTRIBUTES]
_KEEP = [Operation.CREATE, Operation.READ, Operation.WRITE, Operation.DELETE]
_KEEP_GROUPS = [*_KEEP, Operation.ADD_TO_GROUP, Operation.REMOVE_FROM_GROUP]
_CREDENTIALS = [Operation.READ_CREDENTIALS, Operation.WRITE_CREDENTIALS]

#: What a tenant can give its customers' people by roles beside the default: whose claim keys, owners,
#: relations and settings are is the tenant's own affair, whatever a role says (behaviour §3.3, §3.4).
_CUSTOMERS_MAY_GET: Mapping[Resource, Rules] = {
    Resource.CUSTOMER: dict.fromkeys(_READ_VALUES, Reach.OWN_CUSTOMER),
    Resource.CUSTOMER_USER: dict.fromkeys([*_KEEP, *_CREDENTIALS], Reach.OWN_CUSTOMER),
    Resource.DEVICE: dict.fromkeys([*_OWNER_MAY, *_KEEP, *_WRITE_VALUES, *_CREDENTIALS], Reach.OWN_CUSTOMER)
    | {Operation.CLAIM_DEVICES: Reach.OWN_TENANT},
    Resource.ASSET: dict.fromkeys([*_READ_VALUES, *_WRITE_VALUES], Reach.OWN_CUSTOMER),
    Resource.DEVICE_GROUP: dict.fromkeys(_KEEP_GROUPS, Reach.OWN_CUSTOMER),
    Resource.ASSET_GROUP: dict.fromkeys(_KEEP_GROUPS, Reach.OWN_CUSTOMER),
    Resource.USER_GROUP: dict.fromkeys(_KEEP_GROUPS, Reach.OWN_CUSTOMER),
    Resource.GROUP_PERMISSION: dict.fromkeys(_KEEP, Reach.OWN_CUSTOMER),
    Resource.ROLE: {Operation.READ: Reach.OWN_TENANT},
}

#: What roles may give at most: nobody gets beyond their authority.
LIMITS: Mapping[tuple[Authority, Resource], Rules] = {
    **RULES,
    **{(Authority.CUSTOMER_USER, resource): rules for resource, rules in _CUSTOMERS_MAY_GET.items()},
}

#: What everybody may, in whatever group: people keep their own names and read their own customer or tenant.
ALWAYS: Mapping[tuple[Authority, Resource], Rules] = {
    (Authority.TENANT_ADMIN, Resource.USER): {Operation.READ: Reach.ITSELF, Operation.WRITE: Reach.ITSELF},
    (Authority.TENANT_ADMIN, Resource.TENANT): {Operation.READ: Reach.OWN_TENANT},
    (Authority.CUSTOMER_USER, Resource.CUSTOMER_USER): RULES[Authority.CUSTOMER_USER, Resource.CUSTOMER_USER],
    (Authority.CUSTOMER_USER, Resource.CUSTOMER): {Operation.READ: Reach.OWN_CUSTOMER},
}
