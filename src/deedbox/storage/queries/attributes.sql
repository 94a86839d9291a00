-- Scopes: 0 server, 1 shared, 2 client. Writers: 0 tenant, 1 customer, 2 device.

-- name: drop_claiming_allowed
with asked(device_id) as (/*rows: uuid*/)
delete from attribute
where entity_id in (select device_id from asked) and scope = 0 and name = 'claimingAllowed'

-- name: write_claiming_allowed
with asked(device_id, updated_at) as (/*rows: uuid, bigint*/)
insert into attribute (entity_id, scope, name, writer, kept_for_epoch, epoch, value, updated_at)
select s.device_id, 0, 'claimingAllowed', 0, 0, s.epoch, 'true', asked.updated_at
from asked join device_state s on s.device_id = asked.device_id
where true
on conflict (entity_id, scope, name, writer, kept_for_epoch) do update
  set value = excluded.value, updated_at = excluded.updated_at, epoch = excluded.epoch

-- The tenant's rows stay (kept_for_epoch 0); all others are kept apart by the epoch they were written in.
-- name: write_attributes
with asked(entity_id, on_device, scope, name, writer, value, updated_at)
  as (/*rows: uuid, boolean, bigint, text, bigint, text, bigint*/)
insert into attribute (entity_id, scope, name, writer, kept_for_epoch, epoch, value, updated_at)
select asked.entity_id, asked.scope, asked.name, asked.writer,
       case when asked.writer = 0 then 0 else coalesce(s.epoch, 0) end, coalesce(s.epoch, 0),
       asked.value, asked.updated_at
from asked left join device_state s on s.device_id = asked.entity_id
where s.device_id is not null or not asked.on_device
on conflict (entity_id, scope, name, writer, kept_for_epoch) do update
  set value = excluded.value, updated_at = excluded.updated_at, epoch = excluded.epoch

-- An owner's rows count in the epoch of its deed only, a device's from the reader's first epoch on. Rows that
-- count more come later.
-- name: attributes_of_scope
select name, value, updated_at
from attribute
where entity_id = :entity_id and scope = :scope
  and (writer = 0 or (writer = 1 and kept_for_epoch = :epoch) or (writer = 2 and epoch >= :from_epoch))
order by name, writer, kept_for_epoch

-- name: reported_names
with asked(entity_id) as (/*rows: uuid*/)
select distinct a.entity_id, a.name
from asked
join attribute a on a.entity_id = asked.entity_id and a.scope = 2

-- name: drop_attributes
with asked(name) as (/*rows: text*/)
delete from attribute where entity_id = :entity_id and scope = :scope and name in (select name from asked)

-- name: drop_owner_attributes
with asked(name) as (/*rows: text*/)
delete from attribute
where entity_id = :entity_id and scope = :scope and name in (select name from asked) and writer = 1
  and kept_for_epoch = (select s.epoch from device_state s where s.device_id = :entity_id)
