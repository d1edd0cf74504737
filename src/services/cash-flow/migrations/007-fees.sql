-- What a transfer costs its payer beside its amount, and the version of the product that says so. On the transfer itself, since it is
-- reserved, posted and released with it: a transfer with legs has none of its own, each leg has.
ALTER TABLE transfer ADD COLUMN fee bigint CHECK (fee > 0);
ALTER TABLE transfer ADD COLUMN fee_product text;
ALTER TABLE transfer ADD COLUMN fee_version bigint CHECK (fee_version > 0);
ALTER TABLE transfer ADD CONSTRAINT transfer_fee_whole
  CHECK ((fee IS NULL) = (fee_product IS NULL) AND (fee IS NULL) = (fee_version IS NULL));
