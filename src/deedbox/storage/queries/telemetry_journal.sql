-- name: append_to_journal
with asked(device_id, messages) as (/*rows: uuid, bytea*/)
insert into telemetry_journal (device_id, epoch, messages)
select asked.device_id, s.epoch, asked.messages
from asked join device_state s on s.device_id = asked.device_id
where true
returning id, device_id, epoch

-- Several nodes share the work: each takes what no other is moving at that moment, and of a device nothing that
-- is newer than what another is moving: of one moment, what was said last has to be written last. (Others never move so many that a limit could cut them off: it is for the planner.)
-- name: oldest_journal_entries
with taken as (
  select id, device_id, epoch, messages from telemetry_journal order by id limit :most
  /*for update skip locked*/),
passed as (
  select j.id, j.device_id from telemetry_journal j
  where j.id < (select max(id) from taken) and j.id not in (select id from taken)
  order by j.id limit 10000)
select id, device_id, epoch, messages from taken
where true
/*and not exists (select 1 from passed where passed.device_id = taken.device_id and passed.id < taken.id)*/
order by id

-- Waits for whoever is moving them: they are where reads look when this has answered.
-- name: journal_entries
with asked(id) as (/*rows: bigint*/)
select j.id, j.device_id, j.epoch, j.messages
from asked join telemetry_journal j on j.id = asked.id
order by j.id
/*for update of j*/

-- name: journal_index_of
with asked(device_id) as (/*rows: uuid*/)
select j.id, j.device_id
from asked join telemetry_journal j on j.device_id = asked.device_id
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
