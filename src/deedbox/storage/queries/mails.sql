-- name: add_mail
insert into outgoing_mail (id, ciphertext, tries, due_at, give_up_at)
values (:id, :ciphertext, :tries, :due_at, :give_up_at)

-- Whoever takes a mail puts it off at once: of several nodes one has it.
-- name: take_mails
update outgoing_mail set due_at = :until_ms, tries = tries + 1
where id in (select id from outgoing_mail where due_at <= :now_ms order by due_at, id limit :most)
returning id, ciphertext, tries, due_at, give_up_at

-- name: put_off_mail
update outgoing_mail set due_at = :due_at where id = :mail_id

-- name: drop_mail
delete from outgoing_mail where id = :mail_id

-- name: count_mails
select count(*) from (select 1 from outgoing_mail limit :most) as waiting
