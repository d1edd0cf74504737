-- What passed without an answer of the fraud provider. These rows are the account of its budget: what is stored is spent,
-- once for each member and Idempotency-Key, and whoever changes the limits finds spent what was spent before.
ALTER TABLE assessment ADD COLUMN unchecked boolean NOT NULL DEFAULT false
  CHECK (NOT unchecked OR outcome IN ('accept', 'review'));
CREATE INDEX assessment_unchecked ON assessment (at) INCLUDE (currency, minor) WHERE unchecked;

-- The row that two decisions on one budget wait for, so that each counts the one before; it carries nothing else.
CREATE TABLE budget_lock (callee text PRIMARY KEY);
GRANT SELECT, INSERT, UPDATE ON budget_lock TO $role;

-- What the caller is told of a rejection, and what the upstream is told of a transfer that passes: a retry gets it again.
ALTER TABLE assessment ADD COLUMN remedy text;
ALTER TABLE assessment ADD COLUMN tells text NOT NULL DEFAULT 'why' CHECK (tells IN ('nothing', 'why', 'change'));
ALTER TABLE assessment ADD COLUMN tags jsonb NOT NULL DEFAULT '[]';
