"""Both generations of ThingsBoard's Python client under one set of names, those of 4.4.

Imported in the client's environment only. Nothing here but what tells the generations apart.
"""

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

VERSION = version("tb-rest-client")
IS_OLDER = VERSION.startswith("4.3")


def checked(call: Callable[..., Any]) -> Callable[..., Any]:
    """A call that raises what 4.3 hands back as an answer: mistakes it made while reading one."""

    def calling(*arguments: Any, **named: Any) -> Any:
        answer = call(*arguments, **named)
        if isinstance(answer, Exception):
            raise answer
        # 4.3 shows an answer without a body as no bytes, 4.4 as nothing.
        return None if answer == b"" else answer

    return calling


class AttributeData:
    """An attribute as 4.4 models it; 4.3 has dictionaries."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.key, self.value, self.last_update_ts = told["key"], told["value"], told["lastUpdateTs"]


class TsData:
    """A point as 4.4 models it; 4.3 has dictionaries."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.ts, self.value = told["ts"], told["value"]


class OlderClient:
    """RestClientCE of 4.3; what is not here it has itself, under the same name."""

    def __init__(self, base_url: str, timeout: float) -> None:
        from tb_rest_client.rest_client_ce import RestClientCE  # type: ignore[import-not-found]  # noqa: PLC0415

        self.client: Any = RestClientCE(base_url)
        self.timeout = timeout

    def __getattr__(self, name: str) -> Any:
        return checked(getattr(self.client, name))

    def get_activation_link(self, user_id: Any) -> str:
        """The link; 4.3 shows the bytes of a plain text as Python writes them."""
        return str(self.client.get_activation_link(user_id)).removeprefix("b'").removesuffix("'")

    def claim_device_by_name(self, name: str, request: Any = None) -> Any:
        """Claim as a user; `claim_device` is the device's side."""
        return checked(self.client.device_controller.claim_device_using_post1)(name, body=request)

    def get_timeseries(self, entity_id: Any, start_ts: int, end_ts: int, keys: str, **more: Any) -> Any:
        """A history; its keys come first in 4.3."""
        return _series(checked(self.client.get_timeseries)(entity_id, keys, start_ts, end_ts, **more))

    def get_latest_timeseries(self, entity_id: Any, **more: Any) -> Any:
        """The newest point of each series."""
        return _series(checked(self.client.get_latest_timeseries)(entity_id, **more))

    def get_attributes_by_scope(self, entity_id: Any, scope: str) -> list[AttributeData]:
        """The attributes of a scope."""
        told = checked(self.client.get_attributes_by_scope)(entity_id, scope)
        return [AttributeData(it) for it in told]

    def process_devices_bulk_import(self, request: Any) -> Any:
        """Import devices; 4.3 never understands the numbers of its answer."""
        return self.client.process_devices_bulk_import(request)


def _series(told: dict[str, list[dict[str, Any]]]) -> dict[str, list[TsData]]:
    return {key: [TsData(it) for it in points] for key, points in told.items()}


def _generation() -> tuple[Any, Any]:
    if IS_OLDER:
        from tb_rest_client.models import models_ce  # type: ignore[import-not-found]  # noqa: PLC0415

        return OlderClient, models_ce
    from tb_rest_client import RestClient, models  # type: ignore[import-not-found]  # noqa: PLC0415

    return RestClient, models


#: `Client(base_url, timeout=seconds)`, and the module of its models.
Client, models = _generation()


def new_device(maker: Any, name: str) -> Any:
    """The model of a device in the default profile: 4.3 wants the profile, 4.4 a type."""
    if IS_OLDER:
        profile = maker.get_default_device_profile_info()
        return models.Device(name=name, device_profile_id=profile.id)
    return models.Device(name=name, type="default")
