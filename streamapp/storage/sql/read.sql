-- name: image
SELECT * FROM labelled_images WHERE image_id = $1;

-- name: newest_images
SELECT * FROM labelled_images ORDER BY timestamp DESC, image_id DESC LIMIT $1;

-- name: newest_images_before
SELECT * FROM labelled_images
WHERE (timestamp, image_id) < ($2, $3)
ORDER BY timestamp DESC, image_id DESC
LIMIT $1;

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
