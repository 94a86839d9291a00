"""The topics of the device API, as devices of the reference server know them."""

TELEMETRY = "v1/devices/me/telemetry"
ATTRIBUTES = "v1/devices/me/attributes"
CLAIM = "v1/devices/me/claim"
ATTRIBUTE_REQUEST = "v1/devices/me/attributes/request/"
ATTRIBUTE_RESPONSE = "v1/devices/me/attributes/response/"
RPC_REQUEST = "v1/devices/me/rpc/request/"
RPC_RESPONSE = "v1/devices/me/rpc/response/"

ATTRIBUTE_RESPONSES = ATTRIBUTE_RESPONSE + "+"
COMMANDS = RPC_REQUEST + "+"
ANSWERS = RPC_RESPONSE + "+"
#: What a device may subscribe to.
FILTERS = frozenset([ATTRIBUTES, ATTRIBUTE_RESPONSES, COMMANDS, ANSWERS])
