-- What a review decided is carried out within the trace of whoever decided, where one is kept.
ALTER TABLE decision ADD COLUMN trace jsonb;
