-- A signed message to an endpoint, until it was taken. Messages of one endpoint leave in the order of `sequence`.
CREATE TABLE delivery (
  id text PRIMARY KEY,
  endpoint text NOT NULL,
  sequence bigint NOT NULL,
  body text NOT NULL,
  state text NOT NULL CHECK (state IN ('pending', 'delivered', 'abandoned')),
  tries integer NOT NULL DEFAULT 0,
  next_try_at timestamptz NOT NULL,
  last_error text,
  created_at timestamptz NOT NULL,
  UNIQUE (endpoint, sequence)
);
CREATE INDEX delivery_pending ON delivery (endpoint, sequence) WHERE state = 'pending';
GRANT SELECT, INSERT, UPDATE ON delivery TO $role;
