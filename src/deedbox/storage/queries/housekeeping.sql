-- name: prove_writable
insert into tally (owner_id, noun, total) values (:owner_id, 'proven_writable_at', :now_ms)
on conflict (owner_id, noun) do update set total = excluded.total

-- name: announced_windows_after
select device_id, expires_at from claim_window
where kind = 0 and device_id > :after
order by device_id limit :most

-- name: sweep_attempts
delete from spent_attempt where (scope, spent_at, id) in
  (select scope, spent_at, id from spent_attempt where spent_at < :before_ms order by spent_at limit :most)

-- name: sweep_guess_counts
delete from guess_count where (owner_id, window_start) in
  (select owner_id, window_start from guess_count where window_start < :before_ms order by window_start limit :most)

-- name: sweep_sessions
delete from user_session where id in
  (select id from user_session where expires_at < :before_ms order by expires_at limit :most)

-- name: sweep_claim_intents
delete from claim_intent where digest in
  (select digest from claim_intent where expires_at < :before_ms order by expires_at limit :most)
