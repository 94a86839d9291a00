-- name: spent_attempts
with asked(scope) as (/*rows: bytea*/)
select a.scope, a.spent_at
from asked join spent_attempt a on a.scope = asked.scope
where a.spent_at > :since_ms
order by a.spent_at

-- name: spend_attempts
with asked(scope, spent_at, id) as (/*rows: bytea, bigint, uuid*/)
insert into spent_attempt (scope, spent_at, id)
select scope, spent_at, id from asked where true
