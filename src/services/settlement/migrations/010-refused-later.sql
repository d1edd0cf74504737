-- What was missing on a statement, and was then refused by the bank, is resolved by that.
ALTER TABLE break_step DROP CONSTRAINT break_step_resolution_check,
  ADD CHECK (resolution IN ('write_off', 'give_back', 'explained', 'arrived_later', 'refused_later'));
-- When a payout came to where it is, for what is carried at a cut-off: `next_try_at` says so once nothing is tried any more.
DROP INDEX payout_to_carry;
CREATE INDEX payout_to_carry ON payout (member, currency, next_try_at) WHERE state IN ('refused', 'returned') AND carried_in IS NULL;
