-- What the batch before came to below zero, and so was not paid: it counts against this one.
ALTER TABLE settlement_batch ADD COLUMN carried numeric(38, 0) NOT NULL DEFAULT 0 CHECK (carried <= 0);
ALTER TABLE settlement_batch DROP COLUMN through_seq;
