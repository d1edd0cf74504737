-- A transfer that is posted at once is one row and its entries: it has the key and the digest of the request that it answers, and
-- its operation (succeeded) and the first answer follow from it. `operation` and `answer` have what does not.
ALTER TABLE transfer ADD COLUMN key text, ADD COLUMN request_digest text;
ALTER TABLE transfer ADD CHECK ((key IS NULL) = (request_digest IS NULL));

-- What these kept is kept by the writer, who has read both accounts, and looked for by the tests' invariants: a look into another
-- table for each row costs as much as the row.
ALTER TABLE transfer DROP CONSTRAINT transfer_debit_fkey, DROP CONSTRAINT transfer_credit_fkey, DROP CONSTRAINT transfer_reverses_fkey;

ALTER TABLE balance SET (fillfactor = 50); -- most of them change with each batch: in their pages, without a new index entry
ALTER TABLE journal ALTER body SET STORAGE EXTERNAL; -- to compress it takes longer than to write it

-- The fence, first of all in a batch: the shards are still held under these epochs, and their chains end where the batch goes on.
-- They are held, in their order, until the batch ends. Where they are not, nothing of the batch is kept.
CREATE FUNCTION hold_shards(held smallint[], epochs bigint[], seqs bigint[]) RETURNS void LANGUAGE plpgsql AS $function$
BEGIN
  PERFORM FROM shard WHERE shard = ANY (held) ORDER BY shard FOR UPDATE;
  IF EXISTS (
    SELECT FROM unnest(held, epochs, seqs) AS lease (shard, epoch, seq) LEFT JOIN shard USING (shard, epoch, seq) WHERE hash IS NULL
  ) THEN
    RAISE EXCEPTION 'a shard was taken by another writer' USING ERRCODE = 'TG001';
  END IF;
END $function$;
REVOKE ALL ON FUNCTION hold_shards FROM PUBLIC;
GRANT EXECUTE ON FUNCTION hold_shards TO $role;
