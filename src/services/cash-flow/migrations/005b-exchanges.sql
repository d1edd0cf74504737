-- Two transfers through the bank's own accounts in both currencies, and a third for what rounding cut off; they share `part_of`.
ALTER TABLE transfer DROP CONSTRAINT transfer_kind_check;
ALTER TABLE transfer ADD CONSTRAINT transfer_kind_check
  CHECK (kind IN ('transfer', 'deposit', 'reversal', 'withdrawal', 'confirmation', 'return', 'exchange'));
ALTER TABLE transfer ADD COLUMN part_of text;

CREATE TABLE exchange (
  id text PRIMARY KEY,
  paid text NOT NULL UNIQUE REFERENCES transfer,
  received text NOT NULL UNIQUE REFERENCES transfer,
  rounding text UNIQUE REFERENCES transfer,
  rate text NOT NULL,
  rate_version bigint NOT NULL CHECK (rate_version > 0),
  at timestamptz NOT NULL
);
GRANT SELECT, INSERT ON exchange TO $role;
