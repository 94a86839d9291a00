-- name: queue_erasures
with asked(deed_id, queued_at) as (/*rows: uuid, bigint*/)
insert into erasure_task (device_id, below_epoch, from_epoch, queued_at)
select d.device_id, d.closed_epoch, d.reads_from_epoch, asked.queued_at
from asked join deed d on d.id = asked.deed_id
where d.closed_epoch is not null
on conflict (device_id, below_epoch) do nothing

-- name: next_erasure_task
select device_id, below_epoch, from_epoch, after_key_id, after_ts, after_epoch from erasure_task
where queued_at < :before_ms
order by device_id, below_epoch limit 1

-- A walk over all of the device's points: no index finds those of an epoch, it would slow down every write.
-- name: points_behind
select key_id, ts, epoch from time_series
where entity_id = :device_id and (key_id, ts, epoch) > (:after_key_id, :after_ts, :after_epoch)
order by key_id, ts, epoch limit :most

-- name: erase_points
with asked(key_id, ts, epoch) as (/*rows: bigint, bigint, bigint*/)
delete from time_series
where entity_id = :device_id and (key_id, ts, epoch) in (select key_id, ts, epoch from asked)

-- name: move_erasure_on
update erasure_task set after_key_id = :after_key_id, after_ts = :after_ts, after_epoch = :after_epoch
where device_id = :device_id and below_epoch = :below_epoch

-- name: erase_latest_values
delete from latest_value
where entity_id = :device_id and epoch >= :from_epoch and epoch < :below_epoch

-- Writer 0 is the tenant: what it wrote stays.
-- name: erase_attributes
delete from attribute
where entity_id = :device_id and writer <> 0 and epoch >= :from_epoch and epoch < :below_epoch

-- name: end_erasure
delete from erasure_task where device_id = :device_id and below_epoch = :below_epoch
