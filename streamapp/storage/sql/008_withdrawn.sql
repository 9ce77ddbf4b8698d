-- A label that is null takes back those before it, so that the one that came with the image counts again.
ALTER TABLE labels ALTER COLUMN label DROP NOT NULL;
