"""The topics of the device API, as devices of the reference server know them."""

TELEMETRY = "v1/devices/me/telemetry"
ATTRIBUTES = "v1/devices/me/attributes"
CLAIM = "v1/devices/me/claim"
ATTRIBUTE_REQUEST = "v1/devices/me/attributes/request/"
ATTRIBUTE_RESPONSE = "v1/devices/me/attributes/response/"
RPC_REQUEST = "v1/devices/me/rpc/request/"
RPC_RESPONSE = "v1/devices/me/rpc/response/"
#: For clients that are no devices yet.
PROVISION_REQUEST = "/provision/request"
PROVISION_RESPONSE = "/provision/response"

ATTRIBUTE_RESPONSES = ATTRIBUTE_RESPONSE + "+"
COMMANDS = RPC_REQUEST + "+"
ANSWERS = RPC_RESPONSE + "+"
#: Digits of the id that a device gives to a request.
LONGEST_ID = 19
#: What a device may subscribe to, beside the answers to single requests.
FILTERS = frozenset([ATTRIBUTES, ATTRIBUTE_RESPONSES, COMMANDS, ANSWERS])


def is_offered(topic_filter: str) -> bool:
    """Tell whether a device may subscribe to this: a filter of the API, or the answer to one request."""
    if topic_filter in FILTERS:
        return True
    head, _, request_id = topic_filter.rpartition("/")
    is_id = request_id.isascii() and request_id.isdigit() and len(request_id) <= LONGEST_ID
    return is_id and f"{head}/" in (ATTRIBUTE_RESPONSE, RPC_RESPONSE)
