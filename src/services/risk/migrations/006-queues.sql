-- Whom a case asks and until when, as the policy that held the transfer says; null of what was stored before there were queues.
ALTER TABLE assessment ADD COLUMN terms jsonb;

-- A case belongs to one queue and has one timer, always. `held`: money waits for it. `passed`: the money has moved, and somebody
-- looks at it later. The timer is over before the hold expires, and escalates before it is over.
ALTER TABLE review_case
  ADD COLUMN kind text NOT NULL DEFAULT 'held' CHECK (kind IN ('held', 'passed')),
  ADD COLUMN queue text NOT NULL DEFAULT 'desk' CHECK (queue <> ''),
  ADD COLUMN priority integer NOT NULL DEFAULT 1 CHECK (priority BETWEEN 0 AND 3),
  ADD COLUMN assignee text,
  ADD COLUMN assigned_until timestamptz,
  ADD COLUMN escalate_at timestamptz,
  ADD COLUMN hold_expires_at timestamptz,
  ADD COLUMN on_timeout text NOT NULL DEFAULT 'decline' CHECK (on_timeout IN ('decline', 'approve', 'lapse')),
  ADD COLUMN receipt text,
  ADD COLUMN checked_bundle text NOT NULL DEFAULT '',
  ADD CHECK ((assignee IS NULL) = (assigned_until IS NULL)),
  ADD CHECK (hold_expires_at IS NULL OR due_at < hold_expires_at),
  ADD CHECK (escalate_at IS NULL OR escalate_at < due_at),
  ADD CHECK ((kind = 'passed') = (on_timeout = 'lapse'));
DROP INDEX review_case_transfer;
CREATE UNIQUE INDEX review_case_transfer ON review_case (transfer) WHERE state = 'open';
CREATE INDEX review_case_assessment ON review_case (assessment);
CREATE INDEX review_case_queue ON review_case (queue, priority DESC, due_at) WHERE state = 'open';
CREATE INDEX review_case_escalate ON review_case (escalate_at) WHERE state = 'open' AND escalate_at IS NOT NULL;

-- A vote is about one version of the case's facts: what changes them makes it void, and the reviewer may vote again.
ALTER TABLE review_vote ADD COLUMN case_version integer NOT NULL DEFAULT 1;
ALTER TABLE review_vote DROP CONSTRAINT review_vote_pkey, ADD PRIMARY KEY (case_id, case_version, reviewer);

-- What happened to a case, in order. A fact: who did what, and what it was before.
CREATE TABLE case_event (
  case_id text NOT NULL REFERENCES review_case,
  n integer NOT NULL CHECK (n > 0),
  at timestamptz NOT NULL,
  actor text NOT NULL,
  kind text NOT NULL,
  detail json NOT NULL,
  PRIMARY KEY (case_id, n)
);
GRANT SELECT, INSERT ON case_event TO $role;

-- The assessment of a transfer that may pass and is to be looked at later: the case opens when the money has moved.
CREATE TABLE look_later (transfer text PRIMARY KEY, assessment text NOT NULL REFERENCES assessment);
GRANT SELECT, INSERT, DELETE ON look_later TO $role;

ALTER TABLE decision ADD COLUMN case_id text;
CREATE INDEX decision_case ON decision (case_id, received_at);
