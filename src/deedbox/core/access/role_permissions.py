"""What may stand in a role: kinds of things and operations, Deedbox's own and the reference server's."""

from deedbox.core.access.grants import ALL
from deedbox.core.access.operations import Operation, Resource
from deedbox.core.errors import InvalidValue


def check_generic(permissions: object) -> None:
    """Check what a role gives per kind of thing. Raises InvalidValue, naming what is not known."""
    if not isinstance(permissions, dict):
        raise InvalidValue('permissions must be like {"DEVICE": ["READ", "CLAIM_DEVICES"]}.', "/permissions")
    for name, operations in permissions.items():
        if name not in _RESOURCES:
            raise InvalidValue(
                f"permissions has no kind of thing named {name[:64]!r}. Known are, with those of the "
                f"reference server: {', '.join((ALL, *Resource))}.",
                "/permissions",
            )
        check_operations(operations)


def check_operations(operations: object) -> None:
    """Check a list of operations. Raises InvalidValue, naming what is not known."""
    if not isinstance(operations, list):
        raise InvalidValue('Operations must be a list like ["READ", "RPC_CALL"].', "/permissions")
    for it in operations:
        if not isinstance(it, str) or it not in _OPERATIONS:
            raise InvalidValue(
                f"permissions has no operation named {str(it)[:64]!r}. Known are: "
                f"{', '.join((ALL, *Operation))}.",
                "/permissions",
            )


#: What the reference server has and Deedbox has nothing of: kept in a role, and without effect.
ELSEWHERE = (
    "ADMIN_SETTINGS", "AGENT", "AGENT_APP_PROFILE", "AGENT_GROUP", "AGENT_PROFILE", "AI", "AI_MODEL", "ALARM",
    "API_KEY", "API_USAGE_STATE", "BLOB_ENTITY", "CONVERTER", "CUSTOM_MENU", "DASHBOARD", "DASHBOARD_GROUP",
    "DOMAIN", "EDGE", "EDGE_GROUP", "ENTITY_VIEW", "ENTITY_VIEW_GROUP", "INTEGRATION", "JOB", "MOBILE_APP",
    "MOBILE_APP_BUNDLE", "MOBILE_APP_SETTINGS", "NOTIFICATION", "OAUTH2_CLIENT", "OTA_PACKAGE", "PROFILE",
    "OAUTH2_CONFIGURATION_TEMPLATE", "QUEUE", "QUEUE_STATS", "REPORT", "REPORT_TEMPLATE", "RULE_CHAIN",
    "SCHEDULER_EVENT", "SECRET", "TB_RESOURCE", "TENANT_PROFILE", "VERSION_CONTROL", "WHITE_LABELING",
    "WIDGETS_BUNDLE", "WIDGET_TYPE",
)  # fmt: skip
_RESOURCES = frozenset((ALL, *Resource, *ELSEWHERE))
_OPERATIONS_ELSEWHERE = ("SHARE_GROUP", "ASSIGN_TO_TENANT", "READ_CALCULATED_FIELD", "WRITE_CALCULATED_FIELD")
_OPERATIONS = frozenset((ALL, *Operation, *_OPERATIONS_ELSEWHERE))
