-- What was said of each transfer, and why. A fact: a retry gets it again, whatever has changed since.
CREATE TABLE assessment (
  id text PRIMARY KEY,
  member text NOT NULL,
  idempotency_key text NOT NULL,
  body_sha256 text NOT NULL,
  receipt text,
  at timestamptz NOT NULL,
  currency text NOT NULL,
  minor bigint NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('accept', 'review', 'hold', 'reject')),
  rule text NOT NULL,
  reasons jsonb NOT NULL,
  considered jsonb NOT NULL,
  bundle text NOT NULL,
  facts jsonb NOT NULL,
  seq_id text,
  fault text,
  approvals integer,
  decide_ms bigint,
  UNIQUE (member, idempotency_key),
  CHECK ((outcome = 'hold') = (approvals IS NOT NULL AND decide_ms IS NOT NULL))
);
CREATE INDEX assessment_velocity ON assessment (member, at);
GRANT SELECT, INSERT ON assessment TO $role;
