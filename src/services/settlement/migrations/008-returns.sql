-- Returns are matched after all that was paid; what a file was booked for, after what was booked for one payout.
ALTER TABLE reconciliation DROP CONSTRAINT reconciliation_pass_check,
  ADD CHECK (pass IN ('reference', 'file', 'party', 'return', 'rest', 'missing', 'done'));
ALTER TABLE reconciliation_break DROP CONSTRAINT reconciliation_break_kind_check,
  ADD CHECK (kind IN ('missing', 'unexpected', 'different', 'returned'));
-- The payout that a `returned` break is about.
CREATE INDEX reconciliation_break_of_return ON reconciliation_break (reference) WHERE reference IS NOT NULL;
-- What came back of a payout, where two people gave back less than was paid.
ALTER TABLE payout ADD COLUMN came_back numeric(38, 0) CHECK (came_back > 0 AND came_back <= amount);
