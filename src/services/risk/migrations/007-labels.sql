-- What became known of a transfer after it was assessed: a fact, and there may be several, the last one holds.
CREATE TABLE assessment_label (
  assessment text NOT NULL REFERENCES assessment,
  n integer NOT NULL CHECK (n > 0),
  label text NOT NULL CHECK (label IN ('confirmed_fraud', 'chargeback', 'false_alarm')),
  at timestamptz NOT NULL,
  actor text NOT NULL,
  note text NOT NULL,
  PRIMARY KEY (assessment, n)
);
GRANT SELECT, INSERT ON assessment_label TO $role;

CREATE INDEX assessment_at ON assessment (at, id);
CREATE INDEX review_case_payee ON review_case ((facts ->> 'to')) WHERE state = 'open';
