-- name: devices_by_credentials
with asked(digest) as (/*rows: bytea*/)
select c.lookup_digest, c.device_id, c.kind
from asked join device_credentials c on c.lookup_digest = asked.digest

-- name: credentials_of_devices
with asked(device_id) as (/*rows: uuid*/)
select c.device_id, c.id, c.kind, c.lookup_digest, c.ciphertext, c.created_at, c.version
from asked join device_credentials c on c.device_id = asked.device_id

-- name: put_credentials
with asked(device_id, id, kind, lookup_digest, ciphertext, created_at, version)
  as (/*rows: uuid, uuid, text, bytea, bytea, bigint, bigint*/)
insert into device_credentials (device_id, id, kind, lookup_digest, ciphertext, created_at, version)
select * from asked where true
on conflict (device_id) do update
  set kind = excluded.kind, lookup_digest = excluded.lookup_digest, ciphertext = excluded.ciphertext,
      version = excluded.version
