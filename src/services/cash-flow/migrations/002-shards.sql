-- Accounts are spread over shards, each with one writer at a time. A writer takes its shard by raising the epoch, and each of
-- its batches moves `seq` on in the same transaction: who was overtaken commits nothing more.
CREATE TABLE shard (
  shard smallint PRIMARY KEY CHECK (shard >= 0),
  epoch bigint NOT NULL DEFAULT 0,
  seq bigint NOT NULL DEFAULT 0,
  hash text NOT NULL DEFAULT '',
  at timestamptz NOT NULL DEFAULT '1970-01-01T00:00:00Z' -- of its newest batch; the next one's is not earlier
);

-- What each batch wrote, in a chain: a hash covers its body and the hash before. `seq` has no gaps.
CREATE TABLE journal (
  shard smallint NOT NULL REFERENCES shard,
  seq bigint NOT NULL CHECK (seq > 0),
  epoch bigint NOT NULL,
  at timestamptz NOT NULL,
  previous text NOT NULL,
  hash text NOT NULL,
  body text NOT NULL, -- byte for byte what was hashed
  PRIMARY KEY (shard, seq)
);

ALTER TABLE account ADD COLUMN shard smallint NOT NULL DEFAULT 0;
ALTER TABLE account ALTER COLUMN shard DROP DEFAULT;

-- Money on its way from one shard to another: reserved in the first, not yet posted there. A list of work to do. The request
-- is answered when the money has arrived.
CREATE TABLE crossing (
  transfer text PRIMARY KEY REFERENCES transfer,
  payer text NOT NULL,
  payee text NOT NULL,
  currency text NOT NULL,
  amount bigint NOT NULL CHECK (amount > 0),
  owner text,
  key text,
  digest text,
  at timestamptz NOT NULL
);
CREATE INDEX crossing_by_time ON crossing (at);

-- A crossing reaches the payee once: by key.
CREATE TABLE arrival (transfer text PRIMARY KEY, at timestamptz NOT NULL);

-- What reviews have decided and the writer has not carried out. A list of work to do.
CREATE TABLE decision (event text PRIMARY KEY, transfer text NOT NULL, approved boolean NOT NULL, review text NOT NULL, at timestamptz NOT NULL);

-- Entries by month and shard, so that old months can be taken off as a whole. What must be unique for ever stands elsewhere:
-- the version in `balance`, the ids of transfers in `transfer`.
ALTER TABLE entry RENAME TO entry_of_one_shard;
CREATE TABLE entry (
  account text NOT NULL,
  version bigint NOT NULL CHECK (version > 0),
  id text NOT NULL,
  transfer text NOT NULL,
  phase text NOT NULL CHECK (phase IN ('reserve', 'post', 'release')),
  direction text NOT NULL CHECK (direction IN ('debit', 'credit')),
  amount bigint NOT NULL CHECK (amount > 0),
  posted bigint NOT NULL,
  pending bigint NOT NULL,
  recorded_at timestamptz NOT NULL,
  shard smallint NOT NULL,
  PRIMARY KEY (account, version, shard, recorded_at)
) PARTITION BY RANGE (recorded_at);
CREATE INDEX ON entry (account, recorded_at, version);

-- Makes the partitions of a month, UTC: of the shards that there are. The service's role may call it, and create nothing else.
CREATE FUNCTION open_month(month date) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = cash_flow, pg_temp AS $function$
DECLARE
  first date := date_trunc('month', month);
  name text := 'entry_' || to_char(first, 'YYYY_MM');
  one smallint;
BEGIN
  PERFORM pg_advisory_xact_lock(7201185); -- IF NOT EXISTS alone fails when two look at once
  EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF entry FOR VALUES FROM (%L) TO (%L) PARTITION BY LIST (shard)',
    name, to_char(first, 'YYYY-MM-DD') || ' 00:00:00+00', to_char(first + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
  FOR one IN SELECT shard FROM shard LOOP
    EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF %I FOR VALUES IN (%s)', name || '_' || one, name, one);
  END LOOP;
END $function$;
REVOKE ALL ON FUNCTION open_month FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open_month TO $role;

INSERT INTO shard (shard) VALUES (0);
SELECT open_month(month) FROM (SELECT DISTINCT date_trunc('month', recorded_at AT TIME ZONE 'UTC')::date FROM entry_of_one_shard) AS written (month);
INSERT INTO entry SELECT *, 0 FROM entry_of_one_shard;
DROP TABLE entry_of_one_shard;

GRANT SELECT, INSERT, UPDATE ON shard TO $role;
GRANT SELECT, INSERT ON journal, arrival, entry TO $role;
GRANT SELECT, INSERT, DELETE ON crossing, decision TO $role;
