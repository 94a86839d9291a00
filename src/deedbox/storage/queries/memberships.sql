-- Where somebody stands beside the roles of groups: asked for whenever a sign-in token is looked up.
-- name: membership_of_user
select (select count(*) from left_default_group l where l.user_id = :user_id),
       (select count(*) from group_member m where m.group_id = :administrators and m.entity_id = :user_id),
       (select r.permissions from role r where r.id = :default_role),
       (select r.permissions from role r where r.id = :administrators_role)

-- What the groups give that somebody was put into, and those that all of an owner's people are in.
-- name: gifts_to_user
select p.user_group_id, g.name, p.role_id, r.name, r.permissions, p.entity_group_id, coalesce(e.kind, '')
from group_member m
join group_permission p on p.user_group_id = m.group_id
left join entity_group g on g.id = p.user_group_id
left join role r on r.id = p.role_id
left join entity_group e on e.id = p.entity_group_id
where m.entity_id = :user_id
union all
select p.user_group_id, g.name, p.role_id, r.name, r.permissions, p.entity_group_id, coalesce(e.kind, '')
from group_permission p
left join entity_group g on g.id = p.user_group_id
left join role r on r.id = p.role_id
left join entity_group e on e.id = p.entity_group_id
where p.user_group_id in (:everybody, :default_group)
