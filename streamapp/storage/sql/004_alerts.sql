-- What was wrong, since when, until when. There is one open alert of a rule and a subject at most, whoever saw it first.
CREATE TABLE alerts (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule           text NOT NULL,
    subject        text NOT NULL,
    text           text NOT NULL,
    value          double precision NOT NULL,
    "limit"        double precision NOT NULL,
    fired_at       timestamptz NOT NULL DEFAULT now(),
    resolved_at    timestamptz,
    resolved_value double precision
);
CREATE UNIQUE INDEX alerts_open ON alerts (rule, subject) WHERE resolved_at IS NULL;
CREATE INDEX alerts_changed ON alerts ((coalesce(resolved_at, fired_at)) DESC);

-- The newest image of each camera is found without reading the others.
CREATE INDEX images_of_cameras ON images (camera_id, timestamp DESC) WHERE camera_id IS NOT NULL;
