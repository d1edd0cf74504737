-- What is held on a person is looked for by member: accounts, and the operations that are rows of their own.
CREATE INDEX account_of_member ON account (member, id) WHERE member IS NOT NULL;
CREATE INDEX operation_of_member ON operation (member, id);
