-- Each member's own key, wrapped by a key-encryption key from a file. Apart from the records it opens, so that it can be kept,
-- backed up and destroyed by itself: docs/personal-data.md.
CREATE TABLE member_key (
  member text PRIMARY KEY,
  kek text NOT NULL, -- the name of the key that wraps it
  wrapped text NOT NULL,
  made_at timestamptz NOT NULL
);
CREATE INDEX member_key_by_kek ON member_key (kek);

-- Whose key was destroyed, when, by whom and why.
CREATE TABLE member_erasure (
  member text PRIMARY KEY,
  at timestamptz NOT NULL,
  actor text NOT NULL,
  reason text NOT NULL
);

-- What was written before members had keys. The service seals it when it starts, and empties the table; it adds nothing.
ALTER TABLE record_version RENAME TO record_version_plain;
ALTER TABLE record_version_plain RENAME CONSTRAINT record_version_pkey TO record_version_plain_pkey;
REVOKE INSERT ON record_version_plain FROM $role;

CREATE TABLE record_version (LIKE record_version_plain INCLUDING DEFAULTS,
  PRIMARY KEY (kind, id, version),
  CHECK (version > 0),
  -- The store itself refuses what is not a member, and a member that is not sealed.
  CONSTRAINT is_member CHECK (kind = 'member' AND id LIKE 'mem\_%'),
  CONSTRAINT is_sealed CHECK (data ?& ARRAY['iv', 'text'] AND data - ARRAY['iv', 'text'] = '{}')
);

GRANT SELECT, INSERT ON record_version TO $role;
GRANT SELECT, DELETE, TRUNCATE ON record_version_plain TO $role;
GRANT SELECT, INSERT, UPDATE, DELETE ON member_key TO $role;
GRANT SELECT, INSERT ON member_erasure TO $role;
