-- A held operation that people decide on. Its row is its timer: an open case past `due_at` is declined.
CREATE TABLE review_case (
  id text PRIMARY KEY,
  version integer NOT NULL,
  operation text NOT NULL UNIQUE,
  transfer text NOT NULL,
  assessment text NOT NULL REFERENCES assessment,
  maker text NOT NULL,
  currency text NOT NULL,
  minor bigint NOT NULL,
  facts jsonb NOT NULL,
  case_version integer NOT NULL,
  snapshot_hash text NOT NULL,
  state text NOT NULL CHECK (state IN ('open', 'approved', 'declined', 'withdrawn')),
  needed integer NOT NULL CHECK (needed > 0),
  opened_at timestamptz NOT NULL,
  due_at timestamptz NOT NULL,
  closed_at timestamptz,
  reason text,
  CHECK ((state = 'open') = (closed_at IS NULL))
);
CREATE INDEX review_case_due ON review_case (due_at) WHERE state = 'open';
CREATE INDEX review_case_transfer ON review_case (transfer) WHERE state = 'open';
CREATE INDEX review_case_state ON review_case (state, id);
GRANT SELECT, INSERT, UPDATE ON review_case TO $role;

-- Four eyes by key: nobody votes twice on a case.
CREATE TABLE review_vote (
  case_id text NOT NULL REFERENCES review_case,
  reviewer text NOT NULL,
  vote text NOT NULL CHECK (vote IN ('approve', 'decline')),
  reason text NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (case_id, reviewer)
);
GRANT SELECT, INSERT ON review_vote TO $role;

-- Every signed decision of the desk as it arrived, and what it was answered.
CREATE TABLE decision (
  nonce text PRIMARY KEY,
  body text NOT NULL,
  headers jsonb NOT NULL,
  received_at timestamptz NOT NULL
);
-- `json` keeps the order of keys: the answer is given again byte for byte.
CREATE TABLE decision_answer (nonce text PRIMARY KEY REFERENCES decision, answer json NOT NULL);
GRANT SELECT, INSERT ON decision, decision_answer TO $role;
