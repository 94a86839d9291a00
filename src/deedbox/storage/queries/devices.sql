-- name: devices_by_id
with asked(device_id, tenant_id) as (/*rows: uuid, uuid*/)
select d.id, d.tenant_id, d.name, d.type, d.label, d.profile_id, d.additional_info, d.created_at, d.version,
       o.customer_id, c.title, c.is_public, coalesce(a.last_activity_at, 0) > :active_since
from asked
join device d on d.id = asked.device_id and d.tenant_id = asked.tenant_id
left join deed o on o.device_id = d.id and o.closed_at is null
left join customer c on c.id = o.customer_id
left join device_activity a on a.device_id = d.id

-- The tenant stands in each row: beside them it would be an invitation to read all that the tenant has.
-- name: device_ids_by_name
with asked(tenant_id, name) as (/*rows: uuid, text*/)
select d.name, d.id
from asked join device d on d.tenant_id = asked.tenant_id and d.name = asked.name

-- Walked by the index on (tenant, id) or on (tenant, name); filters must not lead away from them.
-- name: devices_of_tenant
-- pages by: createdTime id, name name, type type, label label?, deviceProfileName type, customerTitle customer_title?
select d.id, d.tenant_id, d.name, d.type, d.label, d.profile_id, d.additional_info, d.created_at, d.version,
       o.customer_id, c.title as customer_title, coalesce(c.is_public, false) as customer_is_public,
       coalesce(a.last_activity_at, 0) > :active_since as active
from device d
left join deed o on o.device_id = d.id and o.closed_at is null
left join customer c on c.id = o.customer_id
left join device_activity a on a.device_id = d.id
where d.tenant_id = :tenant_id
  and (:every_profile or d.profile_id = :profile_id)
  and (:every_owner or o.customer_id is null)
  and (:every_activity or (coalesce(a.last_activity_at, 0) > :active_since) = :active)
  and (:search = '' or d.search_text like :search escape '!' or lower(d.type) like :search escape '!')

-- name: devices_of_profile
-- pages by: createdTime id
select d.id, d.tenant_id, d.name, d.type, d.label, d.profile_id, d.additional_info, d.created_at, d.version,
       o.customer_id, c.title as customer_title, coalesce(c.is_public, false) as customer_is_public,
       coalesce(a.last_activity_at, 0) > :active_since as active
from device d
left join deed o on o.device_id = d.id and o.closed_at is null
left join customer c on c.id = o.customer_id
left join device_activity a on a.device_id = d.id
where d.profile_id = :profile_id and d.tenant_id = :tenant_id
  and (:every_owner or o.customer_id is null)
  and (:every_activity or (coalesce(a.last_activity_at, 0) > :active_since) = :active)
  and (:search = '' or d.search_text like :search escape '!' or lower(d.type) like :search escape '!')

-- name: devices_of_customer
-- pages by: createdTime id, name name, type type, label label?, deviceProfileName type, customerTitle customer_title?
select o.device_id as id, d.tenant_id, d.name, d.type, d.label, d.profile_id, d.additional_info, d.created_at,
       d.version, o.customer_id, c.title as customer_title, coalesce(c.is_public, false) as customer_is_public,
       coalesce(a.last_activity_at, 0) > :active_since as active
from deed o
join device d on d.id = o.device_id
left join customer c on c.id = o.customer_id
left join device_activity a on a.device_id = o.device_id
where o.customer_id = :customer_id and o.closed_at is null and d.tenant_id = :tenant_id
  and (:every_profile or d.profile_id = :profile_id)
  and (:every_activity or (coalesce(a.last_activity_at, 0) > :active_since) = :active)
  and (:search = '' or d.search_text like :search escape '!' or lower(d.type) like :search escape '!')

-- name: devices_of_groups
-- pages by: createdTime id, name name, type type, label label?, deviceProfileName type, customerTitle customer_title?
-- What is asked for: stored groups, all of customers, or those of a tenant that nobody owns.
with asked(group_id, customer_id, tenant_id) as (/*rows: uuid, uuid, uuid*/)
select d.id, d.tenant_id, d.name, d.type, d.label, d.profile_id, d.additional_info, d.created_at, d.version,
       o.customer_id, c.title as customer_title, coalesce(c.is_public, false) as customer_is_public,
       coalesce(a.last_activity_at, 0) > :active_since as active
from (
  select m.entity_id as id from asked join group_member m on m.group_id = asked.group_id
  union
  select theirs.device_id from asked
  join deed theirs on theirs.customer_id = asked.customer_id and theirs.closed_at is null
  union
  select free.id from asked join device free on free.tenant_id = asked.tenant_id
  where not exists (select 1 from deed own where own.device_id = free.id and own.closed_at is null)
) seen
join device d on d.id = seen.id and d.tenant_id = :tenant_id
left join deed o on o.device_id = d.id and o.closed_at is null
left join customer c on c.id = o.customer_id
left join device_activity a on a.device_id = d.id
where (:every_profile or d.profile_id = :profile_id)
  and (:every_customer or o.customer_id = :customer_id)
  and (:every_owner or o.customer_id is null)
  and (:every_activity or (coalesce(a.last_activity_at, 0) > :active_since) = :active)
  and (:search = '' or d.search_text like :search escape '!' or lower(d.type) like :search escape '!')

-- name: device_types
select name from device_profile where tenant_id = :tenant_id order by name

-- name: add_devices
with asked(id, tenant_id, profile_id, name, type, label, additional_info, created_at, version, search_text)
  as (/*rows: uuid, uuid, uuid, text, text, text, text, bigint, bigint, text*/)
insert into device (id, tenant_id, profile_id, name, type, label, additional_info, created_at, version, search_text)
select * from asked where true

-- name: add_device_states
with asked(device_id) as (/*rows: uuid*/)
insert into device_state (device_id)
select * from asked where true

-- name: change_devices
with asked(id, tenant_id, profile_id, name, type, label, additional_info, created_at, version, search_text)
  as (/*rows: uuid, uuid, uuid, text, text, text, text, bigint, bigint, text*/)
update device
set profile_id = asked.profile_id, name = asked.name, type = asked.type, label = asked.label,
    additional_info = asked.additional_info, version = asked.version, search_text = asked.search_text
from asked
where device.id = asked.id and device.tenant_id = asked.tenant_id

-- name: keep_label
insert into kept_label (device_id, label) select d.id, d.label from device d where d.id = :device_id
on conflict (device_id) do nothing

-- name: drop_kept_label
delete from kept_label where device_id = :device_id

-- name: note_removed_device
insert into removed_device (device_id) values (:device_id)

-- name: remove_device_windows
delete from claim_window where device_id = :device_id

-- name: remove_device_state
delete from device_state where device_id = :device_id

-- name: remove_device_activity
delete from device_activity where device_id = :device_id

-- name: remove_device_credentials
delete from device_credentials where device_id = :device_id

-- name: remove_device_row
delete from device where id = :device_id

-- name: removed_devices
select device_id from removed_device order by device_id limit :most

-- name: forget_removed_device
delete from removed_device where device_id = :device_id

-- name: forget_attributes
delete from attribute
where (entity_id, scope, name, writer, kept_for_epoch) in (
  select entity_id, scope, name, writer, kept_for_epoch from attribute where entity_id = :device_id limit :most)

-- name: forget_latest_values
delete from latest_value
where (entity_id, key_id, epoch) in (
  select entity_id, key_id, epoch from latest_value where entity_id = :device_id limit :most)

-- name: forget_points
delete from time_series
where (entity_id, key_id, ts, epoch) in (
  select entity_id, key_id, ts, epoch from time_series where entity_id = :device_id limit :most)
