-- What was written out of a month, so that it may be detached: the digest of the file, and where each shard's chain went on from
-- and had got to. A month may be exported as often as one likes.
CREATE TABLE month_export (
  month date NOT NULL CHECK (month = date_trunc('month', month)),
  digest text NOT NULL,
  file text NOT NULL,
  entries bigint NOT NULL CHECK (entries >= 0),
  chain jsonb NOT NULL,
  actor text NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (month, digest)
);

-- The months whose entries are not here, and in which export they are. The journal still tells of them.
CREATE TABLE detached_month (
  month date PRIMARY KEY,
  digest text NOT NULL,
  actor text NOT NULL,
  at timestamptz NOT NULL,
  FOREIGN KEY (month, digest) REFERENCES month_export
);

GRANT SELECT, INSERT ON month_export TO $role;
GRANT SELECT ON detached_month TO $role;

-- The service's role can't take partitions off or put them on: these do, and nothing else. They give up rather than make
-- writers wait behind them.
CREATE FUNCTION detach_month(which date, export text, operator text, now timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cash_flow, pg_temp AS $function$
DECLARE
  name text := 'entry_' || to_char(which, 'YYYY_MM');
  exported bigint := (SELECT entries FROM month_export WHERE month = which AND digest = export);
  here bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(7201185);
  EXECUTE format('SELECT count(*) FROM %I', name) INTO here; -- before any lock that writers wait for
  IF here IS DISTINCT FROM exported THEN
    RAISE EXCEPTION '% has % entries, and % were exported', name, here, exported;
  END IF;
  SET LOCAL lock_timeout = '2s';
  EXECUTE format('ALTER TABLE entry DETACH PARTITION %I', name);
  EXECUTE format('DROP TABLE %I', name);
  INSERT INTO detached_month (month, digest, actor, at) VALUES (which, export, operator, now);
END $function$;

-- An empty table for a detached month's entries, to be filled and compared before it is attached. One that was left is dropped.
CREATE FUNCTION stage_month(which date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cash_flow, pg_temp AS $function$
DECLARE
  name text := 'entry_' || to_char(which, 'YYYY_MM');
  one smallint;
BEGIN
  PERFORM pg_advisory_xact_lock(7201185);
  IF NOT EXISTS (SELECT FROM detached_month WHERE month = which) THEN
    RAISE EXCEPTION '% is not detached', name;
  END IF;
  EXECUTE format('DROP TABLE IF EXISTS %I', name);
  EXECUTE format('CREATE TABLE %I (LIKE entry INCLUDING ALL) PARTITION BY LIST (shard)', name);
  FOR one IN SELECT shard FROM shard LOOP
    EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES IN (%s)', name || '_' || one, name, one);
  END LOOP;
  EXECUTE format('GRANT SELECT, INSERT ON %I TO $role', name);
END $function$;

CREATE FUNCTION attach_month(which date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cash_flow, pg_temp AS $function$
DECLARE
  name text := 'entry_' || to_char(which, 'YYYY_MM');
BEGIN
  PERFORM pg_advisory_xact_lock(7201185);
  EXECUTE format('REVOKE ALL ON %I FROM $role', name);
  SET LOCAL lock_timeout = '2s';
  EXECUTE format('ALTER TABLE entry ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name,
    to_char(which, 'YYYY-MM-DD') || ' 00:00:00+00', to_char(which + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
  DELETE FROM detached_month WHERE month = which;
END $function$;

REVOKE ALL ON FUNCTION detach_month, stage_month, attach_month FROM PUBLIC;
GRANT EXECUTE ON FUNCTION detach_month, stage_month, attach_month TO $role;
