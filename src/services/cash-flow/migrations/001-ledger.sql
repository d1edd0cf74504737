-- Facts (account, transfer, entry, hold_resolution, reversal, operation, operation_state, answer) can be added to, never
-- changed: the role has no UPDATE or DELETE on them. `balance` is what their sums come to, kept with each change; `hold_timer`
-- and `accepted_command` are lists of work to do.
CREATE TABLE account (
  id text PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('member', 'clearing')),
  member text,
  product text,
  currency text NOT NULL,
  opened_at timestamptz NOT NULL,
  CHECK ((kind = 'member') = (member IS NOT NULL AND product IS NOT NULL))
);

-- `pending` is what open holds reserve. The check is a backstop behind the model: to meet it is a bug of ours.
CREATE TABLE balance (
  account text PRIMARY KEY REFERENCES account,
  version bigint NOT NULL DEFAULT 0,
  posted bigint NOT NULL DEFAULT 0,
  pending bigint NOT NULL DEFAULT 0 CHECK (pending >= 0),
  overdraft bigint CHECK (overdraft >= 0),
  CONSTRAINT not_below_floor CHECK (overdraft IS NULL OR posted - pending >= -overdraft)
) WITH (fillfactor = 70);

CREATE TABLE transfer (
  id text PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('transfer', 'deposit', 'reversal')),
  debit text NOT NULL REFERENCES account,
  credit text NOT NULL REFERENCES account,
  currency text NOT NULL,
  amount bigint NOT NULL CHECK (amount > 0),
  reference text NOT NULL,
  maker text NOT NULL,
  operation text,
  assessment text,
  receipt text,
  held_by text CHECK (held_by IN ('review', 'member')),
  expires_at timestamptz,
  reverses text REFERENCES transfer,
  created_at timestamptz NOT NULL,
  CHECK (debit <> credit),
  CHECK ((held_by IS NULL) = (expires_at IS NULL))
);

-- A hold resolves at most once, and a transfer is reversed at most once: by key.
CREATE TABLE hold_resolution (
  hold text PRIMARY KEY REFERENCES transfer,
  outcome text NOT NULL CHECK (outcome IN ('captured', 'declined', 'expired', 'voided')),
  captured bigint NOT NULL CHECK (captured >= 0),
  resolved_by text NOT NULL,
  resolved_at timestamptz NOT NULL,
  CHECK ((outcome = 'captured') = (captured > 0))
);

CREATE TABLE reversal (
  original text PRIMARY KEY REFERENCES transfer,
  transfer text NOT NULL UNIQUE REFERENCES transfer
);

-- Each version of an account has exactly one entry, with the balances after it.
CREATE TABLE entry (
  account text NOT NULL REFERENCES account,
  version bigint NOT NULL CHECK (version > 0),
  id text NOT NULL UNIQUE,
  transfer text NOT NULL REFERENCES transfer,
  phase text NOT NULL CHECK (phase IN ('reserve', 'post', 'release')),
  direction text NOT NULL CHECK (direction IN ('debit', 'credit')),
  amount bigint NOT NULL CHECK (amount > 0),
  posted bigint NOT NULL,
  pending bigint NOT NULL,
  recorded_at timestamptz NOT NULL,
  PRIMARY KEY (account, version)
);
CREATE INDEX entry_by_time ON entry (account, recorded_at, version);

CREATE TABLE operation (
  id text PRIMARY KEY,
  owner text NOT NULL,
  key text NOT NULL,
  member text NOT NULL,
  transfer text NOT NULL,
  created_at timestamptz NOT NULL,
  UNIQUE (owner, key)
);

CREATE TABLE operation_state (
  operation text NOT NULL REFERENCES operation,
  version bigint NOT NULL CHECK (version > 0),
  state text NOT NULL CHECK (state IN ('running', 'held', 'succeeded', 'failed')),
  reason text,
  at timestamptz NOT NULL,
  PRIMARY KEY (operation, version),
  CHECK ((state = 'failed') = (reason IS NOT NULL))
);

-- The first answer to each Idempotency-Key, in the transaction of its effect.
CREATE TABLE answer (
  owner text NOT NULL,
  key text NOT NULL,
  request_digest text NOT NULL,
  answer json NOT NULL, -- byte for byte the first answer: jsonb would order its keys anew
  at timestamptz NOT NULL,
  PRIMARY KEY (owner, key)
);

CREATE TABLE hold_timer (hold text PRIMARY KEY REFERENCES transfer, expires_at timestamptz NOT NULL);
CREATE INDEX hold_timer_by_time ON hold_timer (expires_at);

CREATE TABLE accepted_command (operation text PRIMARY KEY REFERENCES operation, command jsonb NOT NULL, at timestamptz NOT NULL);
CREATE INDEX accepted_command_by_time ON accepted_command (at);

GRANT SELECT, INSERT ON account, transfer, hold_resolution, reversal, entry, operation, operation_state, answer TO $role;
GRANT SELECT, INSERT, UPDATE ON balance TO $role;
GRANT SELECT, INSERT, DELETE ON hold_timer, accepted_command TO $role;

-- Where money of each currency comes from: no member's, and without a floor.
INSERT INTO account (id, kind, currency, opened_at)
  SELECT 'acc_external_' || lower(code), 'clearing', code, now()
  FROM unnest(ARRAY['CNY', 'EUR', 'GBP', 'HKD', 'JPY', 'KRW', 'KWD', 'SGD', 'USD']) AS code;
INSERT INTO balance (account) SELECT id FROM account;
