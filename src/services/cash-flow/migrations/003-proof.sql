-- From an entry to the record that wrote it: both have the time of their batch. An index is written once for a batch; the
-- record's number in every entry would be written for each, and would be missing in those that are there.
CREATE INDEX journal_by_time ON journal (shard, at);
