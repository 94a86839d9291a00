"""The topics of the gateway API, as gateways of the reference server know them."""

PREFIX = "v1/gateway/"
CONNECT = PREFIX + "connect"
DISCONNECT = PREFIX + "disconnect"
TELEMETRY = PREFIX + "telemetry"
ATTRIBUTES = PREFIX + "attributes"
ATTRIBUTE_REQUEST = PREFIX + "attributes/request"
ATTRIBUTE_RESPONSE = PREFIX + "attributes/response"
RPC = PREFIX + "rpc"
CLAIM = PREFIX + "claim"

#: What a gateway may publish to, and what it may subscribe to.
PUBLISHED = (CONNECT, DISCONNECT, TELEMETRY, ATTRIBUTES, ATTRIBUTE_REQUEST, RPC, CLAIM)
FILTERS = frozenset([DISCONNECT, ATTRIBUTES, ATTRIBUTE_RESPONSE, RPC])
