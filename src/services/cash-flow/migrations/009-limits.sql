-- The version of the payer's product that a transfer was judged by; null: older, or a transfer with legs, of which each has its own.
ALTER TABLE transfer ADD COLUMN product_version bigint CHECK (product_version > 0);

-- What transfers have taken of an account in a day and in a month, since the first of each; null: no transfer was counted yet. The
-- check is a backstop behind the model: to meet it is a bug of ours.
ALTER TABLE balance ADD COLUMN day_from timestamptz, ADD COLUMN day_spent bigint CHECK (day_spent >= 0),
  ADD COLUMN month_from timestamptz, ADD COLUMN month_spent bigint CHECK (month_spent >= 0),
  ADD CONSTRAINT spent_whole CHECK (num_nulls(day_from, day_spent, month_from, month_spent) IN (0, 4));
