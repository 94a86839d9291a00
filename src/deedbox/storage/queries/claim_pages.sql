-- name: maker_by_id
select id, title, slug from tenant where id = :id

-- name: maker_by_slug
select id, title, slug from tenant where slug = :slug

-- name: maker_by_host
select id, title, slug from tenant where claim_host = :host

-- name: first_makers
select id, title, slug from tenant order by id limit :most
