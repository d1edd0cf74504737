-- Every version of every record, for ever; nothing is updated or deleted. The newest version is the record.
CREATE TABLE record_version (
  kind text NOT NULL,
  id text NOT NULL,
  version bigint NOT NULL CHECK (version > 0),
  data jsonb NOT NULL,
  rollback_of bigint,
  actor text NOT NULL,
  recorded_at timestamptz NOT NULL,
  PRIMARY KEY (kind, id, version)
);
GRANT SELECT, INSERT ON record_version TO $role;
