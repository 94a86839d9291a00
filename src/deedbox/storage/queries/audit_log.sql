-- Identifiers are time-ordered and never older than their entry, so `first_id` cuts off what is too old.
-- `actions` is "," or ",A,B,": the whole list between commas.
-- name: audit_page_of_tenant
-- pages by: createdTime id, id id, entityName entity_name, userName user_name, actionType action
select id, tenant_id, customer_id, user_id, user_name, source_address, entity_type, entity_id, entity_name,
       epoch, action, success, data, failure, occurred_at
from audit_entry
where tenant_id = :tenant_id and id >= :first_id and occurred_at >= :start_ms and occurred_at <= :end_ms
  and (:actions = ',' or :actions like '%,' || action || ',%')
  and (:search = '' or lower(entity_name || ' ' || user_name || ' ' || action || ' ' || failure)
                       like :search escape '!')

-- name: audit_page_of_entity
-- pages by: createdTime id, id id, entityName entity_name, userName user_name, actionType action
select id, tenant_id, customer_id, user_id, user_name, source_address, entity_type, entity_id, entity_name,
       epoch, action, success, data, failure, occurred_at
from audit_entry
where entity_id = :entity_id and id >= :first_id and entity_type = :entity_type and tenant_id = :tenant_id
  and occurred_at >= :start_ms and occurred_at <= :end_ms
  and (:actions = ',' or :actions like '%,' || action || ',%')
  and (:search = '' or lower(entity_name || ' ' || user_name || ' ' || action || ' ' || failure)
                       like :search escape '!')

-- name: audit_page_of_person
-- pages by: createdTime id, id id, entityName entity_name, userName user_name, actionType action
select id, tenant_id, customer_id, user_id, user_name, source_address, entity_type, entity_id, entity_name,
       epoch, action, success, data, failure, occurred_at
from audit_entry
where tenant_id = :tenant_id and id >= :first_id and occurred_at >= :start_ms and occurred_at <= :end_ms
  and (customer_id = :customer_id or user_id = :user_id)
  and (:actions = ',' or :actions like '%,' || action || ',%')
  and (:search = '' or lower(entity_name || ' ' || user_name || ' ' || action || ' ' || failure)
                       like :search escape '!')
