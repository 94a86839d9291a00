-- name: add_session
insert into user_session (id, user_id, created_at, expires_at, refresh_id, source_address, network, client, used_at)
values (:id, :user_id, :created_at, :expires_at, :refresh_id, :source_address, :network, :client, :used_at)

-- Identifiers rise with time: the newest sessions have the highest.
-- name: end_oldest_sessions
delete from user_session
where user_id = :user_id
  and id not in (select id from user_session where user_id = :user_id order by id desc limit :most)
returning id

-- name: renew_session
update user_session set refresh_id = :next_refresh_id, expires_at = :expires_at, used_at = :used_at
where id = :id and refresh_id = :refresh_id

-- name: session_by_id
select id, user_id, created_at, expires_at, refresh_id, source_address, network, client, used_at
from user_session where id = :session_id

-- name: sessions_of_user
select id, user_id, created_at, expires_at, refresh_id, source_address, network, client, used_at
from user_session where user_id = :user_id order by id desc

-- name: session_from
select 1 from user_session where user_id = :user_id and network = :network limit 1

-- name: end_session
delete from user_session where id = :session_id

-- name: end_sessions_of_user
delete from user_session where user_id = :user_id

-- name: signed_in
select s.id as session_id, u.id as user_id, u.authority, u.tenant_id, u.customer_id, u.email,
       coalesce(c.title, '') as customer_title, coalesce(c.is_public, false) as is_public
from user_session s
join user_account u on u.id = s.user_id
left join customer c on c.id = u.customer_id
where s.id = :session_id and s.expires_at > :now_ms and u.enabled

-- name: public_customer
select tenant_id, title from customer where id = :customer_id and is_public

-- name: return_attempt
delete from spent_attempt
where scope = :scope and spent_at = :spent_at
  and id in (select id from spent_attempt where scope = :scope and spent_at = :spent_at order by id limit 1)
