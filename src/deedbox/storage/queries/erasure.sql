-- name: some_users_of_customer
select id from user_account where tenant_id = :tenant_id and customer_id = :customer_id order by id limit :most

-- name: some_users_of_tenant
select id from user_account where tenant_id = :tenant_id order by id limit :most

-- name: some_devices_of_tenant
select id from device where tenant_id = :tenant_id order by id limit :most

-- name: some_devices_of_customer
select device_id from deed where customer_id = :customer_id and closed_at is null order by device_id limit :most

-- name: erase_closed_deeds
with asked(device_id) as (/*rows: uuid*/)
delete from deed where closed_at is not null and device_id in (select device_id from asked)

-- name: orphan_customers
update customer set parent_customer_id = null
where tenant_id = :tenant_id and parent_customer_id = :customer_id

-- name: some_customers
select id from customer where tenant_id = :tenant_id order by id limit :most

-- name: erase_customers
with asked(id) as (/*rows: uuid*/)
delete from customer where id in (select id from asked)

-- name: erase_attributes_of
with asked(id) as (/*rows: uuid*/)
delete from attribute where entity_id in (select id from asked)

-- name: erase_latest_of
with asked(id) as (/*rows: uuid*/)
delete from latest_value where entity_id in (select id from asked)

-- name: erase_series_of
with asked(id) as (/*rows: uuid*/)
delete from time_series where entity_id in (select id from asked)

-- name: erase_tallies_of
with asked(id) as (/*rows: uuid*/)
delete from tally where owner_id in (select id from asked)

-- name: erase_audit_entries
delete from audit_entry
where tenant_id = :tenant_id
  and id in (select id from audit_entry where tenant_id = :tenant_id order by id limit :most)

-- Deeds of devices that were deleted before; those of the others are gone already.
-- name: erase_old_deeds
delete from deed
where closed_at is not null
  and device_id in (select device_id from ownership_ledger where tenant_id = :tenant_id)

-- name: erase_profiles
delete from device_profile where tenant_id = :tenant_id

-- name: erase_asset_profiles
delete from asset_profile where tenant_id = :tenant_id

-- name: erase_claim_intents
delete from claim_intent where tenant_id = :tenant_id

-- name: erase_tenant
delete from tenant where id = :tenant_id
