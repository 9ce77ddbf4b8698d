-- name: begin
INSERT INTO runs (run_id, models, source, first_at, first_image, last_at, last_image, images)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (run_id) DO NOTHING;

-- name: finish
UPDATE runs SET finished_at = now() WHERE run_id = $1;

-- name: run
SELECT * FROM runs WHERE run_id = $1;

-- name: runs
SELECT runs.*,
       (SELECT count(*) FROM outcomes WHERE outcomes.run_id = runs.run_id AND outcome = 'predicted') AS predicted,
       (SELECT count(*) FROM outcomes WHERE outcomes.run_id = runs.run_id AND outcome = 'dead') AS dead
FROM runs ORDER BY started_at DESC, run_id LIMIT $1;

-- name: place_of
SELECT timestamp, image_id FROM images WHERE image_id = $1;

-- name: place_at
-- Where a topic was made anew, the same offset comes again: the newest image has it.
SELECT timestamp, image_id FROM images WHERE partition = $1 AND "offset" = $2
ORDER BY timestamp DESC, image_id DESC LIMIT 1;

-- name: count_chosen
SELECT count(*) FROM images
WHERE (timestamp, image_id) BETWEEN ($1, $2) AND ($3, $4) AND ($5::text IS NULL OR source = $5)
  AND state = 'published';

-- name: count_to_do
SELECT count(*) FROM images
WHERE (timestamp, image_id) BETWEEN ($1, $2) AND ($3, $4) AND ($5::text IS NULL OR source = $5)
  AND state = 'published' AND NOT EXISTS (
    SELECT FROM outcomes
    WHERE outcomes.image_id = images.image_id AND model = $6 AND run_id = $7 AND outcome = 'predicted'
);

-- name: to_do
SELECT * FROM images
WHERE (timestamp, image_id) BETWEEN ($1, $2) AND ($3, $4) AND ($5::text IS NULL OR source = $5)
  AND state = 'published' AND ($8::timestamptz IS NULL OR (timestamp, image_id) > ($8, $9::uuid)) AND NOT EXISTS (
    SELECT FROM outcomes
    WHERE outcomes.image_id = images.image_id AND model = $6 AND run_id = $7 AND outcome = 'predicted'
)
ORDER BY timestamp, image_id
LIMIT $10;

-- name: compare
-- Accuracy counts what was labelled, by a person's newest label or by the one that came along, and trained weights.
SELECT count(*) FILTER (WHERE run.outcome = 'predicted') AS predicted,
       count(*) FILTER (WHERE run.outcome = 'dead') AS dead,
       count(*) FILTER (WHERE run.outcome = 'predicted' AND live.outcome = 'predicted') AS compared,
       count(*) FILTER (WHERE run.prediction = live.prediction) AS agreed,
       count(images.label) FILTER (WHERE run.trained) AS labelled,
       count(*) FILTER (WHERE run.trained AND run.prediction = images.label) AS correct,
       count(images.label) FILTER (WHERE live.trained) AS live_labelled,
       count(*) FILTER (WHERE live.trained AND live.prediction = images.label) AS live_correct,
       min(run.model_version) AS model_version
FROM outcomes AS run
JOIN labelled_images AS images ON images.image_id = run.image_id
LEFT JOIN outcomes AS live ON live.image_id = run.image_id AND live.model = run.model AND live.run_id = 'live'
WHERE run.run_id = $1 AND run.model = $2;
