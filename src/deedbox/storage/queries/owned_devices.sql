-- name: owned_devices
select d.id, d.name, d.label, o.opened_at, a.last_activity_at
from deed o
join device d on d.id = o.device_id
left join device_activity a on a.device_id = d.id
where o.customer_id = :customer_id and o.closed_at is null and o.device_id > :after
order by o.device_id
limit :most

-- name: owned_device
select d.id, d.name, d.label, o.opened_at, a.last_activity_at
from deed o
join device d on d.id = o.device_id
left join device_activity a on a.device_id = d.id
where o.device_id = :device_id and o.closed_at is null and o.customer_id = :customer_id

-- name: owned_device_named
select d.id, d.name, d.label, o.opened_at, a.last_activity_at
from device d
join deed o on o.device_id = d.id and o.closed_at is null and o.customer_id = :customer_id
left join device_activity a on a.device_id = d.id
where d.tenant_id = :tenant_id and d.name = :name
