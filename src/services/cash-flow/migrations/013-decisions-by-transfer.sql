-- What was decided is taken out by its transfer.
CREATE INDEX decision_transfer_idx ON decision (transfer);
