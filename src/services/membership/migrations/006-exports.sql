-- What is held on a person, gathered from every service a page at a time. The row is the operation: `steps` are to be taken, of which
-- `step` is the next one, from `cursor` on. Who asked for it and why stays; its parts do not.
CREATE TABLE person_export (
  id text PRIMARY KEY,
  member text NOT NULL,
  audience text NOT NULL CHECK (audience IN ('member', 'operator')),
  requested_by text NOT NULL,
  reason text,
  requested_at timestamptz NOT NULL,
  state text NOT NULL CHECK (state IN ('running', 'ready', 'failed', 'expired', 'destroyed')),
  key_of text NOT NULL, -- whose key seals the parts: the member's, or one of its own where the member's is destroyed
  steps jsonb,
  heads jsonb,
  step integer NOT NULL DEFAULT 0,
  cursor text,
  parts integer NOT NULL DEFAULT 0,
  head text,
  items jsonb NOT NULL DEFAULT '{}',
  seal text,
  tries integer NOT NULL DEFAULT 0,
  next_try_at timestamptz NOT NULL,
  last_error text,
  ended_at timestamptz,
  expires_at timestamptz,
  CHECK ((audience = 'operator') <= (reason IS NOT NULL)),
  CHECK ((state = 'running') = (ended_at IS NULL)),
  CHECK ((state = 'ready') <= (seal IS NOT NULL AND expires_at IS NOT NULL))
);
CREATE UNIQUE INDEX person_export_running ON person_export (member, audience) WHERE state = 'running';
CREATE INDEX person_export_due ON person_export (next_try_at) WHERE state = 'running';
CREATE INDEX person_export_over ON person_export (expires_at) WHERE state = 'ready';
CREATE INDEX person_export_of_member ON person_export (member, id);

-- Parts in their order, each sealed by the key that the export names: destroyed with it, in every backup.
CREATE TABLE person_export_part (
  export text NOT NULL REFERENCES person_export,
  number integer NOT NULL CHECK (number > 0),
  iv text NOT NULL,
  text text NOT NULL, -- gzipped, then sealed
  PRIMARY KEY (export, number)
);
ALTER TABLE person_export_part ALTER text SET STORAGE EXTERNAL;

GRANT SELECT, INSERT, UPDATE ON person_export TO $role;
GRANT SELECT, INSERT, DELETE ON person_export_part TO $role;
