-- Statements say the same again and again. What was taken in before is kept as it came.
ALTER TABLE bank_statement ADD COLUMN gzipped boolean NOT NULL DEFAULT false;
ALTER TABLE bank_statement ALTER COLUMN raw SET STORAGE EXTERNAL;
