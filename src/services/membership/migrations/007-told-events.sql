-- What happened is kept once, however many members it concerns, as the text that it was told in: nothing here looks into it. What a
-- member has of it is its number among the member's.
-- Another process may tell of something meanwhile: what it adds behind the copy would be lost with the columns.
LOCK TABLE member_event IN ACCESS EXCLUSIVE MODE;
CREATE TABLE told_event (
  id text COLLATE "C" PRIMARY KEY,
  type text NOT NULL,
  at timestamptz NOT NULL,
  data json NOT NULL
);
INSERT INTO told_event (id, type, at, data) SELECT DISTINCT ON (id) id, type, at, data::json FROM member_event ORDER BY id;

-- That an event is told once is seen to where it is kept. Ids are compared byte by byte: no language has an order for them.
ALTER TABLE member_event DROP CONSTRAINT member_event_member_id_key, DROP COLUMN type, DROP COLUMN at, DROP COLUMN data,
  ALTER member TYPE text COLLATE "C", ALTER id TYPE text COLLATE "C";
ALTER TABLE member_head ALTER member TYPE text COLLATE "C";

GRANT SELECT, INSERT ON told_event TO $role;
