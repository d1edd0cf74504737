-- The store itself refuses what is not a product: the API's schema is one careless route away from it.
ALTER TABLE record_version ADD CONSTRAINT is_product CHECK (
  kind = 'product' AND id LIKE 'prd\_%' AND data ?& ARRAY['name', 'currency', 'fee']
);
