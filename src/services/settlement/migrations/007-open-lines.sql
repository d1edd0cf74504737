-- Lines that no batch has: what is to be closed is found without looking through all that was. One that arrives behind the last
-- cut-off, from a dead letter, is in the next batch; so is what was left behind that way before.
CREATE TABLE open_line (
  seq bigint NOT NULL,
  direction text NOT NULL,
  member text NOT NULL,
  currency text NOT NULL,
  posted_at timestamptz NOT NULL,
  PRIMARY KEY (seq, direction),
  FOREIGN KEY (seq, direction) REFERENCES settlement_line
);
CREATE INDEX open_line_of_member ON open_line (member, currency, seq);
INSERT INTO open_line (seq, direction, member, currency, posted_at)
SELECT seq, direction, member, currency, posted_at FROM settlement_line AS line
WHERE NOT EXISTS (
  SELECT FROM settlement_batch_line AS taken WHERE taken.seq = line.seq AND taken.direction = line.direction);

GRANT SELECT, INSERT, DELETE ON open_line TO $role;
