-- Scope 1 is shared, writer 1 a customer. The newest deeds first: an old one's end was told long ago.
-- name: names_of_past_owners
select a.name from attribute a
join device_state s on s.device_id = a.entity_id
where a.entity_id = :device_id and a.scope = 1 and a.writer = 1 and a.kept_for_epoch < s.epoch
group by a.name order by max(a.kept_for_epoch) desc, a.name limit :most
