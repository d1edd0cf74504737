-- Since when nothing sent to an endpoint was taken, and since when nothing is sent there.
ALTER TABLE webhook_endpoint ADD failing_since timestamptz, ADD disabled_at timestamptz;
GRANT UPDATE (secret, failing_since, disabled_at) ON webhook_endpoint TO $role;

-- Secrets that were replaced, which go on signing for a while beside the new one.
CREATE TABLE webhook_old_secret (
  endpoint text NOT NULL REFERENCES webhook_endpoint ON DELETE CASCADE,
  secret text NOT NULL,
  until timestamptz NOT NULL,
  PRIMARY KEY (endpoint, secret)
);
GRANT SELECT, INSERT, DELETE ON webhook_old_secret TO $role;
