-- +goose Up
-- A digest of why an item failed, numbers and names aside, so that failures of one cause
-- are counted and found together.
ALTER TABLE items ADD COLUMN cause TEXT COLLATE "BINARY" NOT NULL DEFAULT '';
CREATE INDEX items_failed_for ON items (batch, account, kind, cause, line) WHERE phase = 'failed';
-- By what people look for an item, beside its IDs: digests of its source and of the
-- products and files that its fields name. Rows that come together have a bucket
-- together: digests scatter, and one index for all would be rewritten all over with each
-- commit.
CREATE TABLE terms (
    bucket    BIGINT NOT NULL,
    term      BIGINT NOT NULL,
    upload_id TEXT COLLATE "BINARY" NOT NULL
);
CREATE INDEX terms_in_bucket ON terms (bucket, term);
-- Batches whose reports could not be written when they ended.
CREATE TABLE failed_reports (
    batch   TEXT COLLATE "BINARY" NOT NULL PRIMARY KEY,
    at      BIGINT NOT NULL,
    because TEXT NOT NULL -- sealed
);
-- The oldest schema that a program must know to work with this one. A migration that
-- older programs do not survive raises it.
CREATE TABLE compatibility (
    id     BIGINT NOT NULL PRIMARY KEY, -- 1
    oldest BIGINT NOT NULL
);
INSERT INTO compatibility (id, oldest) VALUES (1, 1);
