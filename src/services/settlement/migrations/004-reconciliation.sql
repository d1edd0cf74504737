-- Which account of the member's a line is on, and the member at the other end; what was taken in before does not know.
ALTER TABLE settlement_line ADD COLUMN account text, ADD COLUMN counterparty text;
CREATE INDEX settlement_line_in_order ON settlement_line (member, currency, seq);

-- How far in cash flow's feed a cut-off reaches: said once, for every party, whatever arrives afterwards.
CREATE TABLE cut_off (at timestamptz PRIMARY KEY, through_seq bigint NOT NULL);
CREATE INDEX settlement_line_newest ON settlement_line (seq DESC);

-- How far the batch reaches; null where it was closed by the time of postings.
ALTER TABLE settlement_batch ADD COLUMN through_seq bigint;
ALTER TABLE settlement_batch_state DROP CONSTRAINT settlement_batch_state_state_check;
ALTER TABLE settlement_batch_state ADD CHECK (state IN ('closed', 'paid', 'refused', 'settled', 'returned'));

-- A pain.001 as it was sent. Its id is the message's, under which the bank pays it once.
CREATE TABLE payment_file (
  id text PRIMARY KEY,
  currency text NOT NULL,
  digest text NOT NULL,
  xml bytea NOT NULL,
  state text NOT NULL CHECK (state IN ('pending', 'answered', 'refused')),
  tries integer NOT NULL DEFAULT 0,
  next_try_at timestamptz NOT NULL,
  last_error text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL
);
CREATE INDEX payment_file_pending ON payment_file (next_try_at) WHERE state = 'pending';

-- A batch is paid from each account that money came to. What is not paid in the end is carried into the member's next batch, once.
ALTER TABLE settlement_batch DROP CONSTRAINT settlement_batch_carried_check;
ALTER TABLE payout
  ADD COLUMN member text,
  ADD COLUMN account text,
  ADD COLUMN currency text,
  ADD COLUMN amount numeric(38, 0),
  ADD COLUMN withdrawal text,
  ADD COLUMN file text REFERENCES payment_file,
  ADD COLUMN sent_at timestamptz,
  ADD COLUMN matched_in text,
  ADD COLUMN broken_in text,
  ADD COLUMN missing_in text,
  ADD COLUMN carried_in text REFERENCES settlement_batch;
UPDATE payout SET member = batch.member, currency = batch.currency, amount = batch.carried + batch.gross_in - batch.gross_out - batch.fees
  FROM settlement_batch AS batch WHERE batch.id = payout.batch;
ALTER TABLE payout ALTER COLUMN member SET NOT NULL, ALTER COLUMN currency SET NOT NULL, ALTER COLUMN amount SET NOT NULL;
ALTER TABLE payout DROP CONSTRAINT payout_batch_key, ADD UNIQUE (batch, account);
ALTER TABLE payout DROP CONSTRAINT payout_state_check;
-- What the bank said it had paid before there were files is not waited for on a statement.
UPDATE payout SET state = 'settled' WHERE state = 'paid';
ALTER TABLE payout ADD CHECK (state IN ('pending', 'booked', 'sent', 'paid', 'confirming', 'settled', 'rejecting',
  'refused', 'returning', 'returned'));
DROP INDEX payout_pending;
CREATE INDEX payout_to_book ON payout (next_try_at) WHERE state IN ('pending', 'confirming', 'rejecting', 'returning');
CREATE INDEX payout_to_file ON payout (id) WHERE state = 'booked';
CREATE INDEX payout_of_file ON payout (file) WHERE file IS NOT NULL;
CREATE INDEX payout_to_carry ON payout (member, currency) WHERE state IN ('refused', 'returned') AND carried_in IS NULL;
CREATE INDEX payout_awaited ON payout (currency, id) WHERE state IN ('sent', 'paid');
CREATE INDEX payout_awaited_by ON payout (account, id) WHERE state IN ('sent', 'paid');

-- The bank's record as it came; the same bytes are the same statement.
CREATE TABLE bank_statement (
  id text PRIMARY KEY,
  digest text NOT NULL UNIQUE,
  raw bytea NOT NULL,
  account text NOT NULL,
  name text NOT NULL,
  currency text NOT NULL,
  from_at timestamptz NOT NULL,
  to_at timestamptz NOT NULL,
  opening numeric(38, 0) NOT NULL,
  closing numeric(38, 0) NOT NULL,
  lines bigint NOT NULL,
  follows boolean NOT NULL,
  imported_by text NOT NULL,
  imported_at timestamptz NOT NULL,
  UNIQUE (account, name)
);
-- Compressing tens of megabytes takes longer than all the rest.
ALTER TABLE bank_statement ALTER COLUMN raw SET STORAGE EXTERNAL;

CREATE TABLE statement_line (
  statement text NOT NULL REFERENCES bank_statement,
  number bigint NOT NULL,
  direction text NOT NULL CHECK (direction IN ('debit', 'credit')),
  amount bigint NOT NULL CHECK (amount > 0),
  booked_on text NOT NULL,
  reference text,
  party text,
  returned boolean NOT NULL,
  PRIMARY KEY (statement, number)
);
CREATE INDEX statement_line_by_reference ON statement_line (statement, reference, number);
CREATE INDEX statement_line_by_party ON statement_line (statement, party, number);

-- One for each statement. It goes on from where it is, page by page, whoever does the next one.
CREATE TABLE reconciliation (
  id text PRIMARY KEY,
  statement text NOT NULL UNIQUE REFERENCES bank_statement,
  pass text NOT NULL CHECK (pass IN ('reference', 'party', 'rest', 'missing', 'done')),
  after text NOT NULL,
  matched_lines bigint NOT NULL DEFAULT 0,
  broken_lines bigint NOT NULL DEFAULT 0,
  matched_payouts bigint NOT NULL DEFAULT 0,
  broken_payouts bigint NOT NULL DEFAULT 0,
  started_at timestamptz NOT NULL,
  finished_at timestamptz
);
CREATE INDEX reconciliation_running ON reconciliation (id) WHERE finished_at IS NULL;

CREATE TABLE reconciliation_match (
  id text PRIMARY KEY,
  reconciliation text NOT NULL REFERENCES reconciliation,
  rule text NOT NULL
);

CREATE TABLE reconciliation_break (
  id text PRIMARY KEY,
  reconciliation text NOT NULL REFERENCES reconciliation,
  kind text NOT NULL CHECK (kind IN ('missing', 'unexpected', 'different')),
  currency text NOT NULL,
  expected numeric(38, 0) NOT NULL,
  actual numeric(38, 0) NOT NULL,
  reference text,
  opened_at timestamptz NOT NULL,
  open boolean NOT NULL DEFAULT true
);
CREATE INDEX reconciliation_break_open ON reconciliation_break (currency) WHERE open;

-- What a line of a statement came to: a line is in one match or in one break.
CREATE TABLE line_result (
  statement text NOT NULL,
  number bigint NOT NULL,
  match text REFERENCES reconciliation_match,
  break text REFERENCES reconciliation_break,
  PRIMARY KEY (statement, number),
  FOREIGN KEY (statement, number) REFERENCES statement_line,
  CHECK ((match IS NULL) <> (break IS NULL))
);
CREATE INDEX line_result_of_break ON line_result (break) WHERE break IS NOT NULL;
CREATE INDEX payout_of_break ON payout (broken_in) WHERE broken_in IS NOT NULL;
CREATE INDEX payout_missing ON payout (missing_in) WHERE missing_in IS NOT NULL;

-- Each thing that happened to a break; the newest says how it stands.
CREATE TABLE break_step (
  break text NOT NULL REFERENCES reconciliation_break,
  version bigint NOT NULL CHECK (version > 0),
  state text NOT NULL CHECK (state IN ('open', 'proposed', 'resolved')),
  owner text NOT NULL,
  resolution text CHECK (resolution IN ('write_off', 'give_back', 'explained', 'arrived_later')),
  actor text NOT NULL,
  reason text NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (break, version)
);

GRANT SELECT, INSERT ON cut_off, bank_statement, statement_line, reconciliation_match, line_result, break_step TO $role;
GRANT SELECT, INSERT, UPDATE ON payment_file, reconciliation, reconciliation_break TO $role;
