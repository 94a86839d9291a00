-- name: maker_by_id
select id, title from tenant where id = :id

-- name: maker_by_slug
select id, title from tenant where slug = :slug

-- name: maker_by_host
select id, title from tenant where claim_host = :host

-- name: first_makers
select id, title from tenant order by id limit :most
