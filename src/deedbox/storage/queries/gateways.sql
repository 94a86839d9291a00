-- name: gateway_by_id
select id, tenant_id, name, additional_info from device where id = :device_id

-- name: gateways_over
with asked(device_id) as (/*rows: uuid*/)
select distinct asked.device_id, d.id, d.tenant_id, d.name, d.additional_info
from asked
join entity_relation r on r.to_id = asked.device_id and r.to_type = 'DEVICE' and r.type_group = 'COMMON'
  and r.from_type = 'DEVICE'
join device d on d.id = r.from_id

-- name: put_under_gateway
with asked(gateway_id, type, device_id, tenant_id) as (/*rows: uuid, text, uuid, uuid*/)
insert into entity_relation (from_type, from_id, to_type, to_id, type, type_group, additional_info, version, tenant_id)
select 'DEVICE', asked.gateway_id, 'DEVICE', asked.device_id, asked.type, 'COMMON', 'null', 1, asked.tenant_id
from asked
where true
on conflict (from_id, from_type, type_group, type, to_id, to_type) do nothing

-- name: count_gateway_children
select count(*) from (
  select distinct to_id from entity_relation
  where from_id = :gateway_id and from_type = 'DEVICE' and type_group = 'COMMON' and to_type = 'DEVICE'
  limit :most) counted
