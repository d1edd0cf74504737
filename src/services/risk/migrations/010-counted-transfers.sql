-- What velocity counts: a row for each transfer, or leg of one, that risk control was asked about or that cash flow says has moved.
-- `let_pass`: it may move at any moment. `refused`: by a rule, by cash flow or by people. `at`: since when it is what it is, in
-- the window of amounts; `asked_at`: when it was asked for, or moved where nobody asked. Nothing here is the only copy of a fact.
CREATE TABLE counted_transfer (
  part text PRIMARY KEY, -- the transfer's id, or its leg's
  transfer text NOT NULL,
  member text NOT NULL, -- who asked; who pays, where nobody did
  payer text, -- who pays, where that is somebody else
  payee text NOT NULL,
  device text,
  currency text NOT NULL,
  minor bigint NOT NULL,
  state text NOT NULL CHECK (state IN ('let_pass', 'held', 'moved', 'refused')),
  asked_at timestamptz NOT NULL,
  at timestamptz NOT NULL CHECK (at >= asked_at)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON counted_transfer TO $role;

-- Money that came back. By itself, since it may be told of before the transfer is.
CREATE TABLE taken_back (part text PRIMARY KEY, at timestamptz NOT NULL);
GRANT SELECT, INSERT, DELETE ON taken_back TO $role;

-- The transfer of a request, as `derivedId` names it: 128 bits of a hash in Crockford's base 32.
CREATE FUNCTION transfer_of(member text, key text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT 'trf_' || string_agg(
    substr('0123456789abcdefghjkmnpqrstvwxyz', substring(bits FROM 5 * n + 1 FOR 5)::integer + 1, 1), '' ORDER BY n)
  FROM (SELECT ('x' || encode(substring(sha256(convert_to(
      '["transfer",' || to_json(member)::text || ',' || to_json(key)::text || ']', 'UTF8')) FOR 16), 'hex'))::bit(128)
    || B'00' AS bits) AS hashed, generate_series(0, 25) AS n
$$;

-- What was assessed before counts as it did: what was let pass has moved. Of what may still be told of, the transfer is named.
INSERT INTO counted_transfer (part, transfer, member, payee, device, currency, minor, state, asked_at, at)
SELECT DISTINCT ON (part) part, part, member, payee, device, currency, minor, state, asked_at, at
FROM (
  SELECT coalesce(c.transfer, CASE WHEN a.at > now() - interval '4 days' THEN transfer_of(a.member, a.idempotency_key) ELSE a.id END)
      AS part, a.member, coalesce(a.payee, '') AS payee, a.device, a.currency, a.minor,
    CASE WHEN a.outcome IN ('accept', 'review') OR c.state = 'approved' THEN 'moved'
      WHEN a.outcome = 'hold' THEN 'held' ELSE 'refused' END AS state,
    a.at AS asked_at, CASE WHEN c.state = 'approved' THEN greatest(a.at, c.closed_at) ELSE a.at END AS at
  FROM assessment AS a LEFT JOIN review_case AS c ON c.assessment = a.id AND c.kind = 'held'
  WHERE a.at > now() - interval '180 days' AND (a.outcome IN ('accept', 'review') OR c.state IN ('approved', 'open')
    OR a.at > now() - interval '4 days')
) AS counted ORDER BY part, at DESC;
DROP FUNCTION transfer_of(text, text);

CREATE INDEX counted_transfer_member ON counted_transfer (member, at);
CREATE INDEX counted_transfer_payer ON counted_transfer (payer, at) WHERE payer IS NOT NULL;
CREATE INDEX counted_transfer_payee ON counted_transfer (payee, asked_at);
CREATE INDEX counted_transfer_device ON counted_transfer (device, asked_at) WHERE device IS NOT NULL;
CREATE INDEX counted_transfer_known ON counted_transfer (member, payee, at) WHERE state = 'moved';
CREATE INDEX counted_transfer_legs ON counted_transfer (transfer) WHERE transfer <> part;
CREATE INDEX counted_transfer_at ON counted_transfer USING brin (at);
CREATE INDEX taken_back_at ON taken_back USING brin (at);

-- What velocity was counted by until now; a member's assessments are still listed by the fourth.
DROP INDEX assessment_payee, assessment_device, assessment_member_payee;
