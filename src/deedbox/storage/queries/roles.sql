-- name: roles_by_id
with asked(id) as (/*rows: uuid*/)
select r.id, r.tenant_id, r.name, r.kind, r.permissions, r.additional_info, r.created_at, r.version
from asked join role r on r.id = asked.id
where r.tenant_id = :tenant_id

-- name: roles_of_tenant
select id, tenant_id, name, kind, permissions, additional_info, created_at, version
from role where tenant_id = :tenant_id order by id

-- name: put_role
insert into role (id, tenant_id, name, kind, permissions, additional_info, created_at, version)
values (:id, :tenant_id, :name, :kind, :permissions, :additional_info, :created_at, :version)
on conflict (id) do update set name = excluded.name, permissions = excluded.permissions,
  additional_info = excluded.additional_info, version = excluded.version

-- name: delete_role
delete from role where id = :id and tenant_id = :tenant_id

-- name: is_role_given
select 1 from group_permission where role_id = :id limit 1

-- name: erase_roles
delete from role where tenant_id = :tenant_id
