-- name: devices_with_old_credentials
select device_id from device_credentials
where device_id > :after and (substr(lookup_digest, 1, 1) <> :newest or substr(ciphertext, 1, 1) <> :newest)
order by device_id limit :most

-- Kinds: 1 what the tenant set in `claimingData`, 2 and 3 the keys of a label.
-- name: old_claim_keys
select device_id, ciphertext from claim_window
where device_id > :after and kind = :kind and ciphertext is not null
  and (substr(digest, 1, 1) <> :newest or substr(ciphertext, 1, 1) <> :newest)
order by device_id limit :most

-- name: replace_claim_key
update claim_window set digest = :digest, ciphertext = :ciphertext 
where device_id = :owner_id and kind = :kind

-- name: old_activations
select id, activation_ciphertext from user_account
where id > :after and activation_ciphertext is not null
  and (substr(activation_digest, 1, 1) <> :newest or substr(activation_ciphertext, 1, 1) <> :newest)
order by id limit :most

-- name: replace_activation
update user_account set activation_digest = :digest, activation_ciphertext = :ciphertext where id = :owner_id

-- name: count_old
select
  (select count(*) from device_credentials
   where substr(lookup_digest, 1, 1) <> :newest or substr(ciphertext, 1, 1) <> :newest)
  + (select count(*) from claim_window
     where ciphertext is not null
       and (substr(digest, 1, 1) <> :newest or substr(ciphertext, 1, 1) <> :newest))
  + (select count(*) from user_account
     where activation_ciphertext is not null
       and (substr(activation_digest, 1, 1) <> :newest or substr(activation_ciphertext, 1, 1) <> :newest))
  + (select count(*) from profile_provisioning
     where substr(digest, 1, 1) <> :newest or substr(ciphertext, 1, 1) <> :newest)

-- name: generations_in_use
select distinct substr(lookup_digest, 1, 1) from device_credentials
union select distinct substr(ciphertext, 1, 1) from device_credentials
union select distinct substr(digest, 1, 1) from claim_window
union select distinct substr(ciphertext, 1, 1) from claim_window where ciphertext is not null
union select distinct substr(digest, 1, 1) from claim_intent
union select distinct substr(ciphertext, 1, 1) from claim_intent
union select distinct substr(activation_digest, 1, 1) from user_account where activation_digest is not null
union select distinct substr(activation_ciphertext, 1, 1) from user_account
  where activation_ciphertext is not null
union select distinct substr(digest, 1, 1) from profile_provisioning
union select distinct substr(ciphertext, 1, 1) from profile_provisioning
union select distinct substr(reset_digest, 1, 1) from user_account where reset_expires_at > :now_ms
union select distinct substr(ciphertext, 1, 1) from outgoing_mail
