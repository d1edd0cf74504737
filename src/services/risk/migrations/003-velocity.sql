-- The row that two decisions on one member wait for, so that each counts the one before; it carries nothing else.
CREATE TABLE member_lock (member text PRIMARY KEY);
GRANT SELECT, INSERT, UPDATE ON member_lock TO $role;

CREATE INDEX review_case_approved ON review_case (maker, closed_at) WHERE state = 'approved';
