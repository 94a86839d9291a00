"""The whole REST surface on one screen: every handler, grouped by noun."""

from litestar.types import ControllerRouterHandler

from deedbox.api import (
    assignment,
    attributes,
    claiming,
    device_credentials,
    device_lists,
    devices,
    rpc,
    time_series,
)

ROUTES: list[ControllerRouterHandler] = [
    claiming.claim_device,
    claiming.reclaim_device,
    # Devices
    devices.save_device,
    devices.save_device_with_credentials,
    devices.get_device,
    devices.get_device_info,
    devices.get_tenant_device,
    devices.delete_device,
    device_credentials.get_credentials,
    device_credentials.save_credentials,
    device_lists.list_tenant_devices,
    device_lists.list_tenant_device_infos,
    device_lists.list_customer_devices,
    device_lists.list_customer_device_infos,
    device_lists.list_my_devices,
    device_lists.list_devices_by_ids,
    device_lists.list_device_types,
    assignment.assign_device,
    assignment.unassign_device,
    assignment.make_device_public,
    assignment.change_owner_to_customer,
    assignment.change_owner_to_tenant,
    rpc.send_command,
    rpc.ask_device,
    rpc.send_command_legacy,
    rpc.ask_device_legacy,
    # Attributes and time series
    attributes.save_attributes,
    attributes.save_device_attributes,
    attributes.get_attributes,
    attributes.get_attribute_keys,
    attributes.delete_attributes,
    attributes.delete_device_attributes,
    time_series.get_series_keys,
    time_series.get_time_series,
    time_series.get_history,
    time_series.save_time_series,
    time_series.delete_time_series,
]
