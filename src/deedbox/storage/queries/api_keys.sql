-- Counted and stored in one statement: of two at once, one more than the most may get in, not many.
-- name: add_api_key
insert into api_key (id, tenant_id, user_id, digest, description, permissions, enabled, created_at, expires_at,
                     last_used_at)
select :id, :tenant_id, :user_id, :digest, :description, :permissions, :enabled, :created_at, :expires_at,
       :last_used_at
where (select count(*) from api_key where user_id = :user_id) < :most

-- name: api_key_by_id
select id, tenant_id, user_id, digest, description, permissions, enabled, created_at, expires_at, last_used_at
from api_key where id = :key_id

-- name: change_api_key
update api_key set description = :description, enabled = :enabled where id = :key_id

-- name: delete_api_key
delete from api_key where id = :key_id

-- name: delete_api_keys_of_users
with asked(id) as (/*rows: uuid*/)
delete from api_key where user_id in (select id from asked)

-- name: api_keys_page
-- pages by: createdTime id, description description, expirationTime expires_at, enabled enabled
select id, tenant_id, user_id, digest, description, permissions, enabled, created_at, expires_at, last_used_at
from api_key where user_id = :user_id and (:search = '' or lower(description) like :search escape '!')

-- name: api_key_holder
select k.id as session_id, u.id as user_id, u.authority, u.tenant_id, u.customer_id, u.email,
       coalesce(c.title, '') as customer_title, coalesce(c.is_public, false) as is_public,
       k.permissions, k.expires_at, k.last_used_at
from api_key k
join user_account u on u.id = k.user_id
left join customer c on c.id = u.customer_id
where k.digest = :digest and k.enabled and u.enabled and (k.expires_at = 0 or k.expires_at > :now_ms)

-- name: note_key_use
update api_key set last_used_at = :used_at where id = :key_id and last_used_at < :used_at
