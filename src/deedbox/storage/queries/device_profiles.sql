-- name: profile_by_id
select id, tenant_id, name, created_at, is_default, allow_claiming_by_default, forbids_empty_keys,
       rotates_credentials_on_reclaim, new_secret_on_reclaim, settings, version
from device_profile where tenant_id = :tenant_id and id = :id

-- name: profile_by_name
select id, tenant_id, name, created_at, is_default, allow_claiming_by_default, forbids_empty_keys,
       rotates_credentials_on_reclaim, new_secret_on_reclaim, settings, version
from device_profile where tenant_id = :tenant_id and name = :name

-- name: profile_by_default
select id, tenant_id, name, created_at, is_default, allow_claiming_by_default, forbids_empty_keys,
       rotates_credentials_on_reclaim, new_secret_on_reclaim, settings, version
from device_profile where tenant_id = :tenant_id and is_default

-- name: profiles_page
-- pages by: createdTime id, id id, name name, type name
select id, tenant_id, name, created_at, is_default, allow_claiming_by_default, forbids_empty_keys,
       rotates_credentials_on_reclaim, new_secret_on_reclaim, settings, version
from device_profile
where tenant_id = :tenant_id and (:search = '' or lower(name) like :search escape '!')

-- name: profile_names
select id, name from device_profile p
where tenant_id = :tenant_id
  and (not :in_use or exists (select 1 from device d where d.profile_id = p.id))
order by name, id
limit :most

-- name: add_profile
insert into device_profile (id, tenant_id, name, created_at, is_default, allow_claiming_by_default,
                            forbids_empty_keys, rotates_credentials_on_reclaim, new_secret_on_reclaim,
                            settings, version)
values (:id, :tenant_id, :name, :created_at, :is_default, :allow_claiming_by_default, :forbids_empty_keys,
        :rotates_credentials_on_reclaim, :new_secret_on_reclaim, :settings, :version)

-- name: change_profile
update device_profile
set name = :name, allow_claiming_by_default = :allow_claiming_by_default,
    forbids_empty_keys = :forbids_empty_keys,
    rotates_credentials_on_reclaim = :rotates_credentials_on_reclaim,
    new_secret_on_reclaim = :new_secret_on_reclaim, settings = :settings, version = :version
where tenant_id = :tenant_id and id = :id

-- name: retype_devices
update device set type = :name where profile_id = :id and type <> :name

-- name: unset_default_profile
update device_profile set is_default = false where tenant_id = :tenant_id and is_default

-- name: set_default_profile
update device_profile set is_default = true, version = version + 1 where tenant_id = :tenant_id and id = :id

-- name: delete_profile
delete from device_profile where tenant_id = :tenant_id and id = :id

-- name: device_with_profile
select id from device where profile_id = :id limit 1

-- name: profiles_of_devices
with asked(device_id) as (/*rows: uuid*/)
select d.id, p.id, p.version
from asked join device d on d.id = asked.device_id join device_profile p on p.id = d.profile_id

-- name: versions_of_profiles
with asked(id) as (/*rows: uuid*/)
select p.id, p.version from asked join device_profile p on p.id = asked.id

-- name: settings_of_profiles
with asked(id) as (/*rows: uuid*/)
select p.id, p.version, p.settings from asked join device_profile p on p.id = asked.id
