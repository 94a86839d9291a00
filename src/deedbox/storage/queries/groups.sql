-- name: groups_by_id
with asked(id) as (/*rows: uuid*/)
select g.id, g.tenant_id, g.owner_id, g.kind, g.name, g.additional_info, g.configuration, g.created_at, g.version
from asked join entity_group g on g.id = asked.id
where g.tenant_id = :tenant_id

-- name: groups_of_owner
select id, tenant_id, owner_id, kind, name, additional_info, configuration, created_at, version
from entity_group
where tenant_id = :tenant_id and owner_id = :owner_id and kind = :kind
order by name

-- name: owner_exists
select 1 from customer where id = :owner_id and tenant_id = :tenant_id
union all
select 1 from tenant where id = :owner_id and id = :tenant_id

-- name: add_group
insert into entity_group (id, tenant_id, owner_id, kind, name, additional_info, configuration, created_at, version)
values (:id, :tenant_id, :owner_id, :kind, :name, :additional_info, :configuration, :created_at, :version)

-- name: change_group
update entity_group
set name = :name, additional_info = :additional_info, configuration = :configuration, version = :version
where id = :id and tenant_id = :tenant_id

-- name: delete_group
delete from entity_group where id = :id and tenant_id = :tenant_id

-- name: delete_members
delete from group_member where group_id = :id

-- name: delete_permissions_of_group
delete from group_permission where user_group_id = :id or entity_group_id = :id

-- Which of the things belong to the owner itself: each puts out id, name, created_at.
-- name: belonging_device
with asked(id) as (/*rows: uuid*/)
select d.id, d.name, d.created_at
from asked
join device d on d.id = asked.id and d.tenant_id = :tenant_id
left join deed o on o.device_id = d.id and o.closed_at is null
where coalesce(o.customer_id, d.tenant_id) = :owner_id

-- name: belonging_asset
with asked(id) as (/*rows: uuid*/)
select a.id, a.name, a.created_at from asked join asset a on a.id = asked.id and a.tenant_id = :tenant_id
where coalesce(a.customer_id, a.tenant_id) = :owner_id

-- name: belonging_user
with asked(id) as (/*rows: uuid*/)
select u.id, u.email, u.created_at from asked join user_account u on u.id = asked.id and u.tenant_id = :tenant_id
where coalesce(u.customer_id, u.tenant_id) = :owner_id

-- name: belonging_customer
with asked(id) as (/*rows: uuid*/)
select c.id, c.title, c.created_at from asked join customer c on c.id = asked.id and c.tenant_id = :tenant_id
where coalesce(c.parent_customer_id, c.tenant_id) = :owner_id

-- name: add_members
with asked(group_id, entity_id) as (/*rows: uuid, uuid*/)
insert into group_member (group_id, entity_id)
select group_id, entity_id from asked where true
on conflict (group_id, entity_id) do nothing

-- name: remove_members
with asked(group_id, entity_id) as (/*rows: uuid, uuid*/)
delete from group_member where (group_id, entity_id) in (select group_id, entity_id from asked)

-- name: leave_default_group
with asked(user_id) as (/*rows: uuid*/)
insert into left_default_group (user_id)
select user_id from asked where true
on conflict (user_id) do nothing

-- name: enter_default_group
with asked(user_id) as (/*rows: uuid*/)
delete from left_default_group where user_id in (select user_id from asked)

-- Whoever gets another owner, or goes, leaves all groups.
-- name: leave_groups
with asked(entity_id) as (/*rows: uuid*/)
delete from group_member where entity_id in (select entity_id from asked)

-- name: groups_of_things
with asked(entity_id) as (/*rows: uuid*/)
select m.entity_id, m.group_id from asked join group_member m on m.entity_id = asked.entity_id

-- What is in a group, by its kind: id, name, created_at.
-- name: members_device
-- pages by: createdTime id, name name
select m.entity_id as id, d.name, d.created_at from group_member m join device d on d.id = m.entity_id
where m.group_id = :group_id and (:search = '' or d.search_text like :search escape '!')

-- name: members_asset
-- pages by: createdTime id, name name
select m.entity_id as id, a.name, a.created_at from group_member m join asset a on a.id = m.entity_id
where m.group_id = :group_id and (:search = '' or a.search_text like :search escape '!')

-- name: members_user
-- pages by: createdTime id, name name
select m.entity_id as id, u.email as name, u.created_at from group_member m join user_account u on u.id = m.entity_id
where m.group_id = :group_id and (:search = '' or lower(u.email) like :search escape '!')

-- name: members_customer
-- pages by: createdTime id, name name
select m.entity_id as id, c.title as name, c.created_at from group_member m join customer c on c.id = m.entity_id
where m.group_id = :group_id and (:search = '' or lower(c.title) like :search escape '!')

-- name: all_device_of_tenant
-- pages by: createdTime id, name name
-- This and the next ones: all that an owner has, by the kind.
select d.id, d.name, d.created_at from device d
left join deed o on o.device_id = d.id and o.closed_at is null
where d.tenant_id = :owner_id and o.customer_id is null and (:search = '' or d.search_text like :search escape '!')

-- name: all_device_of_customer
-- pages by: createdTime id, name name
select o.device_id as id, d.name, d.created_at from deed o join device d on d.id = o.device_id
where o.customer_id = :owner_id and o.closed_at is null and (:search = '' or d.search_text like :search escape '!')

-- name: all_asset_of_tenant
-- pages by: createdTime id, name name
select id, name, created_at from asset
where tenant_id = :owner_id and customer_id is null and (:search = '' or search_text like :search escape '!')

-- name: all_asset_of_customer
-- pages by: createdTime id, name name
select id, name, created_at from asset
where customer_id = :owner_id and (:search = '' or search_text like :search escape '!')

-- name: all_user_of_tenant
-- pages by: createdTime id, name name
select id, email as name, created_at from user_account
where tenant_id = :owner_id and customer_id is null and (:search = '' or lower(email) like :search escape '!')

-- name: all_user_of_customer
-- pages by: createdTime id, name name
select id, email as name, created_at from user_account
where customer_id = :owner_id and (:search = '' or lower(email) like :search escape '!')

-- name: all_customer_of_tenant
-- pages by: createdTime id, name name
select id, title as name, created_at from customer
where tenant_id = :owner_id and parent_customer_id is null and (:search = '' or lower(title) like :search escape '!')

-- name: all_customer_of_customer
-- pages by: createdTime id, name name
select id, title as name, created_at from customer
where parent_customer_id = :owner_id and (:search = '' or lower(title) like :search escape '!')

-- name: default_user_of_tenant
-- pages by: createdTime id, name name
select id, email as name, created_at from user_account
where tenant_id = :owner_id and customer_id is null and (:search = '' or lower(email) like :search escape '!')
  and not exists (select 1 from left_default_group l where l.user_id = user_account.id)

-- name: default_user_of_customer
-- pages by: createdTime id, name name
select id, email as name, created_at from user_account
where customer_id = :owner_id and (:search = '' or lower(email) like :search escape '!')
  and not exists (select 1 from left_default_group l where l.user_id = user_account.id)

-- name: who_left_default_group
with asked(user_id) as (/*rows: uuid*/)
select l.user_id from asked join left_default_group l on l.user_id = asked.user_id

-- name: tenant_administrators
select u.id from user_account u
where u.tenant_id = :tenant_id and u.authority = 'TENANT_ADMIN' and u.enabled
  and not exists (select 1 from left_default_group l where l.user_id = u.id)

-- What goes with an owner.
-- name: ids_of_groups_of
with asked(owner_id) as (/*rows: uuid*/)
select g.id from asked join entity_group g on g.owner_id = asked.owner_id

-- name: erase_permissions_of_users
with asked(group_id) as (/*rows: uuid*/)
delete from group_permission where user_group_id in (select group_id from asked)

-- name: erase_permissions_for_things
with asked(group_id) as (/*rows: uuid*/)
delete from group_permission where entity_group_id in (select group_id from asked)

-- name: erase_members_of_groups
with asked(group_id) as (/*rows: uuid*/)
delete from group_member where group_id in (select group_id from asked)

-- name: erase_groups_of
with asked(owner_id) as (/*rows: uuid*/)
delete from entity_group where owner_id in (select owner_id from asked)
