-- Events leave in the order of `seq`. A sequence is not commit order, so the number is taken from `outbox_head` under its
-- row lock, as the last thing a transaction does.
CREATE TABLE outbox_head (one boolean PRIMARY KEY DEFAULT true CHECK (one), seq bigint NOT NULL);
INSERT INTO outbox_head (seq) VALUES (0);

CREATE TABLE outbox (
  seq bigint PRIMARY KEY,
  id text NOT NULL UNIQUE,
  type text NOT NULL,
  subject text NOT NULL,
  members text[] NOT NULL,
  at timestamptz NOT NULL,
  data jsonb NOT NULL
);

-- How far this service has taken in each feed it reads; moved in the transaction of the effect.
CREATE TABLE feed_offset (feed text PRIMARY KEY, seq bigint NOT NULL);

GRANT SELECT, INSERT ON outbox TO $role;
GRANT SELECT, UPDATE ON outbox_head TO $role;
GRANT SELECT, INSERT, UPDATE ON feed_offset TO $role;
