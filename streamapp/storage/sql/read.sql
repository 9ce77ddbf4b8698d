-- name: image
SELECT * FROM labelled_images WHERE image_id = $1;

-- name: newest_images
SELECT labelled_images.* FROM labelled_images
LEFT JOIN verdicts USING (image_id)
WHERE (labelled_images.timestamp, image_id) < ($2, $3) AND labelled_images.timestamp >= $4
  AND ($5::text IS NULL OR labelled_images.source = $5) AND ($6::text IS NULL OR labelled_images.camera_id = $6)
  AND ($7::text IS NULL OR labelled_images.label = $7) AND ($8::text IS NULL OR verdicts.consensus = $8)
  AND ($9::float8 IS NULL OR verdicts.disagreement >= $9)
ORDER BY labelled_images.timestamp DESC, image_id DESC
LIMIT $1;

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
