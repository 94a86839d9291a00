-- name: append_to_journal
with asked(device_id, messages) as (/*rows: uuid, bytea*/)
insert into telemetry_journal (device_id, epoch, messages)
select asked.device_id, s.epoch, asked.messages
from asked join device_state s on s.device_id = asked.device_id
where true
returning id, device_id, epoch

-- name: oldest_journal_entries
select id, device_id, epoch, messages from telemetry_journal order by id limit :most

-- name: journal_entries
with asked(id) as (/*rows: bigint*/)
select j.id, j.device_id, j.epoch, j.messages
from asked join telemetry_journal j on j.id = asked.id
order by j.id

-- name: journal_index
select id, device_id from telemetry_journal order by id

-- name: remove_journal_entries
with asked(id) as (/*rows: bigint*/)
delete from telemetry_journal where id in (select id from asked)

-- What was sent in an owner's time and is to be erased needs not be moved first. No index finds it: every
-- message would pay for one, and erasing is rare.
-- name: erase_journal_entries
delete from telemetry_journal
where device_id = :device_id and epoch >= :from_epoch and epoch < :below_epoch
