-- name: group_permissions_by_id
with asked(id) as (/*rows: uuid*/)
select p.id, p.tenant_id, p.user_group_id, p.role_id, p.entity_group_id, p.created_at
from asked join group_permission p on p.id = asked.id
where p.tenant_id = :tenant_id

-- name: permissions_of_users
select id, tenant_id, user_group_id, role_id, entity_group_id, created_at
from group_permission where tenant_id = :tenant_id and user_group_id = :group_id order by id

-- name: permissions_for_things
select id, tenant_id, user_group_id, role_id, entity_group_id, created_at
from group_permission where tenant_id = :tenant_id and entity_group_id = :group_id order by id

-- name: add_group_permission
insert into group_permission (id, tenant_id, user_group_id, role_id, entity_group_id, created_at)
values (:id, :tenant_id, :user_group_id, :role_id, :entity_group_id, :created_at)

-- name: change_group_permission
update group_permission set role_id = :role_id, entity_group_id = :entity_group_id
where id = :id and tenant_id = :tenant_id

-- name: delete_group_permission
delete from group_permission where id = :id and tenant_id = :tenant_id
