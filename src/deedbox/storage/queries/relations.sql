-- name: relation_by_key
select from_type, from_id, to_type, to_id, type, type_group, additional_info, version
from entity_relation
where from_id = :from_id and from_type = :from_type and type_group = :type_group and type = :type
  and to_id = :to_id and to_type = :to_type and tenant_id = :tenant_id

-- name: relations_from
with asked(kind, id) as (/*rows: text, uuid*/)
select r.from_type, r.from_id, r.to_type, r.to_id, r.type, r.type_group, r.additional_info, r.version
from asked join entity_relation r on r.from_id = asked.id and r.from_type = asked.kind
where r.type_group = :type_group and r.tenant_id = :tenant_id
order by r.from_id, r.type, r.to_id
limit :most

-- name: relations_to
with asked(kind, id) as (/*rows: text, uuid*/)
select r.from_type, r.from_id, r.to_type, r.to_id, r.type, r.type_group, r.additional_info, r.version
from asked join entity_relation r on r.to_id = asked.id and r.to_type = asked.kind
where r.type_group = :type_group and r.tenant_id = :tenant_id
order by r.to_id, r.type, r.from_id
limit :most

-- name: count_relations_from
select count(*) from (select 1 from entity_relation where from_id = :id and from_type = :kind limit :most) counted

-- name: count_relations_to
select count(*) from (select 1 from entity_relation where to_id = :id and to_type = :kind limit :most) counted

-- name: put_relation
insert into entity_relation (from_type, from_id, to_type, to_id, type, type_group, additional_info, version, tenant_id)
values (:from_type, :from_id, :to_type, :to_id, :type, :type_group, :additional_info, 1, :tenant_id)
on conflict (from_id, from_type, type_group, type, to_id, to_type) do update
  set additional_info = excluded.additional_info, version = entity_relation.version + 1
returning version

-- name: delete_relation
delete from entity_relation
where from_id = :from_id and from_type = :from_type and type_group = :type_group and type = :type
  and to_id = :to_id and to_type = :to_type and tenant_id = :tenant_id

-- name: delete_relations_of_group_from
delete from entity_relation
where from_id = :id and from_type = :kind and type_group = :type_group and tenant_id = :tenant_id

-- name: delete_relations_of_group_to
delete from entity_relation
where to_id = :id and to_type = :kind and type_group = :type_group and tenant_id = :tenant_id

-- name: forget_relations_from
with asked(kind, id) as (/*rows: text, uuid*/)
delete from entity_relation where (from_id, from_type) in (select id, kind from asked)

-- name: forget_relations_to
with asked(kind, id) as (/*rows: text, uuid*/)
delete from entity_relation where (to_id, to_type) in (select id, kind from asked)

-- name: some_relations_of_tenant
select from_id, from_type, type_group, type, to_id, to_type from entity_relation
where tenant_id = :tenant_id limit :most

-- name: erase_relations
with asked(from_id, from_type, type_group, type, to_id, to_type)
  as (/*rows: uuid, text, text, text, uuid, text*/)
delete from entity_relation
where (from_id, from_type, type_group, type, to_id, to_type)
      in (select from_id, from_type, type_group, type, to_id, to_type from asked)
