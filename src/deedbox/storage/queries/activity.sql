-- name: note_activity
with asked(device_id, last_activity_at) as (/*rows: uuid, bigint*/)
insert into device_activity (device_id, last_activity_at)
select s.device_id, asked.last_activity_at
from asked join device_state s on s.device_id = asked.device_id
where true
/*order by s.device_id*/
on conflict (device_id) do update set last_activity_at = excluded.last_activity_at
where excluded.last_activity_at > device_activity.last_activity_at
