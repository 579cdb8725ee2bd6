-- +goose Up
-- What people did with single items: who, when and why.
CREATE TABLE item_events (
    upload_id TEXT COLLATE "BINARY" NOT NULL,
    n         BIGINT NOT NULL,
    at        BIGINT NOT NULL,
    what      TEXT COLLATE "BINARY" NOT NULL,
    who       TEXT NOT NULL, -- sealed
    because   TEXT NOT NULL, -- sealed
    detail    TEXT NOT NULL, -- sealed
    PRIMARY KEY (upload_id, n)
);
-- Lists of batches, newest first, and of those that have not ended.
CREATE INDEX batches_by_time ON batches (created_at, id);
CREATE INDEX batches_open ON batches (state) WHERE state NOT IN ('completed', 'canceled');
-- Rows that did not end well, in the order of their manifest. They are few, and rows that
-- end well never enter it.
CREATE INDEX items_ended_badly ON items (batch, phase, line, upload_id) WHERE phase IN ('failed', 'canceled', 'unconfirmed');
-- What a person who has only the vendor's name for a medium looks for.
CREATE INDEX items_of_media ON items (media_id) WHERE media_id <> '';
