-- A transfer may have legs, each a transfer of its own with `part_of`: they are posted together or not at all. Its own ends are
-- those of the first leg, its amount what the legs come to; a hold, its resolution and a crossing are had by the whole.
ALTER TABLE transfer ADD COLUMN legs smallint CHECK (legs > 0);
