-- Where a journal in several stores is what counts, these tables are made of it: `projection` says up to which of its records, and
-- moves on in the transaction that carries a record out. It stays at 0 where the journal is the one in this database.
CREATE TABLE projection (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  seq bigint NOT NULL DEFAULT 0,
  epoch bigint NOT NULL DEFAULT 0,
  hash text NOT NULL DEFAULT repeat('0', 64)
);
INSERT INTO projection DEFAULT VALUES;

-- Whoever leads that journal counts up here, so that others let it: a courtesy that nothing rests on. `epoch` 0: nobody does.
CREATE TABLE pulse (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  epoch bigint NOT NULL DEFAULT 0,
  beat bigint NOT NULL DEFAULT 0
);
INSERT INTO pulse DEFAULT VALUES;

GRANT SELECT, UPDATE ON projection, pulse TO $role;

-- First of all in a record that is carried out: it goes behind the one that was carried out last, and behind the ends of the shards'
-- chains. Where it does not, nothing of it is done.
CREATE FUNCTION hold_projection(last text, held smallint[], ends text[]) RETURNS void LANGUAGE plpgsql AS $function$
BEGIN
  PERFORM FROM projection WHERE hash = last FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'another record was carried out last' USING ERRCODE = 'TG002';
  END IF;
  PERFORM FROM shard WHERE shard = ANY (held) ORDER BY shard FOR UPDATE;
  IF EXISTS (SELECT FROM unnest(held, ends) AS record (shard, hash) LEFT JOIN shard USING (shard, hash) WHERE seq IS NULL) THEN
    RAISE EXCEPTION 'the journal goes on from records that this database has not' USING ERRCODE = 'TG003';
  END IF;
END $function$;
REVOKE ALL ON FUNCTION hold_projection FROM PUBLIC;
GRANT EXECUTE ON FUNCTION hold_projection TO $role;
