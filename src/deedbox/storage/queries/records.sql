-- name: add_audit_entries
with asked(id, tenant_id, customer_id, user_id, user_name, source_address, entity_type, entity_id, entity_name,
           epoch, action, success, data, failure, occurred_at)
  as (/*rows: uuid, uuid, uuid, uuid, text, text, text, uuid, text, bigint, text, boolean, text, text, bigint*/)
insert into audit_entry (id, tenant_id, customer_id, user_id, user_name, source_address, entity_type, entity_id,
                         entity_name, epoch, action, success, data, failure, occurred_at)
select * from asked where true

-- name: add_ledger_rows
with asked(id, tenant_id, device_id, device_name, epoch, change, deed_id, customer_id, actor_id, reason, occurred_at)
  as (/*rows: uuid, uuid, uuid, text, bigint, text, uuid, uuid, uuid, text, bigint*/)
insert into ownership_ledger (id, tenant_id, device_id, device_name, epoch, change, deed_id, customer_id, actor_id,
                              reason, occurred_at)
select * from asked where true

-- name: add_events
with asked(id, tenant_id, device_id, epoch, type, data, occurred_at)
  as (/*rows: uuid, uuid, uuid, bigint, text, text, bigint*/)
insert into outbox_event (id, tenant_id, device_id, epoch, type, data, occurred_at)
select * from asked where true

-- name: ledger_of_device
select id, tenant_id, device_id, device_name, epoch, change, deed_id, customer_id, actor_id, reason, occurred_at
from ownership_ledger where tenant_id = :tenant_id and device_id = :device_id order by epoch

-- name: events_of_tenant
select id, tenant_id, device_id, epoch, type, data, occurred_at
from outbox_event where tenant_id = :tenant_id order by id

-- name: audit_of_tenant
select id, tenant_id, customer_id, user_id, user_name, source_address, entity_type, entity_id, entity_name,
       epoch, action, success, data, failure, occurred_at
from audit_entry where tenant_id = :tenant_id order by id
