-- Rows arrive in any order (each topic is read on its own), so no table refers to another by a foreign key.

CREATE TABLE images (
    image_id     uuid PRIMARY KEY,
    minio_path   text NOT NULL,
    timestamp    timestamptz NOT NULL,
    source       text NOT NULL,
    camera_id    text,
    label        text,
    content_type text NOT NULL,
    sha256       text NOT NULL,
    width        integer,
    height       integer,
    size_bytes   bigint,
    state        text NOT NULL CHECK (state IN ('pending', 'published')),
    accepted_at  timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz
);
CREATE INDEX images_newest ON images (timestamp DESC, image_id DESC);
CREATE INDEX images_pending ON images (accepted_at) WHERE state = 'pending';

-- One row per image, model and run: what the model made of it. A dead or shed one has no prediction columns.
CREATE TABLE outcomes (
    image_id      uuid NOT NULL,
    model         text NOT NULL,
    run_id        text NOT NULL,
    outcome       text NOT NULL CHECK (outcome IN ('predicted', 'dead', 'shed')),
    prediction_id uuid UNIQUE,
    model_version text,
    trained       boolean,
    prediction    text,
    confidence    double precision,
    top_k         jsonb,
    timestamp     timestamptz NOT NULL,
    source        text,
    camera_id     text,
    label         text,
    queue_ms      double precision,
    fetch_ms      double precision,
    preprocess_ms double precision,
    lane_ms       double precision,
    inference_ms  double precision,
    total_ms      double precision,
    lane          text,
    reason        text,
    error         text,
    recorded_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (image_id, model, run_id),
    CHECK (outcome <> 'predicted' OR (prediction_id, model_version, prediction, confidence, top_k) IS NOT NULL)
);
CREATE INDEX outcomes_newest ON outcomes (model, timestamp DESC);

CREATE VIEW predictions AS
SELECT prediction_id, image_id, model, model_version, trained, run_id, prediction, confidence, top_k, timestamp,
       source, camera_id, label, queue_ms, fetch_ms, preprocess_ms, lane_ms, inference_ms, total_ms, lane, recorded_at
FROM outcomes
WHERE outcome = 'predicted';

CREATE TABLE verdicts (
    image_id            uuid PRIMARY KEY,
    timestamp           timestamptz NOT NULL,
    expected            integer NOT NULL,
    answers             integer NOT NULL,
    complete            boolean NOT NULL,
    fastest             text,
    most_confident      text,
    consensus           text,
    agreement           double precision NOT NULL,
    ensemble            text,
    ensemble_confidence double precision,
    disagreement        double precision NOT NULL,
    source              text NOT NULL,
    camera_id           text,
    label               text,
    dead                jsonb NOT NULL,
    recorded_at         timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX verdicts_newest ON verdicts (timestamp DESC, image_id DESC);

-- Every label that was ever given; the newest one counts.
CREATE TABLE labels (
    image_id    uuid NOT NULL,
    timestamp   timestamptz NOT NULL,
    by          text NOT NULL,
    label       text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (image_id, timestamp, by)
);

-- Images with the label that counts now: a person's newest one, else the one that came along.
CREATE VIEW labelled_images AS
SELECT image_id, minio_path, timestamp, source, camera_id, coalesce(given.label, images.label) AS label, content_type,
       sha256, width, height, size_bytes, state
FROM images
LEFT JOIN LATERAL (
    SELECT label FROM labels WHERE labels.image_id = images.image_id ORDER BY timestamp DESC, by LIMIT 1
) AS given ON true;

CREATE TABLE dead_letters (
    "group"     text NOT NULL,
    topic       text NOT NULL,
    partition   integer NOT NULL,
    "offset"    bigint NOT NULL,
    image_id    uuid,
    model       text,
    run_id      text NOT NULL,
    stage       text NOT NULL,
    reason      text NOT NULL,
    error       text NOT NULL,
    value       bytea NOT NULL,
    timestamp   timestamptz NOT NULL,
    status      text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'retried', 'discarded')),
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY ("group", topic, partition, "offset")
);
CREATE INDEX dead_letters_newest ON dead_letters (timestamp DESC);
CREATE INDEX dead_letters_image ON dead_letters (image_id) WHERE image_id IS NOT NULL;
