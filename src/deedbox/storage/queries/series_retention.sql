-- name: next_series
select entity_id, key_id, ts from time_series
where (entity_id, key_id) > (:entity_id, :key_id)
order by entity_id, key_id, ts limit 1

-- name: retire_points
delete from time_series
where entity_id = :entity_id and key_id = :key_id and (ts, epoch) in (
    select ts, epoch from time_series
    where entity_id = :entity_id and key_id = :key_id and ts < :before_ms order by ts, epoch limit :most)
