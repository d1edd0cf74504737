-- Second in a batch whose transfers were decided as never asked for, without a look: none of these requests has its answer, and none
-- of these transfers is there. Where one is, nothing of the batch is kept. By index alone, whatever the tables held when it was planned.
CREATE FUNCTION refuse_made_before(owners text[], keys text[], transfers text[]) RETURNS void LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $function$
BEGIN
  IF EXISTS (SELECT FROM unnest(owners, keys) AS asked (owner, key) JOIN answer USING (owner, key))
    OR EXISTS (SELECT FROM transfer WHERE id = ANY (transfers)) THEN
    RAISE EXCEPTION 'a request of the batch has its answer; the batch is decided anew' USING ERRCODE = 'TG004';
  END IF;
END $function$;
REVOKE ALL ON FUNCTION refuse_made_before FROM PUBLIC;
GRANT EXECUTE ON FUNCTION refuse_made_before TO $role;
