-- name: image
SELECT * FROM labelled_images WHERE image_id = $1;

-- name: newest_images
-- Of the last eight, which search, those of one kind are given at most.
SELECT found.* FROM labelled_images AS found
LEFT JOIN verdicts USING (image_id)
WHERE (found.timestamp, image_id) < ($2, $3) AND found.timestamp >= $4
  AND ($5::text IS NULL OR found.source = $5) AND ($6::text IS NULL OR found.camera_id = $6)
  AND ($7::text IS NULL OR found.label = $7) AND ($8::text IS NULL OR consensus = $8)
  AND ($9::float8 IS NULL OR disagreement >= $9)
  AND ($10::boolean IS NULL OR ($10 AND found.label IS NOT NULL)
       OR (NOT $10 AND found.label IS NULL AND came_with IS NULL))
  AND ($11::uuid IS NULL OR image_id BETWEEN $11 AND $12)
  AND ($13::text IS NULL OR found.source = $13)
  AND ($14::text[] IS NULL OR found.camera_id = ANY ($14))
  AND ($15::text IS NULL OR (came_with = $15 AND found.label = $15))
  AND ($16::text[] IS NULL OR (found.label = ANY ($16) AND image_id = ANY (ARRAY(
      SELECT image_id FROM labels WHERE label = ANY ($16)
  ))))
  AND ($17::text[] IS NULL OR consensus = ANY ($17))
  AND ($18::text[] IS NULL OR (came_with = ANY ($18) AND found.label = came_with))
ORDER BY found.timestamp DESC, image_id DESC
LIMIT $1;

-- name: beginning_with
-- The different cameras, labels and consensuses that there are and that begin with a text, each found in its index.
WITH RECURSIVE cameras AS (
    SELECT min(camera_id) AS value FROM images
    UNION ALL
    SELECT (SELECT min(camera_id) FROM images WHERE camera_id > value) FROM cameras WHERE value IS NOT NULL
), came_with AS (
    SELECT min(label) AS value FROM images
    UNION ALL
    SELECT (SELECT min(label) FROM images WHERE label > value) FROM came_with WHERE value IS NOT NULL
), given AS (
    SELECT min(label) AS value FROM labels
    UNION ALL
    SELECT (SELECT min(label) FROM labels WHERE label > value) FROM given WHERE value IS NOT NULL
), consensus AS (
    SELECT min(consensus) AS value FROM verdicts
    UNION ALL
    SELECT (SELECT min(verdicts.consensus) FROM verdicts WHERE verdicts.consensus > value)
    FROM consensus WHERE value IS NOT NULL
), every AS (
    SELECT 'cameras' AS kind, value FROM cameras
    UNION ALL SELECT 'came_with', value FROM came_with
    UNION ALL SELECT 'given', value FROM given
    UNION ALL SELECT 'consensus', value FROM consensus
)
SELECT kind, value FROM every WHERE lower(value) LIKE lower($1);

-- name: newest_verdicts
SELECT * FROM verdicts
WHERE (timestamp, image_id) < ($2, $3) AND timestamp >= $4
  AND ($5::text IS NULL OR source = $5) AND ($6::text IS NULL OR camera_id = $6)
  AND ($7::text IS NULL OR consensus = $7) AND ($8::float8 IS NULL OR disagreement >= $8)
  AND ($9::boolean IS NULL OR complete = $9)
ORDER BY timestamp DESC, image_id DESC
LIMIT $1;

-- name: newest_predictions
SELECT * FROM predictions
WHERE (timestamp, prediction_id) < ($2, $3) AND timestamp >= $4
  AND ($5::text IS NULL OR model = $5) AND ($6::text IS NULL OR prediction = $6)
  AND ($7::float8 IS NULL OR confidence >= $7) AND ($8::text IS NULL OR run_id = $8)
ORDER BY timestamp DESC, prediction_id DESC
LIMIT $1;

-- name: images_of
SELECT * FROM labelled_images WHERE image_id = ANY ($1::uuid[]);

-- name: live_predictions_of
SELECT * FROM predictions WHERE image_id = ANY ($1::uuid[]) AND run_id = 'live' ORDER BY image_id, model;

-- name: verdicts_of
SELECT * FROM verdicts WHERE image_id = ANY ($1::uuid[]);

-- name: prediction
SELECT * FROM predictions WHERE prediction_id = $1;

-- name: pending_older_than
SELECT * FROM images
WHERE state = 'pending' AND accepted_at < now() - make_interval(secs => $1)
ORDER BY accepted_at
LIMIT $2;

-- name: count_rows
SELECT (SELECT count(*) FROM images) AS accepted,
       (SELECT count(*) FROM images WHERE state = 'pending') AS pending,
       (SELECT count(*) FROM verdicts) AS verdicts,
       (SELECT count(*) FROM labels) AS labels,
       (SELECT count(*) FROM dead_letters) AS dead_letters;

-- name: count_outcomes
SELECT model, outcome, count(*) AS images FROM outcomes WHERE run_id = 'live' GROUP BY model, outcome;
