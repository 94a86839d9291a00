-- Kinds of values: 0 boolean and 1 long in long_value, 2 double in double_value, 3 string and 4 JSON in text_value.

-- name: add_series_keys
with asked(name) as (/*rows: text*/)
insert into series_key (name)
select asked.name from asked
where not exists (select 1 from series_key k where k.name = asked.name)
/*order by asked.name*/
on conflict (name) do nothing

-- name: write_points
with asked(entity_id, on_device, epoch, key, ts, kind, long_value, double_value, text_value, expires_at)
  as (/*rows: uuid, boolean, bigint, text, bigint, bigint, bigint, double precision, text, bigint*/)
insert into time_series (entity_id, key_id, ts, epoch, kind, long_value, double_value, text_value, expires_at)
select asked.entity_id, k.id, asked.ts, coalesce(asked.epoch, s.epoch, 0),
       asked.kind, asked.long_value, asked.double_value, asked.text_value, asked.expires_at
from asked
join series_key k on k.name = asked.key
left join device_state s on s.device_id = asked.entity_id
where s.device_id is not null or not asked.on_device
/*order by asked.entity_id, asked.key, asked.ts*/
on conflict (entity_id, key_id, ts, epoch) do update
  set kind = excluded.kind, long_value = excluded.long_value, double_value = excluded.double_value,
      text_value = excluded.text_value, expires_at = excluded.expires_at

-- name: write_latest_points
with asked(entity_id, on_device, epoch, key, ts, kind, long_value, double_value, text_value)
  as (/*rows: uuid, boolean, bigint, text, bigint, bigint, bigint, double precision, text*/)
insert into latest_value (entity_id, key_id, epoch, ts, kind, long_value, double_value, text_value)
select asked.entity_id, k.id, coalesce(asked.epoch, s.epoch, 0), asked.ts,
       asked.kind, asked.long_value, asked.double_value, asked.text_value
from asked
join series_key k on k.name = asked.key
left join device_state s on s.device_id = asked.entity_id
where s.device_id is not null or not asked.on_device
/*order by asked.entity_id, asked.key*/
on conflict (entity_id, key_id, epoch) do update
  set ts = excluded.ts, kind = excluded.kind, long_value = excluded.long_value,
      double_value = excluded.double_value, text_value = excluded.text_value
  where excluded.ts >= latest_value.ts

-- Both at once, where `with` may write: the values go to the database once.
-- name: write_points_with_latest
with asked(entity_id, on_device, epoch, key, ts, kind, long_value, double_value, text_value, expires_at)
  as (/*rows: uuid, boolean, bigint, text, bigint, bigint, bigint, double precision, text, bigint*/),
found as materialized (
  select asked.entity_id, k.id as key_id, asked.ts, coalesce(asked.epoch, s.epoch, 0) as epoch,
         asked.kind, asked.long_value, asked.double_value, asked.text_value, asked.expires_at
  from asked
  join series_key k on k.name = asked.key
  left join device_state s on s.device_id = asked.entity_id
  where s.device_id is not null or not asked.on_device),
points as (
  insert into time_series
    (entity_id, key_id, ts, epoch, kind, long_value, double_value, text_value, expires_at)
  select entity_id, key_id, ts, epoch, kind, long_value, double_value, text_value, expires_at
  from found
  order by entity_id, key_id, ts
  on conflict (entity_id, key_id, ts, epoch) do update
    set kind = excluded.kind, long_value = excluded.long_value, double_value = excluded.double_value,
        text_value = excluded.text_value, expires_at = excluded.expires_at)
insert into latest_value (entity_id, key_id, epoch, ts, kind, long_value, double_value, text_value)
select distinct on (entity_id, key_id, epoch)
       entity_id, key_id, epoch, ts, kind, long_value, double_value, text_value
from found
order by entity_id, key_id, epoch, ts desc
on conflict (entity_id, key_id, epoch) do update
  set ts = excluded.ts, kind = excluded.kind, long_value = excluded.long_value,
      double_value = excluded.double_value, text_value = excluded.text_value
  where excluded.ts >= latest_value.ts

-- name: series_names
with asked(entity_id) as (/*rows: uuid*/)
select distinct v.entity_id, k.name
from asked
join latest_value v on v.entity_id = asked.entity_id
join series_key k on k.id = v.key_id

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

-- Where two epochs hold the same moment, the newer one is shown. Points past their time to live are gone. The
-- span stands wherever a point is looked for, so that PostgreSQL leaves partitions of other times alone.
-- name: newest_points
select t.ts, t.kind, t.long_value, t.double_value, t.text_value
from time_series t
where t.entity_id = :entity_id and t.key_id = (select k.id from series_key k where k.name = :key)
  and t.ts >= :from_ts and t.ts < :to_ts and t.epoch >= :from_epoch
  and (t.expires_at is null or t.expires_at > :now_ms)
  and not exists (
    select 1 from time_series newer
    where newer.entity_id = t.entity_id and newer.key_id = t.key_id and newer.ts = t.ts
      and newer.ts >= :from_ts and newer.ts < :to_ts
      and newer.epoch > t.epoch and (newer.expires_at is null or newer.expires_at > :now_ms)
    limit 1 offset 0)
order by t.ts desc
limit :row_limit

-- name: oldest_points
select t.ts, t.kind, t.long_value, t.double_value, t.text_value
from time_series t
where t.entity_id = :entity_id and t.key_id = (select k.id from series_key k where k.name = :key)
  and t.ts >= :from_ts and t.ts < :to_ts and t.epoch >= :from_epoch
  and (t.expires_at is null or t.expires_at > :now_ms)
  and not exists (
    select 1 from time_series newer
    where newer.entity_id = t.entity_id and newer.key_id = t.key_id and newer.ts = t.ts
      and newer.ts >= :from_ts and newer.ts < :to_ts
      and newer.epoch > t.epoch and (newer.expires_at is null or newer.expires_at > :now_ms)
    limit 1 offset 0)
order by t.ts
limit :row_limit

-- Longs are summed in two halves: one sum of 64-bit numbers could leave 64 bits.
-- name: bucket_totals
with asked(from_ts, to_ts) as (/*rows: bigint, bigint*/)
select asked.from_ts, asked.to_ts, count(*),
       sum(case when t.kind = 1 then 1 else 0 end), sum(case when t.kind = 2 then 1 else 0 end),
       cast(sum(case when t.kind = 1 then t.long_value / 4294967296 else 0 end) as bigint),
       cast(sum(case when t.kind = 1 then t.long_value % 4294967296 else 0 end) as bigint),
       coalesce(sum(t.double_value), 0.0),
       min(case when t.kind = 1 then t.long_value end), max(case when t.kind = 1 then t.long_value end),
       min(t.double_value), max(t.double_value),
       min(case when t.kind = 3 then t.text_value end), max(case when t.kind = 3 then t.text_value end)
from asked
join time_series t
  on t.entity_id = :entity_id and t.key_id = (select k.id from series_key k where k.name = :key)
 and t.ts >= asked.from_ts and t.ts < asked.to_ts and t.epoch >= :from_epoch
where (t.expires_at is null or t.expires_at > :now_ms) /*and t.ts >= :from_ts and t.ts < :to_ts*/
  and not exists (
    select 1 from time_series newer
    where newer.entity_id = t.entity_id and newer.key_id = t.key_id and newer.ts = t.ts
      /*and newer.ts >= :from_ts and newer.ts < :to_ts*/
      and newer.epoch > t.epoch and (newer.expires_at is null or newer.expires_at > :now_ms)
    limit 1 offset 0)
group by asked.from_ts, asked.to_ts
order by asked.from_ts

-- name: delete_points
with asked(key) as (/*rows: text*/)
delete from time_series
where entity_id = :entity_id and ts >= :from_ts and ts < :to_ts
  and key_id in (select k.id from asked join series_key k on k.name = asked.key)

-- name: delete_latest_points
with asked(key) as (/*rows: text*/)
delete from latest_value
where entity_id = :entity_id and ts >= :from_ts and ts < :to_ts
  and key_id in (select k.id from asked join series_key k on k.name = asked.key)

-- name: rewrite_latest_points
with asked(key) as (/*rows: text*/)
insert into latest_value (entity_id, key_id, epoch, ts, kind, long_value, double_value, text_value)
select t.entity_id, t.key_id, t.epoch, t.ts, t.kind, t.long_value, t.double_value, t.text_value
from asked
join series_key k on k.name = asked.key
join time_series t on t.entity_id = :entity_id and t.key_id = k.id
where not exists (
    select 1 from time_series newer
    where newer.entity_id = t.entity_id and newer.key_id = t.key_id and newer.epoch = t.epoch
      and newer.ts > t.ts)
on conflict (entity_id, key_id, epoch) do nothing

-- name: delete_expired_points
delete from time_series
where (entity_id, key_id, ts, epoch) in (
    select entity_id, key_id, ts, epoch from time_series where expires_at < :before_ms limit :row_limit)
