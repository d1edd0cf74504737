-- What is carried of earlier batches is a payout of its own, beside the one of what came to the same account since.
ALTER TABLE payout ADD COLUMN carried boolean NOT NULL DEFAULT false;
ALTER TABLE payout DROP CONSTRAINT payout_batch_account_key, ADD UNIQUE (batch, account, carried);
