"""Owners fill the shared attributes of a device up to a limit; what is there can always be changed."""

from deedbox.core.value_limits import MOST_OWNER_ATTRIBUTES
from tests.api.deployment import Deployment


async def test_an_owner_grows_the_database_so_far_and_no_further(deployment: Deployment) -> None:
    """A limit on everything a stranger can grow; the tenant, who pays for the database, has none."""
    device_id = (await deployment.make_device("Kettle"))["id"]["id"]
    alices = (await deployment.who("alice"))["customerId"]["id"]
    await deployment.ok("maker", "POST", f"/api/customer/{alices}/device/{device_id}")
    shared = f"/api/plugins/telemetry/DEVICE/{device_id}/SHARED_SCOPE"
    full = {f"k{n}": n for n in range(MOST_OWNER_ATTRIBUTES)}
    await deployment.ok("alice", "POST", shared, full)
    refused = await deployment.refused(403, "alice", "POST", shared, {"k0": 1, "one more": 1})
    assert refused["code"] == "limit_reached"
    assert str(MOST_OWNER_ATTRIBUTES) in refused["message"]
    await deployment.ok("alice", "POST", shared, {"k0": 1})
    await deployment.ok("maker", "POST", shared, {"one more": 1})
    await deployment.refused(403, "alice", "POST", shared, {"yet another": 1})
