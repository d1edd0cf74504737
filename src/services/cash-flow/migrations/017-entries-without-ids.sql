-- An entry's id follows from its account and its version, and is not kept. Those that were kept are as they were.
ALTER TABLE entry ALTER id DROP NOT NULL;
