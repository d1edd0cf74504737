-- What a transfer cost the member who paid it, beside its amount; and what a batch's transfers cost in all.
ALTER TABLE settlement_line ADD COLUMN fee bigint CHECK (fee IS NULL OR (fee > 0 AND direction = 'out'));
ALTER TABLE settlement_batch ADD COLUMN fees numeric(38, 0) NOT NULL DEFAULT 0 CHECK (fees >= 0);
