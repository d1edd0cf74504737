-- What the bank told before the day's statement, as it came, gzipped.
CREATE TABLE bank_notification (
  id text PRIMARY KEY,
  digest text NOT NULL UNIQUE,
  raw bytea NOT NULL,
  account text NOT NULL,
  name text NOT NULL,
  lines bigint NOT NULL,
  paid bigint NOT NULL DEFAULT 0,
  returned bigint NOT NULL DEFAULT 0,
  imported_by text NOT NULL,
  imported_at timestamptz NOT NULL
);
ALTER TABLE bank_notification ALTER COLUMN raw SET STORAGE EXTERNAL;

-- Which notification told of a payout first, and which match of a statement says that it was given back.
ALTER TABLE payout ADD COLUMN told_in text REFERENCES bank_notification, ADD COLUMN return_in text;
-- A statement still has to tell of what a notification told of.
DROP INDEX payout_awaited;
DROP INDEX payout_awaited_by;
CREATE INDEX payout_untold ON payout (currency, id) WHERE matched_in IS NULL AND broken_in IS NULL;
CREATE INDEX payout_untold_by ON payout (account, id) WHERE matched_in IS NULL AND broken_in IS NULL;

GRANT SELECT, INSERT, UPDATE ON bank_notification TO $role;
