-- Events of a feed whose effect failed again and again, and those of the same subject behind them: an operator has them taken
-- again (`asked`, then `taken` or `dead` once more), or gives them up.
CREATE TABLE dead_letter (
  feed text NOT NULL,
  seq bigint NOT NULL,
  subject text NOT NULL,
  event jsonb NOT NULL,
  state text NOT NULL CHECK (state IN ('dead', 'asked', 'taken', 'given_up')),
  error text NOT NULL,
  tries integer NOT NULL,
  at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  changed_by text,
  PRIMARY KEY (feed, seq)
);
CREATE INDEX dead_letter_waiting ON dead_letter (feed, subject, seq) WHERE state IN ('dead', 'asked');
GRANT SELECT, INSERT, UPDATE ON dead_letter TO $role;
