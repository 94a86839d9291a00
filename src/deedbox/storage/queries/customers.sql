-- name: customer_by_id
select id, tenant_id, title, created_at, parent_customer_id, is_public, contact, additional_info, version
from customer where tenant_id = :tenant_id and id = :id

-- name: customer_by_title
select id, tenant_id, title, created_at, parent_customer_id, is_public, contact, additional_info, version
from customer where tenant_id = :tenant_id and title = :title

-- name: customer_for_public
select id, tenant_id, title, created_at, parent_customer_id, is_public, contact, additional_info, version
from customer where tenant_id = :tenant_id and is_public limit 1

-- name: customers_page
-- pages by: createdTime id, id id, title title, name title
select id, tenant_id, title, created_at, parent_customer_id, is_public, contact, additional_info, version
from customer
where tenant_id = :tenant_id and (:search = '' or lower(title) like :search escape '!')

-- name: sub_customers_page
-- pages by: createdTime id, id id, title title, name title
select id, tenant_id, title, created_at, parent_customer_id, is_public, contact, additional_info, version
from customer
where parent_customer_id = :customer_id and tenant_id = :tenant_id
  and (:search = '' or lower(title) like :search escape '!')

-- name: add_customer
insert into customer (id, tenant_id, title, created_at, parent_customer_id, is_public, contact, additional_info,
                      version)
values (:id, :tenant_id, :title, :created_at, :parent_customer_id, :is_public, :contact, :additional_info, :version)

-- name: change_customer
update customer
set title = :title, contact = :contact, additional_info = :additional_info, version = :version
where tenant_id = :tenant_id and id = :id
