-- To whom, and from which device: what is counted beside the member. Null of what was stored before.
ALTER TABLE assessment ADD COLUMN payee text;
ALTER TABLE assessment ADD COLUMN device text;
CREATE INDEX assessment_payee ON assessment (payee, at) INCLUDE (member);
CREATE INDEX assessment_device ON assessment (device, at) INCLUDE (member) WHERE device IS NOT NULL;
CREATE INDEX assessment_member_payee ON assessment (member, payee, at);
