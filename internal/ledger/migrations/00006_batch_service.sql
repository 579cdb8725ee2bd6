-- +goose Up
-- The Temporal service that was to run a batch when its rows were all there. Its rows say
-- which one did, from the first claim on.
ALTER TABLE batches ADD COLUMN cluster TEXT NOT NULL DEFAULT '';
ALTER TABLE batches ADD COLUMN namespace TEXT NOT NULL DEFAULT '';
