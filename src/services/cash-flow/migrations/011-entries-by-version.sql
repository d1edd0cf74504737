-- Versions of an account go on in time, so an entry of a time is found by its version: an index by time costs each entry as much as
-- its row.
DROP INDEX entry_account_recorded_at_version_idx;
