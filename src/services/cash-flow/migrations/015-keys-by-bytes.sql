-- Ids and keys are compared byte by byte, whatever the language of the database: to compare them as words of a language, which they are
-- not, takes PostgreSQL several times as long, and an index compares at each of its levels.
-- A batch that is under way ends first, and no other begins: each takes its shards before anything else.
LOCK TABLE shard IN ACCESS EXCLUSIVE MODE;

DO $do$
DECLARE
  one record;
BEGIN
  FOR one IN
    SELECT attrelid::regclass AS name, string_agg(format('ALTER %I TYPE text COLLATE "C"', attname), ', ' ORDER BY attnum) AS columns
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace = 'cash_flow'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND atttypid = 'text'::regtype
      AND attnum > 0 AND NOT attisdropped AND relname = ANY ('{account,balance,transfer,entry,hold_resolution,reversal,withdrawal_end,
        arrival,credit_line,exchange,operation,operation_state,answer,hold_timer,in_transit,accepted_command,crossing,decision}'::text[])
    GROUP BY attrelid ORDER BY attrelid
  LOOP
    EXECUTE format('ALTER TABLE %s %s', one.name, one.columns);
  END LOOP;
END $do$;
