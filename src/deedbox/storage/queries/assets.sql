-- name: assets_by_id
with asked(asset_id) as (/*rows: uuid*/)
select a.id, a.tenant_id, a.name, a.type, a.label, a.profile_id, a.additional_info, a.created_at, a.version,
       a.customer_id, c.title, c.is_public
from asked
join asset a on a.id = asked.asset_id
left join customer c on c.id = a.customer_id
where a.tenant_id = :tenant_id

-- name: asset_ids_by_name
with asked(name) as (/*rows: text*/)
select a.name, a.id
from asked join asset a on a.tenant_id = :tenant_id and a.name = asked.name

-- Walked by the index on (tenant, id) or on (tenant, name).
-- name: assets_of_tenant
-- pages by: createdTime id, name name, type type, label label?, assetProfileName type, customerTitle customer_title?
select a.id, a.tenant_id, a.name, a.type, a.label, a.profile_id, a.additional_info, a.created_at, a.version,
       a.customer_id, c.title as customer_title, coalesce(c.is_public, false) as customer_is_public
from asset a
left join customer c on c.id = a.customer_id
where a.tenant_id = :tenant_id
  and (:search = '' or a.search_text like :search escape '!' or lower(a.type) like :search escape '!')

-- name: assets_of_profile
-- pages by: createdTime id, name name, type type, label label?, assetProfileName type, customerTitle customer_title?
select a.id, a.tenant_id, a.name, a.type, a.label, a.profile_id, a.additional_info, a.created_at, a.version,
       a.customer_id, c.title as customer_title, coalesce(c.is_public, false) as customer_is_public
from asset a
left join customer c on c.id = a.customer_id
where a.profile_id = :profile_id and a.tenant_id = :tenant_id
  and (:search = '' or a.search_text like :search escape '!' or lower(a.type) like :search escape '!')

-- name: assets_of_customer
-- pages by: createdTime id, name name, type type, label label?, assetProfileName type, customerTitle customer_title?
select a.id, a.tenant_id, a.name, a.type, a.label, a.profile_id, a.additional_info, a.created_at, a.version,
       a.customer_id, c.title as customer_title, coalesce(c.is_public, false) as customer_is_public
from asset a
left join customer c on c.id = a.customer_id
where a.customer_id = :customer_id and a.tenant_id = :tenant_id
  and (:every_profile or a.profile_id = :profile_id)
  and (:search = '' or a.search_text like :search escape '!' or lower(a.type) like :search escape '!')

-- name: assets_of_groups
-- pages by: createdTime id, name name, type type, label label?, assetProfileName type, customerTitle customer_title?
with asked(group_id, customer_id, tenant_id) as (/*rows: uuid, uuid, uuid*/)
select a.id, a.tenant_id, a.name, a.type, a.label, a.profile_id, a.additional_info, a.created_at, a.version,
       a.customer_id, c.title as customer_title, coalesce(c.is_public, false) as customer_is_public
from (
  select m.entity_id as id from asked join group_member m on m.group_id = asked.group_id
  union
  select theirs.id from asked join asset theirs on theirs.customer_id = asked.customer_id
  union
  select free.id from asked join asset free on free.tenant_id = asked.tenant_id and free.customer_id is null
) seen
join asset a on a.id = seen.id and a.tenant_id = :tenant_id
left join customer c on c.id = a.customer_id
where (:every_profile or a.profile_id = :profile_id)
  and (:every_customer or a.customer_id = :customer_id)
  and (:search = '' or a.search_text like :search escape '!' or lower(a.type) like :search escape '!')

-- name: add_asset
insert into asset (id, tenant_id, profile_id, name, type, label, additional_info, search_text, created_at, version)
values (:id, :tenant_id, :profile_id, :name, :type, :label, :additional_info, :search_text, :created_at, :version)

-- name: change_asset
update asset
set profile_id = :profile_id, name = :name, type = :type, label = :label, additional_info = :additional_info,
    search_text = :search_text, version = :version
where tenant_id = :tenant_id and id = :id

-- name: assign_asset
update asset set customer_id = :customer_id where tenant_id = :tenant_id and id = :id

-- name: remove_asset
delete from asset where tenant_id = :tenant_id and id = :id

-- name: some_assets_of_customer
select id from asset where customer_id = :customer_id and tenant_id = :tenant_id order by id limit :most

-- name: some_assets_of_tenant
select id from asset where tenant_id = :tenant_id order by id limit :most
