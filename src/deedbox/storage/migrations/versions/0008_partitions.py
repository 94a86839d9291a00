"""Time series in partitions by time, on PostgreSQL: what is old goes as a whole."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# `time_series_before` ends with the last week, or with this one where there are rows already. Some weeks from
# then on are made here, all others by the server, ahead of time. `time_series_rest` takes what has no other
# place, so that every moment has one. Weeks begin on Mondays, as the fifth day of 1970 did.
_PARTITION = """
do $$
declare
  week_ms constant bigint := 7 * 86400000::bigint;
  first_monday constant bigint := 4 * 86400000::bigint;
  now_ms bigint := (extract(epoch from clock_timestamp()) * 1000)::bigint;
  begins_at bigint;
  ends_at bigint := (now_ms - first_monday) / week_ms * week_ms + first_monday;
begin
  if exists (select 1 from time_series) then
    ends_at := ends_at + week_ms;
  end if;
  alter table time_series rename to time_series_before;
  alter index time_series_pkey rename to time_series_before_pkey;
  alter index time_series_expiry rename to time_series_before_expiry;
  create table time_series (like time_series_before including defaults) partition by range (ts);
  alter table time_series add constraint time_series_pkey primary key (entity_id, key_id, ts, epoch);
  create index time_series_expiry on time_series (expires_at) where expires_at is not null;
  create table time_series_rest partition of time_series default;
  for begins_at in select ends_at + number * week_ms from generate_series(0, 4) as number loop
    execute 'create table time_series_from_'
      || to_char(to_timestamp(begins_at / 1000) at time zone 'UTC', 'YYYYMMDD')
      || ' partition of time_series for values from (' || begins_at || ') to (' || begins_at + week_ms || ')';
  end loop;
  with moved as (delete from time_series_before where ts >= ends_at returning *)
  insert into time_series select * from moved;
  execute 'alter table time_series attach partition time_series_before for values from (minvalue) to ('
    || ends_at || ')';
  -- Others are dropped when they are old; from these two, old rows are deleted some at a time. An index in
  -- the order of moments would tempt PostgreSQL to look for one series among all.
  create index time_series_before_moment on time_series_before using brin (ts);
  create index time_series_rest_moment on time_series_rest using brin (ts);
end $$
"""


def upgrade() -> None:
    """Make the table a partitioned one, on PostgreSQL only; its rows stay where they are."""
    if op.get_context().dialect.name == "postgresql":
        op.execute(_PARTITION)
