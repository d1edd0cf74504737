-- How far the outbox was taken to a log outside, and which process does it until when.
CREATE TABLE event_publisher (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  seq bigint NOT NULL,
  holder text NOT NULL,
  until timestamptz NOT NULL
);
INSERT INTO event_publisher (seq, holder, until) VALUES (0, '', '1970-01-01T00:00:00Z');
GRANT SELECT, UPDATE ON event_publisher TO $role;
