-- name: provision_settings_of
with asked(profile_id) as (/*rows: uuid*/)
select s.profile_id, s.tenant_id, s.digest, s.ciphertext
from asked join profile_provisioning s on s.profile_id = asked.profile_id

-- name: provision_settings_by_key
with asked(digest) as (/*rows: bytea*/)
select s.profile_id, s.tenant_id, s.digest, s.ciphertext
from asked join profile_provisioning s on s.digest = asked.digest

-- name: put_provision_settings
insert into profile_provisioning (profile_id, tenant_id, digest, ciphertext)
values (:profile_id, :tenant_id, :digest, :ciphertext)
on conflict (profile_id) do update set digest = excluded.digest, ciphertext = excluded.ciphertext

-- name: drop_provision_settings
delete from profile_provisioning where profile_id = :profile_id

-- name: erase_provision_settings
delete from profile_provisioning where tenant_id = :tenant_id

-- Scope 0 is the server's, writer 0 the tenant. No row comes back where the device is provisioned already:
-- of two at the same moment the second waits for the first one's row.
-- name: mark_provisioned
with asked(device_id, updated_at) as (/*rows: uuid, bigint*/)
insert into attribute (entity_id, scope, name, writer, kept_for_epoch, epoch, value, updated_at)
select s.device_id, 0, 'provisionState', 0, 0, s.epoch, '"provisioned"', asked.updated_at
from asked join device_state s on s.device_id = asked.device_id
where true
on conflict (entity_id, scope, name, writer, kept_for_epoch) do update
  set value = excluded.value, updated_at = excluded.updated_at, epoch = excluded.epoch
  where attribute.value <> excluded.value
returning entity_id

-- name: old_provision_settings
select profile_id, ciphertext from profile_provisioning
where profile_id > :after and (substr(digest, 1, 1) <> :newest or substr(ciphertext, 1, 1) <> :newest)
order by profile_id limit :most

-- name: replace_provision_settings
update profile_provisioning set digest = :digest, ciphertext = :ciphertext where profile_id = :owner_id
