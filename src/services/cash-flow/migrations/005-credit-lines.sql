-- How far below zero an account may go: each version is a fact. `after_version` is the account's when it was set: what came
-- later was decided by it. `balance.overdraft` is the newest one.
CREATE TABLE credit_line (
  account text NOT NULL REFERENCES account,
  version bigint NOT NULL CHECK (version > 0),
  amount bigint NOT NULL CHECK (amount >= 0),
  reason text NOT NULL,
  set_by text NOT NULL,
  after_version bigint NOT NULL CHECK (after_version >= 0),
  at timestamptz NOT NULL,
  PRIMARY KEY (account, version)
);
GRANT SELECT, INSERT ON credit_line TO $role;

-- A line may be lowered below what is used of it, so the backstop is the largest line that the account ever had.
ALTER TABLE balance ADD COLUMN overdraft_max bigint NOT NULL DEFAULT 0 CHECK (overdraft_max >= 0);
ALTER TABLE balance DROP CONSTRAINT not_below_floor;
ALTER TABLE balance ADD CONSTRAINT not_below_floor CHECK (overdraft IS NULL OR posted - pending >= -overdraft_max);
