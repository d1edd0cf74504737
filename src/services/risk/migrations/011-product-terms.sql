-- The newest version of each product that the product service has told of. Cases say under which version they were looked at.
CREATE TABLE product_terms (product text PRIMARY KEY, version integer NOT NULL);
GRANT SELECT, INSERT, UPDATE ON product_terms TO $role;
