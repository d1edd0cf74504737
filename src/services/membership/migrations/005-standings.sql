-- Beside what tells of a person, each member has a standing: status, level and kind, kept in every version and in the clear, since
-- others decide by it. The two have one id; a member has the first version of both from the same transaction on.
ALTER TABLE record_version DROP CONSTRAINT is_member, DROP CONSTRAINT is_sealed,
  ADD CONSTRAINT is_member CHECK (kind IN ('member', 'standing') AND id LIKE 'mem\_%'),
  ADD CONSTRAINT is_sealed CHECK (
    kind <> 'member' OR (data ?& ARRAY['iv', 'text'] AND data - ARRAY['iv', 'text'] = '{}')),
  ADD CONSTRAINT is_standing CHECK (kind <> 'standing' OR data ?& ARRAY['status', 'level', 'kind', 'reason']);

INSERT INTO record_version (kind, id, version, data, rollback_of, actor, recorded_at)
  SELECT 'standing', id, 1, '{"status": "active", "level": 0, "kind": "person", "reason": "as every member begins"}', NULL, actor, recorded_at
  FROM (SELECT id, actor, recorded_at FROM record_version WHERE kind = 'member' AND version = 1
        UNION ALL SELECT id, actor, recorded_at FROM record_version_plain WHERE version = 1) AS member;

-- Few were ever anything but active: whoever starts to follow reads those alone.
CREATE INDEX standing_not_active ON record_version (id) WHERE kind = 'standing' AND data ->> 'status' <> 'active';
