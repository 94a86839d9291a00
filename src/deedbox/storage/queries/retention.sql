-- From tenant to tenant along the primary key, whether or not the tenant is still there.
-- name: tenants_with_audit_entries
with recursive seen(tenant_id, number) as (
    select (select it.tenant_id from audit_entry it where it.tenant_id > :after
            order by it.tenant_id limit 1), 1
    union all
    select (select it.tenant_id from audit_entry it where it.tenant_id > seen.tenant_id
            order by it.tenant_id limit 1), seen.number + 1
    from seen where seen.tenant_id is not null and seen.number < cast(:most as bigint))
select tenant_id, exists (
    select 1 from audit_entry it where it.tenant_id = seen.tenant_id and it.id < :below_id)
from seen where tenant_id is not null order by tenant_id

-- name: retire_audit_entries
delete from audit_entry
where tenant_id = :tenant_id and id in (
    select id from audit_entry where tenant_id = :tenant_id and id < :below_id order by id limit :most)
returning id

-- name: tenants_with_ledger_rows
with recursive seen(tenant_id, number) as (
    select (select it.tenant_id from ownership_ledger it where it.tenant_id > :after
            order by it.tenant_id limit 1), 1
    union all
    select (select it.tenant_id from ownership_ledger it where it.tenant_id > seen.tenant_id
            order by it.tenant_id limit 1), seen.number + 1
    from seen where seen.tenant_id is not null and seen.number < cast(:most as bigint))
select tenant_id, exists (
    select 1 from ownership_ledger it where it.tenant_id = seen.tenant_id and it.id < :below_id)
from seen where tenant_id is not null order by tenant_id

-- name: retire_ledger_rows
delete from ownership_ledger
where tenant_id = :tenant_id and id in (
    select id from ownership_ledger where tenant_id = :tenant_id and id < :below_id order by id limit :most)
returning deed_id, change

-- Deeds of devices that were deleted are found by the ledger only: they go with its last word about them.
-- name: retire_deeds
with asked(id) as (/*rows: uuid*/)
delete from deed
where id in (select id from asked) and closed_at is not null
  and not exists (select 1 from device_state where device_state.device_id = deed.device_id)

-- name: retire_events
delete from outbox_event where id in
  (select id from outbox_event where id < :below_id order by id limit :most)
