-- +goose Up

-- The state, but for those of items at work, which are one phase. Steps of an
-- item that change no indexed column leave all indexes alone.
ALTER TABLE items ADD COLUMN phase TEXT COLLATE "BINARY" NOT NULL DEFAULT '';
UPDATE items SET phase = CASE WHEN state IN ('preparing', 'transferring', 'completing', 'processing') THEN 'work' ELSE state END;
ALTER TABLE items ADD COLUMN vendor TEXT COLLATE "BINARY" NOT NULL DEFAULT '';
ALTER TABLE items ADD COLUMN queue TEXT COLLATE "BINARY" NOT NULL DEFAULT '';   -- of those who can read the source
ALTER TABLE items ADD COLUMN declared TEXT COLLATE "BINARY" NOT NULL DEFAULT ''; -- digest of account, declared SHA-256 and fields
ALTER TABLE items ADD COLUMN alone BOOLEAN NOT NULL DEFAULT FALSE;              -- has, or is to get, a workflow of its own
ALTER TABLE items ADD COLUMN because_alone TEXT NOT NULL DEFAULT '';
ALTER TABLE items ADD COLUMN left_by TEXT COLLATE "BINARY" NOT NULL DEFAULT ''; -- the run from which the item was taken and given to nobody

-- What adds up is counted in tallies from now on: an index that holds states,
-- sizes and bytes is rewritten with every step of every item.
DROP INDEX items_tally;
DROP INDEX items_not_ready;
-- Most items are ready, and nobody looks for those by their state.
CREATE INDEX items_not_ready ON items (phase, queued_at, upload_id) WHERE phase <> 'ready';
-- Pages are cut and carried from here; what has ended is not in the way.
CREATE INDEX items_open ON items (batch, account, queue, line)
    WHERE phase IN ('waiting', 'work');
-- What may be retried, and the first example of each failure.
CREATE INDEX items_given_up ON items (batch, phase, account, kind, line) WHERE phase IN ('failed', 'canceled');
-- What was delivered before.
CREATE INDEX items_delivered ON items (definition) WHERE phase = 'ready';
CREATE INDEX items_declared ON items (declared) WHERE phase = 'ready' AND declared <> '';

-- How far packed items are between two steps. Only items under way have a leg:
-- in a table of their own the legs stay few, and the rows of items stay small.
CREATE TABLE legs (
    upload_id TEXT COLLATE "BINARY" NOT NULL PRIMARY KEY,
    leg       BYTEA NOT NULL -- sealed JSON
);

-- The items, counted; kept in the transactions that change them.
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
INSERT INTO tallies (batch, account, vendor, queue, state, kind, items, paused, size, bytes_sent)
SELECT batch, account, vendor, queue, state, kind, COUNT(*), CAST(SUM(CASE WHEN paused THEN 1 ELSE 0 END) AS BIGINT),
    CAST(SUM(size) AS BIGINT), CAST(SUM(bytes_sent) AS BIGINT)
FROM items GROUP BY batch, account, vendor, queue, state, kind;

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
    limits        TEXT NOT NULL,    -- JSON
    canary        BIGINT NOT NULL,
    canary_passed BOOLEAN NOT NULL,
    baseline      TEXT NOT NULL,    -- JSON: failures that were known and accepted, by kind
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

-- Moments of permits are nanoseconds, as before; rates are requests per second.
ALTER TABLE permits ADD COLUMN rate DOUBLE PRECISION NOT NULL DEFAULT 0;     -- as it was last asked with; 0: none
ALTER TABLE permits ADD COLUMN pace DOUBLE PRECISION NOT NULL DEFAULT 0;     -- to which it was cut; 0: it is not
ALTER TABLE permits ADD COLUMN pace_top DOUBLE PRECISION NOT NULL DEFAULT 0; -- at which the pace is dropped, where there is no rate
ALTER TABLE permits ADD COLUMN cut_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE permits ADD COLUMN paced_at BIGINT NOT NULL DEFAULT 0;           -- since when it recovers
ALTER TABLE permits ADD COLUMN slowdowns BIGINT NOT NULL DEFAULT 0;          -- ever
ALTER TABLE permits ADD COLUMN second BIGINT NOT NULL DEFAULT 0;             -- since 1970, of the latest request
ALTER TABLE permits ADD COLUMN requests BIGINT NOT NULL DEFAULT 0;           -- within that second
ALTER TABLE permits ADD COLUMN requests_before BIGINT NOT NULL DEFAULT 0;    -- within the one before
