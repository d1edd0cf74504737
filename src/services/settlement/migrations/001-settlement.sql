-- What a transfer gave one member or took from one, as told by cash flow's feed. `seq` is the event's place in that feed.
CREATE TABLE settlement_line (
  seq bigint NOT NULL,
  direction text NOT NULL CHECK (direction IN ('in', 'out')),
  member text NOT NULL,
  currency text NOT NULL,
  amount bigint NOT NULL CHECK (amount > 0),
  transfer text NOT NULL,
  kind text NOT NULL,
  posted_at timestamptz NOT NULL,
  PRIMARY KEY (seq, direction)
);
CREATE INDEX settlement_line_of_member ON settlement_line (member, currency, posted_at);

-- The row that two closings of one member's currency wait for; it carries nothing else.
CREATE TABLE settlement_party (member text, currency text, PRIMARY KEY (member, currency));

CREATE TABLE settlement_batch (
  id text PRIMARY KEY,
  member text NOT NULL,
  currency text NOT NULL,
  cut_off timestamptz NOT NULL,
  -- The newest posting that had arrived, and how far the feed was taken in.
  through timestamptz,
  through_seq bigint NOT NULL,
  lines bigint NOT NULL,
  gross_in numeric(38, 0) NOT NULL,
  gross_out numeric(38, 0) NOT NULL,
  closed_at timestamptz NOT NULL,
  UNIQUE (member, currency, cut_off)
);

-- A line is in one batch at most.
CREATE TABLE settlement_batch_line (
  seq bigint NOT NULL,
  direction text NOT NULL,
  batch text NOT NULL REFERENCES settlement_batch,
  PRIMARY KEY (seq, direction),
  FOREIGN KEY (seq, direction) REFERENCES settlement_line
);

-- The newest version is the state that a batch is in.
CREATE TABLE settlement_batch_state (
  batch text NOT NULL REFERENCES settlement_batch,
  version bigint NOT NULL CHECK (version > 0),
  state text NOT NULL CHECK (state IN ('closed', 'paid', 'refused')),
  recorded_at timestamptz NOT NULL,
  PRIMARY KEY (batch, version)
);

-- What the bank is asked to pay, until it has an answer.
CREATE TABLE payout (
  id text PRIMARY KEY,
  batch text NOT NULL UNIQUE REFERENCES settlement_batch,
  state text NOT NULL CHECK (state IN ('pending', 'paid', 'refused')),
  tries integer NOT NULL DEFAULT 0,
  next_try_at timestamptz NOT NULL,
  last_error text NOT NULL DEFAULT ''
);
CREATE INDEX payout_pending ON payout (next_try_at) WHERE state = 'pending';

GRANT SELECT, INSERT ON settlement_line, settlement_batch, settlement_batch_line, settlement_batch_state TO $role;
GRANT SELECT, INSERT, UPDATE ON settlement_party, payout TO $role;
