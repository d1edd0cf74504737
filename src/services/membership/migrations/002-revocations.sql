-- Tokens that are taken back before they expire: one by its `jti`, or all that a subject had by then. Nothing here changes;
-- who lifts a revocation adds a row.
CREATE TABLE revocation (
  id text PRIMARY KEY,
  jti text,
  sub text,
  reason text NOT NULL,
  actor text NOT NULL,
  at timestamptz NOT NULL,
  until timestamptz NOT NULL,
  CHECK (num_nonnulls(jti, sub) = 1),
  CHECK (until > at)
);
CREATE INDEX revocation_until ON revocation (until);

CREATE TABLE revocation_lift (
  revocation text PRIMARY KEY REFERENCES revocation,
  actor text NOT NULL,
  at timestamptz NOT NULL
);

GRANT SELECT, INSERT ON revocation, revocation_lift TO $role;
