-- name: tenant_by_id
select id, title, slug, created_at, claim_host, allow_claiming_by_default, erase_on_reclaim, contact,
       additional_info, version, profile_id,
       coalesce((select p.name from tenant_profile p where p.id = tenant.profile_id), 'Default') as profile_name
from tenant where id = :id

-- name: tenant_by_title
select id, title, slug, created_at, claim_host, allow_claiming_by_default, erase_on_reclaim, contact,
       additional_info, version, profile_id,
       coalesce((select p.name from tenant_profile p where p.id = tenant.profile_id), 'Default') as profile_name
from tenant where title = :title

-- name: tenant_by_slug
select id, title, slug, created_at, claim_host, allow_claiming_by_default, erase_on_reclaim, contact,
       additional_info, version, profile_id,
       coalesce((select p.name from tenant_profile p where p.id = tenant.profile_id), 'Default') as profile_name
from tenant where slug = :slug

-- name: tenant_by_claim_host
select id, title, slug, created_at, claim_host, allow_claiming_by_default, erase_on_reclaim, contact,
       additional_info, version, profile_id,
       coalesce((select p.name from tenant_profile p where p.id = tenant.profile_id), 'Default') as profile_name
from tenant where claim_host = :claim_host

-- name: tenants_page
-- pages by: createdTime id, id id, title title, name title, slug slug
select id, title, slug, created_at, claim_host, allow_claiming_by_default, erase_on_reclaim, contact,
       additional_info, version, profile_id,
       coalesce((select p.name from tenant_profile p where p.id = tenant.profile_id), 'Default') as profile_name
from tenant where :search = '' or lower(title) like :search escape '!'

-- name: add_tenant
insert into tenant (id, title, slug, created_at, claim_host, allow_claiming_by_default, erase_on_reclaim, contact,
                    additional_info, version, profile_id)
values (:id, :title, :slug, :created_at, :claim_host, :allow_claiming_by_default, :erase_on_reclaim, :contact,
        :additional_info, :version, :profile_id)

-- name: change_tenant
update tenant
set title = :title, slug = :slug, claim_host = :claim_host,
    allow_claiming_by_default = :allow_claiming_by_default, erase_on_reclaim = :erase_on_reclaim,
    contact = :contact, additional_info = :additional_info, version = :version, profile_id = :profile_id
where id = :id
