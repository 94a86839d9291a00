-- The boundary between successive owners is decided here and nowhere else: an open deed knows from where its
-- owner reads; while none is open, the next owner will read from where the last one ended.
-- name: device_as_holder
select d.tenant_id, o.customer_id, d.name, s.epoch,
       coalesce(o.reads_from_epoch,
                (select past.closed_epoch from deed past
                 where past.device_id = d.id and past.closed_at is not null
                 order by past.opened_epoch desc limit 1), 0),
       coalesce((select max(e.below_epoch) from erasure_task e where e.device_id = d.id), 0)
from device d
join device_state s on s.device_id = d.id
left join deed o on o.device_id = d.id and o.closed_at is null
where d.id = :id

-- name: asset_as_holder
select tenant_id, customer_id, name, 0, 0, 0 from asset where id = :id

-- name: customer_as_holder
select tenant_id, id, title, 0, 0, 0 from customer where id = :id

-- name: tenant_as_holder
select id, null, title, 0, 0, 0 from tenant where id = :id
