-- +goose Up
-- With which key what has to be found again is hashed, sealed. One row, from the first
-- such value on. It never changes, whatever key seals it.
CREATE TABLE digest_key (
    id    BIGINT NOT NULL PRIMARY KEY, -- 1
    value BYTEA NOT NULL
);
-- The task queues that items name by their digests.
CREATE TABLE queues (
    digest TEXT COLLATE "BINARY" NOT NULL PRIMARY KEY,
    queue  TEXT NOT NULL -- sealed
);
-- The fingerprint itself, sealed; the column of that name has its digest.
ALTER TABLE items ADD COLUMN content TEXT NOT NULL DEFAULT '';
-- Of what a decision says, to find that it was put down before.
ALTER TABLE batch_events ADD COLUMN digest TEXT COLLATE "BINARY" NOT NULL DEFAULT '';
