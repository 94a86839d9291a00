-- Totals that lists show, kept by whoever adds and removes rows, in the same transaction.
-- name: change_tally
insert into tally (owner_id, noun, total)
values (:owner_id, :noun, :change)
on conflict (owner_id, noun) do update set total = tally.total + excluded.total

-- name: total_of
select total from tally where owner_id = :owner_id and noun = :noun

-- name: drop_tallies
delete from tally where owner_id = :owner_id
