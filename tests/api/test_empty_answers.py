"""Where there is nothing to say, the body is empty: clients take JSON's null for a value."""

from tests.api.deployment import EMAILS, Deployment


async def test_what_has_no_answer_has_no_body(deployment: Deployment) -> None:
    """Promised by behaviour §5 for the reclaim, and kept by everything that answers nothing."""
    device_id = (await deployment.make_device("Kettle"))["id"]["id"]
    customer = await deployment.ok("maker", "POST", "/api/customer", {"title": "Somebody"})
    profile = await deployment.ok("maker", "POST", "/api/deviceProfile", {"name": "spare"})
    for who, method, path, body in (
        ("maker", "DELETE", "/api/customer/device/Kettle/claim", None),
        ("maker", "POST", f"/api/device/{device_id}/claiming/block", None),
        ("maker", "DELETE", f"/api/device/{device_id}/claiming/block", None),
        ("maker", "DELETE", f"/api/device/{device_id}", None),
        ("maker", "DELETE", f"/api/customer/{customer['id']['id']}", None),
        ("maker", "DELETE", f"/api/deviceProfile/{profile['id']['id']}", None),
        ("", "POST", "/api/noauth/resetPasswordByEmail", {"email": EMAILS["bob"]}),
        ("maker", "DELETE", f"/api/user/{await deployment.user_id('bob')}", None),
        ("alice", "POST", "/api/auth/logout", None),
    ):
        answer = await deployment.call(who, method, path, json=body)
        assert (answer.status_code, answer.content) == (200, b""), path
