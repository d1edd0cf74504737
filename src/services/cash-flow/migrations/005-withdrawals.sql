-- Money that goes outside is in transit until the bank has confirmed or returned it: once, by key.
ALTER TABLE transfer DROP CONSTRAINT transfer_kind_check;
ALTER TABLE transfer ADD CONSTRAINT transfer_kind_check
  CHECK (kind IN ('transfer', 'deposit', 'reversal', 'withdrawal', 'confirmation', 'return'));

CREATE TABLE withdrawal_end (
  withdrawal text PRIMARY KEY REFERENCES transfer,
  transfer text NOT NULL UNIQUE REFERENCES transfer,
  outcome text NOT NULL CHECK (outcome IN ('confirmed', 'returned'))
);

-- Withdrawals that have not ended. A list of work to do.
CREATE TABLE in_transit (withdrawal text PRIMARY KEY REFERENCES transfer, at timestamptz NOT NULL);
CREATE INDEX in_transit_by_time ON in_transit (at, withdrawal);

GRANT SELECT, INSERT ON withdrawal_end TO $role;
GRANT SELECT, INSERT, DELETE ON in_transit TO $role;
