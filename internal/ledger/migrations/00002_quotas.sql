-- +goose Up
-- How often vendors say that accounts may be used. Some ledgers of version 1 have it.
CREATE TABLE IF NOT EXISTS quotas (
    account         TEXT COLLATE "BINARY" NOT NULL PRIMARY KEY,
    key_fingerprint TEXT COLLATE "BINARY" NOT NULL, -- of the credentials to which it was said
    told            TEXT NOT NULL -- JSON
);
