-- When money counts as moved, where that is earlier than when it was recorded; null: they are the same. Few entries have one, so the
-- index has few rows, and what was effective by a time is what was recorded by then and these.
ALTER TABLE entry ADD COLUMN effective_at timestamptz CHECK (effective_at < recorded_at);
CREATE INDEX entry_backdated ON entry (account, effective_at, version) WHERE effective_at IS NOT NULL;
ALTER TABLE transfer ADD COLUMN effective_at timestamptz CHECK (effective_at < created_at);
ALTER TABLE crossing ADD COLUMN effective_at timestamptz;
