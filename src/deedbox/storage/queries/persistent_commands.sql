-- name: pending_command_ids
select delivery_id from command
where device_id = :device_id and ended_at is null and expires_at > :now_ms

-- The epoch is the device's at this very moment.
-- name: add_command
insert into command (id, tenant_id, device_id, epoch, delivery_id, created_at, expires_at, method, params,
                     one_way, additional_info, retries, attempts_left, reply_timeout_ms, status)
select :id, :tenant_id, s.device_id, s.epoch, :delivery_id, :created_at, :expires_at, :method, :params,
       :one_way, :additional_info, :retries, :attempts_left, :reply_timeout_ms, :status
from device_state s where s.device_id = :device_id

-- name: command_waits
select 1 from command
where device_id = :device_id and ended_at is null
  and (status in ('QUEUED', 'TIMEOUT') or due_at <= :now_ms)
limit 1

-- name: devices_with_waiting_commands
with asked(device_id) as (/*rows: uuid*/)
select asked.device_id from asked
where exists (
    select 1 from command
    where command.device_id = asked.device_id and command.ended_at is null
      and (command.status in ('QUEUED', 'TIMEOUT') or command.due_at <= :now_ms))

-- name: expire_commands
update command set status = 'EXPIRED', ended_at = expires_at, due_at = null
where device_id = :device_id and ended_at is null and expires_at <= :now_ms

-- name: time_out_commands
update command
set status = case when attempts_left > 0 then 'TIMEOUT' else 'FAILED' end,
    response = case when attempts_left > 0 then response else :response end,
    ended_at = case when attempts_left > 0 then null else cast(:now_ms as bigint) end,
    due_at = null
where device_id = :device_id and ended_at is null and due_at <= :now_ms

-- The decisive step: of all nodes and sessions that try, one gets the row. Commands of an epoch that is over
-- are left alone whatever happened to them, and nothing is sent past one that is on its way.
-- name: take_command
update command
set status = 'SENT', attempts_left = attempts_left - 1, due_at = :due_at
where id = (
    select c.id from command c
    join device_state s on s.device_id = c.device_id and s.epoch = c.epoch
    where c.device_id = :device_id and c.ended_at is null and c.status in ('QUEUED', 'TIMEOUT')
      and not exists (
        select 1 from command sent
        where sent.device_id = :device_id and sent.ended_at is null and sent.status = 'SENT')
    order by c.id limit 1)
  and ended_at is null and status in ('QUEUED', 'TIMEOUT')
returning delivery_id, epoch, method, params, one_way, expires_at

-- A one-way command ends here. A two-way one is tried again after a while, where somebody asked for that.
-- name: note_command_delivered
update command
set status = 'DELIVERED',
    ended_at = case when one_way then cast(:now_ms as bigint) end,
    due_at = case when attempts_left > 0 and not one_way then cast(:now_ms as bigint) + reply_timeout_ms end
where device_id = :device_id and delivery_id = :delivery_id and ended_at is null
  and status in ('SENT', 'TIMEOUT')

-- name: note_command_failed
update command set attempts_left = attempts_left + :returned_attempts, due_at = :now_ms
where device_id = :device_id and delivery_id = :delivery_id and ended_at is null and status = 'SENT'

-- name: note_command_reply
update command set status = 'SUCCESSFUL', response = :response, ended_at = :now_ms, due_at = null
where device_id = :device_id and delivery_id = :delivery_id and ended_at is null and not one_way
  and status <> 'QUEUED' and expires_at > :now_ms

-- name: devices_with_overdue_commands
select distinct device_id from command where due_at <= :now_ms limit :most

-- A deed was opened or closed: what was asked for in an epoch before comes to nothing.
-- name: end_commands
with asked(device_id, epoch) as (/*rows: uuid, bigint*/)
update command set status = 'FAILED', response = :response, ended_at = :now_ms, due_at = null
from asked
where command.device_id = asked.device_id and command.ended_at is null and command.epoch < asked.epoch

-- name: command_by_id
select id, tenant_id, device_id, epoch, delivery_id, created_at, expires_at, method, params, one_way,
       additional_info, retries, attempts_left, reply_timeout_ms,
       case when ended_at is null and expires_at <= :now_ms then 'EXPIRED' else status end as status, response
from command where id = :id

-- name: commands_of_device
-- pages by: createdTime id, expirationTime expires_at, request method, response response?
select id, tenant_id, device_id, epoch, delivery_id, created_at, expires_at, method, params, one_way,
       additional_info, retries, attempts_left, reply_timeout_ms,
       case when ended_at is null and expires_at <= :now_ms then 'EXPIRED' else status end as status, response
from command
where device_id = :device_id and epoch >= :from_epoch
  and (:status = ''
       or case when ended_at is null and expires_at <= :now_ms then 'EXPIRED' else status end = :status)
  and (:search = '' or lower(method) like :search escape '!')

-- name: delete_command
delete from command where id = :id

-- name: sweep_ended_commands
delete from command where id in
  (select id from command where ended_at < :before_ms order by ended_at limit :most)

-- name: sweep_expired_commands
delete from command where id in
  (select id from command where expires_at < :before_ms order by expires_at limit :most)

-- name: forget_commands
delete from command where id in (select id from command where device_id = :device_id limit :most)

-- name: erase_commands
delete from command
where device_id = :device_id and epoch >= :from_epoch and epoch < :below_epoch
