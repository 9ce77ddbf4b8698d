-- Where an image's message lies on its topic, as the recorder has read it: a model owes an outcome for what comes after
-- its starting point. Images from before there was a ledger are outside of it.
ALTER TABLE images
    ADD COLUMN partition   integer,
    ADD COLUMN "offset"    bigint,
    ADD COLUMN recorded_at timestamptz;
UPDATE images SET partition = -1, "offset" = -1, recorded_at = now() WHERE state = 'published';
CREATE INDEX images_unrecorded ON images (accepted_at) WHERE partition IS NULL;

-- From which offset on a model owes an outcome for every image. There is a second row for a partition only where the
-- topic was made anew: the first one then holds for what was recorded until that moment.
CREATE TABLE ledger_starts (
    model     text NOT NULL,
    partition integer NOT NULL,
    "offset"  bigint NOT NULL,
    since     timestamptz NOT NULL,
    until     timestamptz NOT NULL DEFAULT 'infinity',
    PRIMARY KEY (model, partition, since)
);
CREATE UNIQUE INDEX ledger_starts_current ON ledger_starts (model, partition) WHERE until = 'infinity';

ALTER TABLE verdicts ADD COLUMN shed jsonb NOT NULL DEFAULT '[]';

ALTER TABLE dead_letters
    ADD COLUMN id         bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    ADD COLUMN tries      integer NOT NULL DEFAULT 1,
    ADD COLUMN settled_at timestamptz;
CREATE INDEX dead_letters_open ON dead_letters (id) WHERE status = 'open';

-- Replays: which part of history, both ends included, was sent through which models again, with which weights.
CREATE TABLE runs (
    run_id      text PRIMARY KEY CHECK (run_id <> 'live'),
    models      jsonb NOT NULL,
    source      text,
    first_at    timestamptz NOT NULL,
    first_image uuid NOT NULL,
    last_at     timestamptz NOT NULL,
    last_image  uuid NOT NULL,
    images      bigint NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
CREATE INDEX outcomes_of_runs ON outcomes (run_id, model) WHERE run_id <> 'live';
