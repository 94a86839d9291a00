-- Both return what only exclusive transactions change, and what the lock keeps as it is.
-- name: lock_devices_by_name
with asked(tenant_id, name) as (/*rows: uuid, text*/)
select d.id, d.tenant_id, d.name, d.type, d.label, d.profile_id, d.additional_info, d.created_at, d.version,
       s.epoch, s.blocked, coalesce(p.allow_claiming_by_default, t.allow_claiming_by_default),
       p.forbids_empty_keys, p.rotates_credentials_on_reclaim or s.credentials_shown, t.erase_on_reclaim, p.new_secret_on_reclaim
from asked
join device d on d.tenant_id = asked.tenant_id and d.name = asked.name
join device_state s on s.device_id = d.id
join device_profile p on p.id = d.profile_id
join tenant t on t.id = d.tenant_id
order by s.device_id
/*for update of s*/

-- name: lock_devices
with asked(device_id) as (/*rows: uuid*/)
select d.id, d.tenant_id, d.name, d.type, d.label, d.profile_id, d.additional_info, d.created_at, d.version,
       s.epoch, s.blocked, coalesce(p.allow_claiming_by_default, t.allow_claiming_by_default),
       p.forbids_empty_keys, p.rotates_credentials_on_reclaim or s.credentials_shown, t.erase_on_reclaim, p.new_secret_on_reclaim
from asked
join device_state s on s.device_id = asked.device_id
join device d on d.id = asked.device_id
join device_profile p on p.id = d.profile_id
join tenant t on t.id = d.tenant_id
order by s.device_id
/*for update of s*/

-- Of offers to be claimed, which are many: the little that tenants and profiles say about them.
-- name: lock_offering_devices
with asked(device_id) as (/*rows: uuid*/)
select s.device_id, coalesce(p.allow_claiming_by_default, t.allow_claiming_by_default), p.forbids_empty_keys
from asked
join device_state s on s.device_id = asked.device_id
join device d on d.id = asked.device_id
join device_profile p on p.id = d.profile_id
join tenant t on t.id = d.tenant_id
order by s.device_id
/*for update of s*/

-- What else batches change, on any node: to be read when the devices are locked. A row per device and window.
-- name: offers_and_deeds
with asked(device_id) as (/*rows: uuid*/)
select asked.device_id, a.value, w.kind, w.digest, w.expires_at, w.lapsed,
       o.id, o.customer_id, c.title, o.opened_at, o.burnt_digests, o.idempotency_digest
from asked
left join claim_window w on w.device_id = asked.device_id
left join deed o on o.device_id = asked.device_id and o.closed_at is null
left join customer c on c.id = o.customer_id
left join attribute a
  on a.entity_id = asked.device_id and a.scope = 0 and a.name = 'claimingAllowed' and a.writer = 0
  and a.kept_for_epoch = 0

-- The decisive step. The partial unique index on open deeds has the last word, whoever else tries.
-- An owner reads from where the deed of another customer ended; the same customer again keeps its old mark.
-- The customer is looked at here, too: it may have been deleted since it asked. Of several that ask for one
-- device the first wins: identifiers rise.
-- name: open_deeds
with asked(id, device_id, tenant_id, customer_id, opened_by, opening_reason, opened_at, window_kind,
           window_digest, burnt_digests, idempotency_digest)
  as (/*rows: uuid, uuid, uuid, uuid, uuid, text, bigint, bigint, bytea, bytea, bytea*/)
insert into deed (id, device_id, tenant_id, customer_id, opened_epoch, reads_from_epoch,
                  opened_at, opened_by, opening_reason, burnt_digests, idempotency_digest)
select asked.id, s.device_id, c.tenant_id, asked.customer_id, s.epoch + 1,
       coalesce((select case when last.customer_id = asked.customer_id then last.reads_from_epoch
                             else last.closed_epoch end
                 from deed last where last.device_id = s.device_id and last.closed_at is not null
                 order by last.opened_epoch desc limit 1), 0),
       asked.opened_at, asked.opened_by, asked.opening_reason, asked.burnt_digests, asked.idempotency_digest
from asked
join device_state s on s.device_id = asked.device_id
join customer c on c.id = asked.customer_id and c.tenant_id = asked.tenant_id
left join claim_window w
  on w.device_id = asked.device_id and w.kind = asked.window_kind and w.digest = asked.window_digest
  and not w.lapsed and w.expires_at >= asked.opened_at
where asked.window_kind is null or (w.device_id is not null and not s.blocked)
order by asked.id
on conflict (device_id) where closed_at is null do nothing
returning id, device_id, opened_epoch

-- name: close_deeds
with asked(id, device_id, closed_by, closing_reason, closed_at) as (/*rows: uuid, uuid, uuid, text, bigint*/)
update deed
set closed_at = asked.closed_at, closed_by = asked.closed_by, closing_reason = asked.closing_reason,
    closed_epoch = s.epoch + 1
from asked
join device_state s on s.device_id = asked.device_id
where deed.id = asked.id and deed.closed_at is null
returning deed.id, deed.device_id, deed.closed_epoch

-- An owner's label ends with its deed.
-- name: restore_labels
with asked(device_id) as (/*rows: uuid*/)
update device
set label = kept.label, version = device.version + 1,
    search_text = lower(device.name || :newline || coalesce(kept.label, ''))
from asked
join kept_label kept on kept.device_id = asked.device_id
where device.id = asked.device_id

-- name: drop_kept_labels
with asked(device_id) as (/*rows: uuid*/)
delete from kept_label where device_id in (select device_id from asked)

-- name: raise_epochs
with asked(device_id, epoch) as (/*rows: uuid, bigint*/)
update device_state
set epoch = asked.epoch
from asked
where device_state.device_id = asked.device_id and device_state.epoch = asked.epoch - 1

-- name: count_owned
with asked(owner_id, change) as (/*rows: uuid, bigint*/)
insert into tally (owner_id, noun, total)
select asked.owner_id, 'device', asked.change from asked where asked.owner_id is not null
on conflict (owner_id, noun) do update set total = tally.total + excluded.total

-- name: customer_title
select title from customer where tenant_id = :tenant_id and id = :customer_id

-- name: open_deed
select id, customer_id, opened_at, opened_epoch, reads_from_epoch
from deed where device_id = :device_id and closed_at is null

-- Two halves, because the open deed and the closed ones have an index each.
-- name: deeds_of_device
select id, customer_id, opened_at, opened_epoch, reads_from_epoch, opening_reason, closed_at, closed_epoch,
       closing_reason
from deed where device_id = :device_id and closed_at is null
union all
select id, customer_id, opened_at, opened_epoch, reads_from_epoch, opening_reason, closed_at, closed_epoch,
       closing_reason
from deed where device_id = :device_id and closed_at is not null
order by opened_epoch

-- name: note_credentials_shown
update device_state set credentials_shown = true where device_id = :device_id and not credentials_shown

-- name: forget_credentials_shown
with asked(device_id) as (/*rows: uuid*/)
update device_state set credentials_shown = false
where credentials_shown and device_id in (select device_id from asked)
