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

-- In the order of owners, so that transactions which count for the same ones wait for each other in a row.
-- name: add_guesses
with asked(owner_id, guesses) as (/*rows: uuid, bigint*/)
insert into guess_count (owner_id, window_start, total)
select owner_id, :window_start, guesses from asked where true order by owner_id
on conflict (owner_id, window_start) do update set total = guess_count.total + excluded.total
returning owner_id, total
