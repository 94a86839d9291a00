-- name: is_blocked
select blocked from device_state where device_id = :device_id

-- name: shown_refusal
select refused_reason as reason, refused_epoch as epoch, refused_at from device_state
where device_id = :device_id and refused_reason is not null

-- name: shown_windows
select kind, expires_at, opened_at, lapsed from claim_window where device_id = :device_id order by kind

-- Two parts, one for each of the indexes on deeds. A customer that is gone has no title any more.
-- name: shown_deeds
select o.customer_id, coalesce(c.title, '') as customer_title, o.opened_at, o.opening_reason, o.closed_at,
       o.closing_reason
from (
  select customer_id, opened_epoch, opened_at, opening_reason, closed_at, closing_reason
  from deed where device_id = :device_id and closed_at is null
  union all
  select customer_id, opened_epoch, opened_at, opening_reason, closed_at, closing_reason
  from deed where device_id = :device_id and closed_at is not null
) as o
left join customer c on c.id = o.customer_id
order by o.opened_epoch desc
limit :most
