-- name: add_claim_intent
insert into claim_intent (digest, tenant_id, ciphertext, expires_at)
values (:digest, :tenant_id, :ciphertext, :expires_at)

-- Walks the index on the expiry up to the limit: intents are few, and live half an hour.
-- name: crowd_out_claim_intents
delete from claim_intent
where digest in (
  select digest from claim_intent order by expires_at desc, digest limit 100 offset :most)

-- name: claim_intent_by_digest
with asked(digest) as (/*rows: bytea*/)
select i.digest, i.tenant_id, i.ciphertext, i.expires_at
from asked join claim_intent i on i.digest = asked.digest

-- name: drop_claim_intents
with asked(digest) as (/*rows: bytea*/)
delete from claim_intent where digest in (select digest from asked)
