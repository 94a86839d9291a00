-- An announced window opens only where nobody owns the device and nothing blocks it; kind 0 is "announced".
-- name: open_windows
with asked(device_id, kind, digest, ciphertext, expires_at, opened_at)
  as (/*rows: uuid, bigint, bytea, bytea, bigint, bigint*/)
insert into claim_window (device_id, kind, digest, ciphertext, expires_at, opened_at, epoch, lapsed)
select s.device_id, asked.kind, asked.digest, asked.ciphertext, asked.expires_at, asked.opened_at, s.epoch, false
from asked
join device_state s on s.device_id = asked.device_id
where asked.kind <> 0
   or (not s.blocked
       and (select o.id from deed o where o.device_id = s.device_id and o.closed_at is null) is null)
on conflict (device_id, kind) do update
  set digest = excluded.digest, ciphertext = excluded.ciphertext, expires_at = excluded.expires_at,
      opened_at = excluded.opened_at, epoch = excluded.epoch, lapsed = excluded.lapsed
returning device_id

-- name: drop_windows
with asked(device_id) as (/*rows: uuid*/)
delete from claim_window where device_id in (select device_id from asked)

-- name: drop_announced_windows
with asked(device_id) as (/*rows: uuid*/)
delete from claim_window where device_id in (select device_id from asked) and kind = 0

-- name: drop_window
delete from claim_window where device_id = :device_id and kind = :kind

-- name: lapse_windows
with asked(device_id) as (/*rows: uuid*/)
update claim_window set lapsed = true
where device_id in (select device_id from asked) and not lapsed and expires_at < :now_ms

-- name: note_refused_announcements
with asked(device_id, epoch, reason, now_ms) as (/*rows: uuid, bigint, text, bigint*/)
update device_state
set refused_epoch = asked.epoch, refused_reason = asked.reason, refused_at = asked.now_ms
from asked
where device_state.device_id = asked.device_id
  and (refused_epoch is null or refused_epoch <> asked.epoch
       or refused_reason is null or refused_reason <> asked.reason)
returning device_state.device_id

-- name: set_blocked
update device_state set blocked = :blocked where device_id = :device_id

-- name: window_of_device
select kind, digest, ciphertext, expires_at, opened_at from claim_window
where device_id = :device_id and kind = :kind
