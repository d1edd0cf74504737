-- A key of the whole of `entry` has to have what it is partitioned by, which is a third of each of its index's entries. Within its
-- partition an entry is known by account and version alone: so it is each partition that has the index, and that refuses a second one.
ALTER TABLE entry DROP CONSTRAINT entry_pkey1;

-- A month's partition of a shard, with its key.
CREATE FUNCTION open_shard_month(month text, of_shard smallint) RETURNS void LANGUAGE plpgsql SET search_path = cash_flow, pg_temp AS $function$
DECLARE
  name text := month || '_' || of_shard;
BEGIN
  EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF %I FOR VALUES IN (%s)', name, month, of_shard);
  EXECUTE format('CREATE UNIQUE INDEX IF NOT EXISTS %I ON %I (account, version)', name || '_by_version', name);
END $function$;
REVOKE ALL ON FUNCTION open_shard_month FROM PUBLIC;

CREATE OR REPLACE FUNCTION open_month(month date) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = cash_flow, pg_temp AS $function$
DECLARE
  first date := date_trunc('month', month);
  name text := 'entry_' || to_char(first, 'YYYY_MM');
BEGIN
  PERFORM pg_advisory_xact_lock(7201185); -- IF NOT EXISTS alone fails when two look at once
  EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF entry FOR VALUES FROM (%L) TO (%L) PARTITION BY LIST (shard)',
    name, to_char(first, 'YYYY-MM-DD') || ' 00:00:00+00', to_char(first + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
  PERFORM open_shard_month(name, shard) FROM shard;
END $function$;

CREATE OR REPLACE FUNCTION stage_month(which date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cash_flow, pg_temp AS $function$
DECLARE
  name text := 'entry_' || to_char(which, 'YYYY_MM');
BEGIN
  PERFORM pg_advisory_xact_lock(7201185);
  IF NOT EXISTS (SELECT FROM detached_month WHERE month = which) THEN
    RAISE EXCEPTION '% is not detached', name;
  END IF;
  EXECUTE format('DROP TABLE IF EXISTS %I', name);
  EXECUTE format('CREATE TABLE %I (LIKE entry INCLUDING ALL) PARTITION BY LIST (shard)', name);
  PERFORM open_shard_month(name, shard) FROM shard;
  EXECUTE format('GRANT SELECT, INSERT ON %I TO $role', name);
END $function$;

DO $do$
DECLARE
  one record;
BEGIN
  FOR one IN
    SELECT relid::regclass::text AS name FROM pg_partition_tree('entry'::regclass) WHERE isleaf AND relid <> 'entry'::regclass
  LOOP
    EXECUTE format('CREATE UNIQUE INDEX %I ON %I (account, version)', one.name || '_by_version', one.name);
  END LOOP;
END $do$;
