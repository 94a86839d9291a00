-- As device_as_holder, for many; the boundary between successive owners is the same.
-- name: devices_as_holders
with asked(device_id) as (/*rows: uuid*/)
select d.id, d.tenant_id, o.customer_id, d.name, s.epoch,
       coalesce(o.reads_from_epoch,
                (select past.closed_epoch from deed past
                 where past.device_id = d.id and past.closed_at is not null
                 order by past.opened_epoch desc limit 1), 0),
       coalesce((select max(e.below_epoch) from erasure_task e where e.device_id = d.id), 0)
from asked
join device d on d.id = asked.device_id
join device_state s on s.device_id = d.id
left join deed o on o.device_id = d.id and o.closed_at is null

-- name: latest_points_of
with asked(entity_id, from_epoch, key) as (/*rows: uuid, bigint, text*/)
select v.entity_id, asked.key, v.ts, v.kind, v.long_value, v.double_value, v.text_value
from asked
join series_key k on k.name = asked.key
join latest_value v on v.entity_id = asked.entity_id and v.key_id = k.id and v.epoch >= asked.from_epoch
where not exists (
    select 1 from latest_value newer
    where newer.entity_id = v.entity_id and newer.key_id = v.key_id and newer.epoch >= asked.from_epoch
      and (newer.ts > v.ts or (newer.ts = v.ts and newer.epoch > v.epoch)))

-- Who sees which row is as in attributes_of_scope: rows that count more come later.
-- name: attributes_of_all
with asked(entity_id, epoch, from_epoch, name) as (/*rows: uuid, bigint, bigint, text*/)
select a.entity_id, a.name, a.value, a.updated_at
from asked
join attribute a on a.entity_id = asked.entity_id and a.scope = :scope and a.name = asked.name
where a.writer = 0 or (a.writer = 1 and a.kept_for_epoch = asked.epoch)
   or (a.writer = 2 and a.epoch >= asked.from_epoch)
order by a.entity_id, a.name, a.writer, a.kept_for_epoch
