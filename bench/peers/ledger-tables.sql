-- The bookkeeping facts of a transfer: the transfer, two entries with the balances after them, the answer to its key, an event.
-- Without foreign keys, and with room in the pages of what changes: as little as does it.
CREATE TABLE account (id text PRIMARY KEY, version bigint NOT NULL, posted bigint NOT NULL CHECK (posted >= 0)) WITH (fillfactor = 50);
CREATE TABLE transfer (
  id text PRIMARY KEY, debit text NOT NULL, credit text NOT NULL, amount bigint NOT NULL CHECK (amount > 0), reference text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE entry (
  account text NOT NULL, version bigint NOT NULL, transfer text NOT NULL, direction text NOT NULL, amount bigint NOT NULL,
  posted bigint NOT NULL, recorded_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (account, version)
);
CREATE TABLE answer (
  owner text NOT NULL, key text NOT NULL, digest text NOT NULL, answer json NOT NULL, at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, key)
);
CREATE TABLE outbox (seq bigserial PRIMARY KEY, type text NOT NULL, subject text NOT NULL, data jsonb NOT NULL, at timestamptz NOT NULL DEFAULT now());

-- All of it in one round trip. Locks are taken in the order of ids, so that two transfers never wait for each other.
CREATE FUNCTION make_transfer(the_id text, payer text, payee text, minor bigint, the_key text, reply json) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  had json;
  paid account;
  got account;
BEGIN
  INSERT INTO answer (owner, key, digest, answer) VALUES (payer, the_key, the_key, reply) ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN RETURN 'done before'; END IF;
  PERFORM 1 FROM account WHERE id IN (payer, payee) ORDER BY id FOR UPDATE;
  UPDATE account SET version = version + 1, posted = posted - minor WHERE id = payer RETURNING * INTO paid;
  UPDATE account SET version = version + 1, posted = posted + minor WHERE id = payee RETURNING * INTO got;
  INSERT INTO transfer (id, debit, credit, amount, reference) VALUES (the_id, payer, payee, minor, 'bench');
  INSERT INTO entry (account, version, transfer, direction, amount, posted)
    VALUES (payer, paid.version, the_id, 'debit', minor, paid.posted), (payee, got.version, the_id, 'credit', minor, got.posted);
  INSERT INTO outbox (type, subject, data) VALUES ('transfer.posted', the_id, reply::jsonb);
  RETURN 'done';
END $$;
