-- +goose Up

-- Times are microseconds since 1970; 0 is no time. Texts that are not known are
-- empty. Everything that names something sorts by its bytes.

-- One row for each upload.
CREATE TABLE items (
    upload_id        TEXT COLLATE "BINARY" NOT NULL PRIMARY KEY,
    batch            TEXT COLLATE "BINARY" NOT NULL,
    line             BIGINT NOT NULL,
    account          TEXT COLLATE "BINARY" NOT NULL,
    vendor           TEXT COLLATE "BINARY" NOT NULL,
    queue            TEXT COLLATE "BINARY" NOT NULL, -- of the workers that can read the source
    state            TEXT COLLATE "BINARY" NOT NULL,
    -- The state, but for those of items at work, which are one phase. Steps of an
    -- item that change no indexed column leave all indexes alone.
    phase            TEXT COLLATE "BINARY" NOT NULL,
    paused           BOOLEAN NOT NULL,
    kind             TEXT COLLATE "BINARY" NOT NULL, -- of the failure
    media_id         TEXT COLLATE "BINARY" NOT NULL,
    definition       TEXT COLLATE "BINARY" NOT NULL,
    declared         TEXT COLLATE "BINARY" NOT NULL, -- digest of account, declared SHA-256 and fields
    fingerprint      TEXT COLLATE "BINARY" NOT NULL, -- of the content
    workflow_id      TEXT COLLATE "BINARY" NOT NULL, -- of the run that holds the item
    run_id           TEXT COLLATE "BINARY" NOT NULL,
    cluster          TEXT COLLATE "BINARY" NOT NULL, -- the ID of the Temporal cluster of that run
    namespace        TEXT COLLATE "BINARY" NOT NULL, -- in that cluster
    runs             BIGINT NOT NULL,                -- claims granted so far
    again            BOOLEAN NOT NULL,               -- the claim was to repeat what was ready
    took_over        TEXT COLLATE "BINARY" NOT NULL, -- the run from which the claim was taken
    former_run       TEXT COLLATE "BINARY" NOT NULL DEFAULT '', -- the run from which the item was taken and given to nobody
    barred           BOOLEAN NOT NULL DEFAULT FALSE, -- canceled while no run held it: no claim is granted before a retry
    detached         BOOLEAN NOT NULL DEFAULT FALSE, -- has, or is to get, a workflow of its own
    detached_because TEXT NOT NULL DEFAULT '',
    serial_key       TEXT COLLATE "BINARY" NOT NULL, -- items with the same key are sent one at a time
    serial_last      BOOLEAN NOT NULL,               -- acquires the key after all others
    size             BIGINT NOT NULL,
    bytes_sent       BIGINT NOT NULL,
    started_at       BIGINT NOT NULL,
    queued_at        BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL,
    item             BYTEA NOT NULL,                 -- sealed JSON
    result           TEXT NOT NULL                   -- JSON, without what the columns hold
);

-- Reports, in the order of the manifest.
CREATE INDEX items_in_batch ON items (batch, line, upload_id);
-- Lists, newest first.
CREATE INDEX items_by_time ON items (queued_at, upload_id);
CREATE INDEX items_of_account ON items (account, queued_at, upload_id);
-- Most items are ready, and nobody looks for those by their state.
CREATE INDEX items_not_ready ON items (phase, queued_at, upload_id) WHERE phase <> 'ready';
-- Shards are cut and run from here; what has ended is not in the way.
CREATE INDEX items_open ON items (batch, account, queue, line)
    WHERE phase IN ('waiting', 'work');
-- What may be retried, and the first example of each failure.
CREATE INDEX items_given_up ON items (batch, phase, account, kind, line) WHERE phase IN ('failed', 'canceled');
-- What was delivered before.
CREATE INDEX items_delivered ON items (definition) WHERE phase = 'ready';
CREATE INDEX items_declared ON items (declared) WHERE phase = 'ready' AND declared <> '';
CREATE INDEX items_of_serial_key ON items (serial_key) WHERE serial_key <> '';

-- How far items are between two steps. Items that are ready have no progress: in a
-- table of its own its rows stay few, and those of items stay small.
CREATE TABLE progress (
    upload_id TEXT COLLATE "BINARY" NOT NULL PRIMARY KEY,
    version   BIGINT NOT NULL, -- of the progress, one more with each save
    progress  BYTEA NOT NULL   -- sealed JSON
);

-- Parts of multipart sessions that the store acknowledged, of items that run.
CREATE TABLE parts (
    upload_id   TEXT COLLATE "BINARY" NOT NULL,
    session     TEXT COLLATE "BINARY" NOT NULL,
    number      BIGINT NOT NULL,
    fingerprint TEXT NOT NULL, -- of the source whose bytes they are
    part        TEXT NOT NULL, -- JSON
    kept_at     BIGINT NOT NULL,
    PRIMARY KEY (upload_id, session, number)
);

-- What people want of single rows that a shard holds. A request is for the run that
-- held the row then; once that has released it, the request means nothing.
CREATE TABLE detach_requests (
    upload_id TEXT COLLATE "BINARY" NOT NULL PRIMARY KEY,
    run_id    TEXT COLLATE "BINARY" NOT NULL,
    want      TEXT COLLATE "BINARY" NOT NULL,
    who       TEXT NOT NULL,
    at        BIGINT NOT NULL
);
CREATE INDEX detach_requests_of_run ON detach_requests (run_id);

-- Who holds a serial key.
CREATE TABLE serial_locks (
    serial_key TEXT COLLATE "BINARY" NOT NULL PRIMARY KEY,
    upload_id  TEXT COLLATE "BINARY" NOT NULL,
    run_id     TEXT COLLATE "BINARY" NOT NULL,
    since      BIGINT NOT NULL
);

-- The items, counted; kept in the transactions that change them: an index that
-- holds states, sizes and bytes would be rewritten with every step of every item.
CREATE TABLE tallies (
    batch      TEXT COLLATE "BINARY" NOT NULL,
    account    TEXT COLLATE "BINARY" NOT NULL,
    vendor     TEXT COLLATE "BINARY" NOT NULL,
    queue      TEXT COLLATE "BINARY" NOT NULL,
    state      TEXT COLLATE "BINARY" NOT NULL,
    kind       TEXT COLLATE "BINARY" NOT NULL,
    items      BIGINT NOT NULL,
    paused     BIGINT NOT NULL,
    size       BIGINT NOT NULL,
    bytes_sent BIGINT NOT NULL,
    PRIMARY KEY (batch, account, vendor, queue, state, kind)
);

-- Items of batches that ended, by stretches of time.
CREATE TABLE ticks (
    batch      TEXT COLLATE "BINARY" NOT NULL,
    at         BIGINT NOT NULL,
    account    TEXT COLLATE "BINARY" NOT NULL,
    state      TEXT COLLATE "BINARY" NOT NULL,
    items      BIGINT NOT NULL,
    bytes_sent BIGINT NOT NULL,
    PRIMARY KEY (batch, at, account, state)
);

CREATE TABLE batches (
    id            TEXT COLLATE "BINARY" NOT NULL PRIMARY KEY,
    manifest      TEXT NOT NULL,
    digest        TEXT COLLATE "BINARY" NOT NULL,
    definition    TEXT COLLATE "BINARY" NOT NULL,
    total         BIGINT NOT NULL,
    state         TEXT COLLATE "BINARY" NOT NULL,
    paused        BOOLEAN NOT NULL,
    because       TEXT NOT NULL,
    limits        TEXT NOT NULL, -- JSON
    canary        BIGINT NOT NULL,
    canary_passed BOOLEAN NOT NULL,
    baseline      TEXT NOT NULL, -- JSON: failures that were known and accepted, by kind
    who           TEXT NOT NULL,
    created_at    BIGINT NOT NULL,
    started_at    BIGINT NOT NULL,
    finished_at   BIGINT NOT NULL
);

CREATE TABLE batch_events (
    batch   TEXT COLLATE "BINARY" NOT NULL,
    n       BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    what    TEXT COLLATE "BINARY" NOT NULL,
    who     TEXT NOT NULL,
    because TEXT NOT NULL,
    detail  TEXT NOT NULL,
    PRIMARY KEY (batch, n)
);

CREATE TABLE accounts (
    name            TEXT COLLATE "BINARY" NOT NULL PRIMARY KEY,
    paused          BOOLEAN NOT NULL,
    because         TEXT NOT NULL,
    who             TEXT NOT NULL,
    since           BIGINT NOT NULL,
    key_fingerprint TEXT COLLATE "BINARY" NOT NULL,
    key_changed_at  BIGINT NOT NULL
);

CREATE TABLE account_events (
    account TEXT COLLATE "BINARY" NOT NULL,
    at      BIGINT NOT NULL,
    paused  BOOLEAN NOT NULL,
    because TEXT NOT NULL,
    who     TEXT NOT NULL
);
CREATE INDEX account_events_of ON account_events (account, at);

-- Moments of permits are nanoseconds since 1970, for rates that divide no
-- microsecond; rates are requests per second.
CREATE TABLE permits (
    account         TEXT COLLATE "BINARY" NOT NULL PRIMARY KEY,
    earned          BIGINT NOT NULL, -- when all permits given out so far are earned
    slow_until      BIGINT NOT NULL,
    rate            DOUBLE PRECISION NOT NULL DEFAULT 0, -- as it was last asked with; 0: none
    pace            DOUBLE PRECISION NOT NULL DEFAULT 0, -- to which it was cut; 0: it is not
    pace_top        DOUBLE PRECISION NOT NULL DEFAULT 0, -- at which the pace is dropped, where there is no rate
    cut_at          BIGINT NOT NULL DEFAULT 0,
    paced_at        BIGINT NOT NULL DEFAULT 0,           -- since when it recovers
    slowdowns       BIGINT NOT NULL DEFAULT 0,           -- ever
    second          BIGINT NOT NULL DEFAULT 0,           -- since 1970, of the latest request
    requests        BIGINT NOT NULL DEFAULT 0,           -- within that second
    requests_before BIGINT NOT NULL DEFAULT 0            -- within the one before
);

CREATE TABLE counters (
    account    TEXT COLLATE "BINARY" NOT NULL,
    name       TEXT COLLATE "BINARY" NOT NULL,
    started_at BIGINT NOT NULL,
    used       BIGINT NOT NULL,
    PRIMARY KEY (account, name)
);

CREATE TABLE tokens (
    account     TEXT COLLATE "BINARY" NOT NULL,
    name        TEXT COLLATE "BINARY" NOT NULL,
    value       BYTEA, -- sealed; null where there is none
    expires_at  BIGINT NOT NULL,
    version     BIGINT NOT NULL,
    lease_owner TEXT COLLATE "BINARY" NOT NULL,
    lease_until BIGINT NOT NULL,
    PRIMARY KEY (account, name)
);

CREATE TABLE workers (
    id      TEXT COLLATE "BINARY" NOT NULL PRIMARY KEY,
    seen_at BIGINT NOT NULL,
    info    TEXT NOT NULL -- JSON
);
