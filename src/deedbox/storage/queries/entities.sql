-- Each puts out id, customer, name, epoch, and for users what they are.
-- name: entities_device
with asked(id) as (/*rows: uuid*/)
select d.id, o.customer_id, d.name, s.epoch, ''
from asked
join device d on d.id = asked.id
join device_state s on s.device_id = d.id
left join deed o on o.device_id = d.id and o.closed_at is null
where d.tenant_id = :tenant_id

-- name: entities_asset
with asked(id) as (/*rows: uuid*/)
select a.id, a.customer_id, a.name, 0, '' from asked join asset a on a.id = asked.id
where a.tenant_id = :tenant_id

-- name: entities_customer
with asked(id) as (/*rows: uuid*/)
select c.id, c.id, c.title, 0, '' from asked join customer c on c.id = asked.id
where c.tenant_id = :tenant_id

-- name: entities_tenant
with asked(id) as (/*rows: uuid*/)
select t.id, null, t.title, 0, '' from asked join tenant t on t.id = asked.id
where t.id = :tenant_id

-- name: entities_user
with asked(id) as (/*rows: uuid*/)
select u.id, u.customer_id, u.email, 0, u.authority from asked join user_account u on u.id = asked.id
where u.tenant_id = :tenant_id

-- name: entities_device_profile
with asked(id) as (/*rows: uuid*/)
select p.id, null, p.name, 0, '' from asked join device_profile p on p.id = asked.id
where p.tenant_id = :tenant_id

-- name: entities_asset_profile
with asked(id) as (/*rows: uuid*/)
select p.id, null, p.name, 0, '' from asked join asset_profile p on p.id = asked.id
where p.tenant_id = :tenant_id
union all
select t.id, null, 'default', 0, '' from asked join tenant t on t.id = asked.id
where t.id = :tenant_id
