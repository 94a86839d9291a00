-- name: tenant_profile_by_id
select id, name, created_at, description, is_default, data
from (
  select id, name, created_at, description, is_default, data from tenant_profile
  union all
  select :first_id, 'Default', 0, 'The profile of all tenants that have no other.',
         not exists (select 1 from tenant_profile where is_default), '{"configuration":{"type":"DEFAULT"}}'
  where not exists (select 1 from tenant_profile where id = :first_id)) known
where id = :id

-- name: tenant_profile_by_name
select id, name, created_at, description, is_default, data
from (
  select id, name, created_at, description, is_default, data from tenant_profile
  union all
  select :first_id, 'Default', 0, 'The profile of all tenants that have no other.',
         not exists (select 1 from tenant_profile where is_default), '{"configuration":{"type":"DEFAULT"}}'
  where not exists (select 1 from tenant_profile where id = :first_id)) known
where name = :name

-- name: tenant_profile_by_default
select id, name, created_at, description, is_default, data
from (
  select id, name, created_at, description, is_default, data from tenant_profile
  union all
  select :first_id, 'Default', 0, 'The profile of all tenants that have no other.',
         not exists (select 1 from tenant_profile where is_default), '{"configuration":{"type":"DEFAULT"}}'
  where not exists (select 1 from tenant_profile where id = :first_id)) known
where is_default

-- name: tenant_profiles_page
-- pages by: createdTime id, id id, name name
select id, name, created_at, description, is_default, data
from (
  select id, name, created_at, description, is_default, data from tenant_profile
  union all
  select :first_id, 'Default', 0, 'The profile of all tenants that have no other.',
         not exists (select 1 from tenant_profile where is_default), '{"configuration":{"type":"DEFAULT"}}'
  where not exists (select 1 from tenant_profile where id = :first_id)) known
where :search = '' or lower(name) like :search escape '!'

-- name: put_tenant_profile
insert into tenant_profile (id, name, created_at, description, is_default, data, devices, gateway_devices)
values (:id, :name, :created_at, :description, :is_default, :data, :devices, :gateway_devices)
on conflict (id) do update
  set name = excluded.name, description = excluded.description, data = excluded.data,
      devices = excluded.devices, gateway_devices = excluded.gateway_devices

-- name: unset_default_tenant_profile
update tenant_profile set is_default = false where is_default

-- name: set_default_tenant_profile
update tenant_profile set is_default = true where id = :id

-- name: delete_tenant_profile
delete from tenant_profile where id = :id

-- name: tenant_with_profile
select id from tenant where profile_id = :profile_id limit 1

-- name: tenant_profile_configurations
select id, data from tenant_profile

-- name: tenants_with_other_profiles
select id, profile_id from tenant where profile_id <> :first_id

-- name: device_quotas
select p.devices, p.gateway_devices
from tenant t join tenant_profile p on p.id = t.profile_id
where t.id = :tenant_id
