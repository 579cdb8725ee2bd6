-- +goose Up

-- Times are microseconds since 1970; 0 is no time. Texts that are not known are
-- empty. Everything that names something sorts by its bytes.
CREATE TABLE items (
    upload_id   TEXT COLLATE "BINARY" NOT NULL PRIMARY KEY,
    batch       TEXT COLLATE "BINARY" NOT NULL,
    line        BIGINT NOT NULL,
    account     TEXT COLLATE "BINARY" NOT NULL,
    state       TEXT COLLATE "BINARY" NOT NULL,
    paused      BOOLEAN NOT NULL,
    kind        TEXT COLLATE "BINARY" NOT NULL, -- of the failure
    media_id    TEXT COLLATE "BINARY" NOT NULL,
    definition  TEXT COLLATE "BINARY" NOT NULL,
    fingerprint TEXT COLLATE "BINARY" NOT NULL, -- of the content
    workflow_id TEXT COLLATE "BINARY" NOT NULL, -- of the run that has the claim
    run_id      TEXT COLLATE "BINARY" NOT NULL,
    runs        BIGINT NOT NULL,                -- claims granted so far
    again       BOOLEAN NOT NULL,               -- the claim was to repeat what was ready
    took_over   TEXT COLLATE "BINARY" NOT NULL, -- the run from which the claim was taken
    lane        TEXT COLLATE "BINARY" NOT NULL,
    lane_last   BOOLEAN NOT NULL,               -- enters the lane after all others
    size        BIGINT NOT NULL,
    bytes_sent  BIGINT NOT NULL,
    started_at  BIGINT NOT NULL,
    queued_at   BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    item        BYTEA NOT NULL,                 -- sealed JSON
    result      TEXT NOT NULL                   -- JSON, without what the columns tell
);

-- Reports, in the order of the manifest.
CREATE INDEX items_in_batch ON items (batch, line, upload_id);
-- Lists, newest first.
CREATE INDEX items_by_time ON items (queued_at, upload_id);
CREATE INDEX items_of_account ON items (account, queued_at, upload_id);
-- Most items are ready, and nobody looks for those by their state.
CREATE INDEX items_not_ready ON items (state, queued_at, upload_id) WHERE state <> 'ready';
CREATE INDEX items_in_lane ON items (lane) WHERE lane <> '';
-- All that a summary adds up, so that it reads no row.
CREATE INDEX items_tally ON items (batch, state, account, kind, line, paused, size, bytes_sent);
