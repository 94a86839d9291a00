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
