-- The store itself refuses what is not a member: the API's schema is one careless route away from it.
ALTER TABLE record_version ADD CONSTRAINT is_member CHECK (
  kind = 'member' AND id LIKE 'mem\_%' AND data ?& ARRAY['name', 'country']
);

-- How many events a member has. Its row lock gives a member's events numbers without gaps, in commit order, and lets one
-- registration of an endpoint at a time count the others.
CREATE TABLE member_head (member text PRIMARY KEY, sequence bigint NOT NULL);

-- What happened to a member, for ever, numbered from 1.
CREATE TABLE member_event (
  member text NOT NULL,
  sequence bigint NOT NULL CHECK (sequence > 0),
  id text NOT NULL,
  type text NOT NULL,
  at timestamptz NOT NULL,
  data jsonb NOT NULL,
  PRIMARY KEY (member, sequence),
  UNIQUE (member, id)
);

-- Where a member wants to be told. An endpoint never changes: another URL is another endpoint with another secret.
CREATE TABLE webhook_endpoint (
  id text PRIMARY KEY,
  member text NOT NULL,
  url text NOT NULL,
  events text[] NOT NULL,
  secret text NOT NULL,
  created_at timestamptz NOT NULL
);
CREATE INDEX webhook_endpoint_member ON webhook_endpoint (member, id);

GRANT SELECT, INSERT, UPDATE ON member_head TO $role;
GRANT SELECT, INSERT ON member_event TO $role;
GRANT SELECT, INSERT, DELETE ON webhook_endpoint TO $role;
