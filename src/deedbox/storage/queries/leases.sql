-- The decisive step: of all who ask at once, one has the row afterwards. An end that no right clock can have
-- written is that of a clock that was set back since: it must not keep everybody away until then.
-- name: take_lease
insert into lease (name, holder, expires_at)
values (:name, :holder, cast(:now_ms as bigint) + cast(:lasts_ms as bigint))
on conflict (name) do update set holder = excluded.holder, expires_at = excluded.expires_at
where lease.holder = excluded.holder
   or lease.expires_at <= cast(:now_ms as bigint)
   or lease.expires_at > cast(:now_ms as bigint) + 10 * cast(:lasts_ms as bigint)

-- name: give_back_lease
delete from lease where name = :name and holder = :holder
