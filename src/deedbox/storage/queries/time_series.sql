-- Kinds of values: 0 boolean and 1 long in long_value, 2 double in double_value, 3 string and 4 JSON in text_value.

-- name: add_series_keys
with asked(name) as (/*rows: text*/)
insert into series_key (name)
select asked.name from asked
where not exists (select 1 from series_key k where k.name = asked.name)
on conflict (name) do nothing

-- name: write_points
with asked(entity_id, on_device, key, ts, kind, long_value, double_value, text_value, expires_at)
  as (/*rows: uuid, boolean, text, bigint, bigint, bigint, double precision, text, bigint*/)
insert into time_series (entity_id, key_id, ts, epoch, kind, long_value, double_value, text_value, expires_at)
select asked.entity_id, k.id, asked.ts, coalesce(s.epoch, 0),
       asked.kind, asked.long_value, asked.double_value, asked.text_value, asked.expires_at
from asked
join series_key k on k.name = asked.key
left join device_state s on s.device_id = asked.entity_id
where s.device_id is not null or not asked.on_device
on conflict (entity_id, key_id, ts, epoch) do update
  set kind = excluded.kind, long_value = excluded.long_value, double_value = excluded.double_value,
      text_value = excluded.text_value, expires_at = excluded.expires_at

-- name: write_latest_points
with asked(entity_id, on_device, key, ts, kind, long_value, double_value, text_value)
  as (/*rows: uuid, boolean, text, bigint, bigint, bigint, double precision, text*/)
insert into latest_value (entity_id, key_id, epoch, ts, kind, long_value, double_value, text_value)
select asked.entity_id, k.id, coalesce(s.epoch, 0), asked.ts,
       asked.kind, asked.long_value, asked.double_value, asked.text_value
from asked
join series_key k on k.name = asked.key
left join device_state s on s.device_id = asked.entity_id
where s.device_id is not null or not asked.on_device
on conflict (entity_id, key_id, epoch) do update
  set ts = excluded.ts, kind = excluded.kind, long_value = excluded.long_value,
      double_value = excluded.double_value, text_value = excluded.text_value
  where excluded.ts >= latest_value.ts

-- name: latest_points
select k.name, v.ts, v.kind, v.long_value, v.double_value, v.text_value
from latest_value v
join series_key k on k.id = v.key_id
where v.entity_id = :entity_id and v.epoch >= :from_epoch
  and not exists (
    select 1 from latest_value newer
    where newer.entity_id = v.entity_id and newer.key_id = v.key_id and newer.epoch >= :from_epoch
      and (newer.ts > v.ts or (newer.ts = v.ts and newer.epoch > v.epoch)))
order by k.name
