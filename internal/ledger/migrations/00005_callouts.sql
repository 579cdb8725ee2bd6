-- +goose Up

-- What people want of single rows that a page has. A call is for the run that had
-- the row then; once that has let it go, it means nothing.
CREATE TABLE callouts (
    upload_id TEXT COLLATE "BINARY" NOT NULL PRIMARY KEY,
    run_id    TEXT COLLATE "BINARY" NOT NULL,
    want      TEXT COLLATE "BINARY" NOT NULL,
    who       TEXT NOT NULL,
    at        BIGINT NOT NULL
);
CREATE INDEX callouts_to ON callouts (run_id);

-- Canceled by a person while nobody had it: no run gets it before it is retried.
ALTER TABLE items ADD COLUMN called_off BOOLEAN NOT NULL DEFAULT FALSE;
