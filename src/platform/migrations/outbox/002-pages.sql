-- Events by the page: a page holds those up to number `last`, as many as it has, as a JSON array: as it is, or compressed
-- (zstd) where it is long. One row and one key for a hundred events, not a hundred of each.
CREATE TABLE outbox_page (last bigint PRIMARY KEY, events bytea NOT NULL);
ALTER TABLE outbox_page ALTER events SET STORAGE EXTERNAL; -- compressed already
INSERT INTO outbox_page (last, events)
  SELECT seq, convert_to(json_build_array(json_build_object('id', id, 'type', type, 'subject', subject, 'members', members,
    'at', (extract(epoch FROM at) * 1000)::bigint, 'data', data))::text, 'UTF8')
  FROM outbox;
DROP TABLE outbox;
ALTER TABLE outbox_page RENAME TO outbox;
ALTER INDEX outbox_page_pkey RENAME TO outbox_pkey;
GRANT SELECT, INSERT ON outbox TO $role;
