"""Who takes part in the story that ThingsBoard's Python client tells, and how it is told."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tb_rest_client.rest import ApiException  # type: ignore[import-not-found]

from tests.conformance.gadget import WAIT_S, Gadget
from tests.conformance.tb_rest_client_generation import Client, models

PASSWORD = "a password for everybody"


def say(step: str, **seen: object) -> None:
    """Print one step with what was seen in it."""
    print(json.dumps({"step": step} | seen), flush=True)


def kind(value: object) -> str:
    """The name of a value's type: the client may hand back something else than it promises."""
    return type(value).__name__


def refused(call: Callable[[], object]) -> dict[str, Any]:
    """Status and body of the refusal that a call raises; status 0 when it raises none."""
    try:
        answer = call()
    except ApiException as refusal:
        return {"status": refusal.status, "body": _readable(refusal.body)}
    return {"status": 0, "body": repr(answer)}


def _readable(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode()


class Cast:
    """The people, customers and devices; the first chapters bring them on."""

    def __init__(self, base_url: str, email: str, password: str) -> None:
        self.base_url = base_url
        self.pool = ThreadPoolExecutor(max_workers=2)
        self.administrator = self.sign_in(email, password)
        self.maker: Any = None
        self.owner: Any = None
        self.owners: Any = None
        self.stranger: Any = None
        self.strangers: Any = None
        self.device: Any = None

    def sign_in(self, email: str, password: str) -> Any:
        """A client of somebody's own; its thread is not started, so it refreshes when told."""
        client = Client(self.base_url, timeout=WAIT_S)
        client.login(email, password)
        return client

    def invite(self, host: Any, user: Any) -> Any:
        """Create a user and follow the activation link; the signed-in client of that user."""
        saved = host.save_user(user, send_activation_mail=False)
        link = host.get_activation_link(saved.id)
        token = link.partition("activateToken=")[2]
        request = models.ActivateUserRequest(activate_token=token, password=PASSWORD)
        pair = host.activate_user(request, send_activation_mail=False)
        say(
            f"invited {user.email}",
            user=kind(saved),
            authority=saved.authority,
            link=link,
            pair=[kind(pair), kind(pair.token), kind(pair.refresh_token)],
            again=refused(lambda: host.activate_user(request, send_activation_mail=False)),
        )
        return self.sign_in(user.email, PASSWORD)

    def new_customer(self, title: str, email: str) -> tuple[Any, Any]:
        """A customer and the signed-in client of its only user."""
        customer = self.maker.save_customer(models.Customer(title=title))
        user = models.User(email=email, authority="CUSTOMER_USER", customer_id=customer.id)
        return customer, self.invite(self.maker, user)

    def gadget(self, device: Any) -> Gadget:
        """The device's side of a device, by the token that its credentials show."""
        credentials = self.maker.get_device_credentials_by_device_id(device.id)
        return Gadget(self.base_url, credentials.credentials_id)

    def customer_of(self, device: Any) -> str:
        """The customer that the maker sees on a device."""
        return str(self.maker.get_device_by_id(device.id).customer_id.id)

    @staticmethod
    def claim(who: Any, device_name: str, secret_key: str | None) -> Any:
        """The answer to a claim, or the refusal."""
        request = models.ClaimRequest(secret_key=secret_key)
        answers: list[Any] = []
        refusal = refused(lambda: answers.append(who.claim_device_by_name(device_name, request)))
        return answers[0] if answers else refusal
