-- The default profile of a tenant has no row: it is there with the tenant, whoever made it.
-- name: asset_profile_by_id
select id, tenant_id, name, created_at from asset_profile where tenant_id = :tenant_id and id = :id
union all
select id, id, 'default', created_at from tenant where id = :tenant_id and id = :id

-- name: asset_profile_by_name
select id, tenant_id, name, created_at from asset_profile where tenant_id = :tenant_id and name = :name
union all
select id, id, 'default', created_at from tenant where id = :tenant_id and 'default' = :name

-- name: asset_profiles_page
-- pages by: createdTime id, id id, name name
select id, tenant_id, name, created_at from asset_profile
where tenant_id = :tenant_id and (:search = '' or lower(name) like :search escape '!')
union all
select id, id, 'default', created_at from tenant
where id = :tenant_id and (:search = '' or 'default' like :search escape '!')

-- name: asset_profile_names
select p.id, p.name
from (select id, name from asset_profile where tenant_id = :tenant_id
      union all select id, 'default' from tenant where id = :tenant_id) p
where not :in_use or exists (select 1 from asset a where a.profile_id = p.id)
order by p.name, p.id
limit :most

-- name: add_asset_profile
insert into asset_profile (id, tenant_id, name, created_at) values (:id, :tenant_id, :name, :created_at)

-- name: rename_asset_profile
update asset_profile set name = :name where tenant_id = :tenant_id and id = :id

-- name: retype_assets
update asset set type = :name where profile_id = :id

-- name: delete_asset_profile
delete from asset_profile where tenant_id = :tenant_id and id = :id

-- name: asset_with_profile
select id from asset where profile_id = :id limit 1
