-- name: limits_of_tenant
select tenant_messages, tenant_telemetry_messages, tenant_telemetry_data_points, device_messages,
       device_telemetry_messages, device_telemetry_data_points, gateway_messages, gateway_telemetry_messages,
       gateway_telemetry_data_points, gateway_device_messages, gateway_device_telemetry_messages,
       gateway_device_telemetry_data_points
from tenant_limits where tenant_id = :tenant_id

-- name: limits_of_all_tenants
select tenant_id,
       tenant_messages, tenant_telemetry_messages, tenant_telemetry_data_points, device_messages,
       device_telemetry_messages, device_telemetry_data_points, gateway_messages, gateway_telemetry_messages,
       gateway_telemetry_data_points, gateway_device_messages, gateway_device_telemetry_messages,
       gateway_device_telemetry_data_points
from tenant_limits

-- name: put_limits
insert into tenant_limits (tenant_id,
  tenant_messages, tenant_telemetry_messages, tenant_telemetry_data_points, device_messages,
  device_telemetry_messages, device_telemetry_data_points, gateway_messages, gateway_telemetry_messages,
  gateway_telemetry_data_points, gateway_device_messages, gateway_device_telemetry_messages,
  gateway_device_telemetry_data_points)
values (:tenant_id,
  :tenant_messages, :tenant_telemetry_messages, :tenant_telemetry_data_points, :device_messages,
  :device_telemetry_messages, :device_telemetry_data_points, :gateway_messages, :gateway_telemetry_messages,
  :gateway_telemetry_data_points, :gateway_device_messages, :gateway_device_telemetry_messages,
  :gateway_device_telemetry_data_points)
on conflict (tenant_id) do update
  set tenant_messages = excluded.tenant_messages,
      tenant_telemetry_messages = excluded.tenant_telemetry_messages,
      tenant_telemetry_data_points = excluded.tenant_telemetry_data_points,
      device_messages = excluded.device_messages,
      device_telemetry_messages = excluded.device_telemetry_messages,
      device_telemetry_data_points = excluded.device_telemetry_data_points,
      gateway_messages = excluded.gateway_messages,
      gateway_telemetry_messages = excluded.gateway_telemetry_messages,
      gateway_telemetry_data_points = excluded.gateway_telemetry_data_points,
      gateway_device_messages = excluded.gateway_device_messages,
      gateway_device_telemetry_messages = excluded.gateway_device_telemetry_messages,
      gateway_device_telemetry_data_points = excluded.gateway_device_telemetry_data_points

-- name: tenant_of_device
select tenant_id from device where id = :device_id

-- name: erase_tenant_limits
delete from tenant_limits where tenant_id = :tenant_id
