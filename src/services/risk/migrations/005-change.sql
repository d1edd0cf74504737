-- What would have let a transfer pass, where its rule tells that: a retry gets it again.
ALTER TABLE assessment ADD COLUMN change text;
