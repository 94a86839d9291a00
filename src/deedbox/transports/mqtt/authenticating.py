"""Who an MQTT client is: the device whose credentials it presents in its CONNECT."""

from deedbox.core.credentials import Login
from deedbox.core.mqtt_logins import Presented, find_mqtt_login
from deedbox.core.storage import Stores
from deedbox.transports.mqtt.context import MqttContext
from deedbox.transports.mqtt.packets import Connect
from deedbox.transports.rate_limits import Limiter


async def login_of(context: MqttContext, connect: Connect) -> Login | None:
    """Return the login of the device that the client proves to be, None when it proves nothing."""
    presented = Presented(connect.client_id, connect.username or "", connect.password or b"")

    async def work(stores: Stores) -> Login | None:
        return await find_mqtt_login(stores.credentials, context.keys, presented)

    return await context.storage.look(work)


async def limiter_of(context: MqttContext, login: Login) -> Limiter | None:
    """Return what holds the device to its tenant's limits, None while there are none."""
    rates = context.rate_limits
    return await rates.limiter_of(login.device_id) if rates.is_limiting else None
