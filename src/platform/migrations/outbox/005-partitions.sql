-- To how many partitions of the log outside events go; null: none has gone yet.
ALTER TABLE event_publisher ADD partitions integer;
