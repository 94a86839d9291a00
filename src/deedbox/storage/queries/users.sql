-- name: user_by_id
select id, tenant_id, customer_id, email, authority, first_name, last_name, phone, additional_info, enabled,
       (password_hash is not null) as activated, created_at, version
from user_account where id = :user_id

-- name: account_by_email
select id, password_hash from user_account where email = :email

-- name: lock_account
select id from user_account where email = :email /*for update*/

-- name: account_by_activation
with asked(digest) as (/*rows: bytea*/)
select u.id, u.password_hash, u.activation_expires_at
from asked join user_account u on u.activation_digest = asked.digest

-- name: account_by_reset
with asked(digest) as (/*rows: bytea*/)
select u.id, u.password_hash, u.reset_expires_at
from asked join user_account u on u.reset_digest = asked.digest

-- name: add_user
insert into user_account (id, tenant_id, customer_id, email, authority, first_name, last_name, phone,
                          additional_info, enabled, created_at, version)
values (:id, :tenant_id, :customer_id, :email, :authority, :first_name, :last_name, :phone,
        :additional_info, :enabled, :created_at, :version)

-- name: update_user
update user_account
set email = :email, first_name = :first_name, last_name = :last_name, phone = :phone,
    additional_info = :additional_info, version = :version
where id = :id and version = :version - 1

-- name: delete_users
with asked(id) as (/*rows: uuid*/)
delete from user_account where id in (select id from asked)

-- name: delete_sessions_of_users
with asked(id) as (/*rows: uuid*/)
delete from user_session where user_id in (select id from asked)

-- name: set_user_enabled
update user_account set enabled = :enabled where id = :user_id

-- name: set_password
update user_account
set password_hash = :password_hash, activation_digest = null, activation_ciphertext = null,
    activation_expires_at = null, reset_digest = null, reset_expires_at = null
where id = :user_id

-- name: renew_password_hash
update user_account set password_hash = :new_hash where id = :user_id and password_hash = :old_hash

-- A system administrator who never set a password could not let anybody in again; nor could somebody of a
-- tenant who is not in the group of its administrators.
-- name: count_other_administrators
select count(*) from user_account
where tenant_id = :tenant_id and authority = :authority and id <> :user_id and enabled
  and (authority <> 'SYS_ADMIN' or password_hash is not null)
  and not exists (select 1 from left_default_group l where l.user_id = user_account.id)

-- name: any_system_administrator
select id from user_account where tenant_id = :tenant_id and authority = 'SYS_ADMIN' limit 1

-- name: activation_of_user
select activation_digest as digest, activation_expires_at as expires_at, activation_ciphertext as ciphertext
from user_account where id = :user_id and activation_digest is not null

-- name: set_activation
update user_account
set activation_digest = :digest, activation_ciphertext = :ciphertext, activation_expires_at = :expires_at
where id = :user_id

-- name: set_reset
update user_account set reset_digest = :digest, reset_expires_at = :expires_at where id = :user_id

-- name: tenant_exists
select 1 from tenant where id = :tenant_id

-- name: home_of_users
select tenant_id, is_public from customer where id = :customer_id

-- name: users_of_tenant
-- pages by: createdTime id, email email, name email, authority authority, firstName first_name?, lastName last_name?
select id, tenant_id, customer_id, email, authority, first_name, last_name, phone, additional_info, enabled,
       (password_hash is not null) as activated, created_at, version
from user_account
where tenant_id = :tenant_id and (:search = '' or lower(email) like :search escape '!'
   or lower(coalesce(first_name, '')) like :search escape '!' or lower(coalesce(last_name, '')) like :search escape '!')

-- name: users_of_tenant_with_authority
-- pages by: createdTime id, email email, name email, firstName first_name?, lastName last_name?
select id, tenant_id, customer_id, email, authority, first_name, last_name, phone, additional_info, enabled,
       (password_hash is not null) as activated, created_at, version
from user_account
where tenant_id = :tenant_id and authority = :authority and (:search = '' or lower(email) like :search escape '!'
   or lower(coalesce(first_name, '')) like :search escape '!' or lower(coalesce(last_name, '')) like :search escape '!')

-- name: users_of_customer
-- pages by: createdTime id, email email, name email, firstName first_name?, lastName last_name?
select id, tenant_id, customer_id, email, authority, first_name, last_name, phone, additional_info, enabled,
       (password_hash is not null) as activated, created_at, version
from user_account
where tenant_id = :tenant_id and customer_id = :customer_id and (:search = '' or lower(email) like :search escape '!'
   or lower(coalesce(first_name, '')) like :search escape '!' or lower(coalesce(last_name, '')) like :search escape '!')
