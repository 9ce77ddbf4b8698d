-- name: close_start
-- The topic ends before the start: it is another one than it was.
UPDATE ledger_starts SET until = now()
WHERE model = $1 AND partition = $2 AND "offset" > $3 AND until = 'infinity';

-- name: insert_start
INSERT INTO ledger_starts (model, partition, "offset", since)
SELECT $1::text, $2::integer, $3::bigint,
       CASE WHEN EXISTS (SELECT FROM ledger_starts WHERE model = $1 AND partition = $2)
            THEN now() ELSE '-infinity'::timestamptz END
ON CONFLICT DO NOTHING;

-- name: starts
SELECT partition, "offset" FROM ledger_starts WHERE model = $1 AND until = 'infinity';

-- name: count_accepted
SELECT starts.model, count(*) AS images
FROM ledger_starts AS starts
JOIN images ON images.partition = starts.partition AND images."offset" >= starts."offset"
           AND images.recorded_at >= starts.since AND images.recorded_at < starts.until
WHERE starts.model = ANY ($1::text[])
GROUP BY starts.model;

-- name: count_outcomes
-- All that are stored; those of images that are not; those that the model owes.
SELECT outcomes.model, outcomes.outcome, count(*) AS stored,
       count(*) FILTER (WHERE images.image_id IS NULL) AS strangers,
       count(starts.model) AS owed
FROM outcomes
LEFT JOIN images ON images.image_id = outcomes.image_id
LEFT JOIN ledger_starts AS starts
       ON starts.model = outcomes.model AND starts.partition = images.partition
      AND images."offset" >= starts."offset"
      AND images.recorded_at >= starts.since AND images.recorded_at < starts.until
WHERE outcomes.run_id = 'live' AND outcomes.model = ANY ($1::text[])
GROUP BY outcomes.model, outcomes.outcome;

-- name: owed
SELECT images.image_id
FROM ledger_starts AS starts
JOIN images ON images.partition = starts.partition AND images."offset" >= starts."offset"
           AND images.recorded_at >= starts.since AND images.recorded_at < starts.until
WHERE starts.model = $1 AND NOT EXISTS (
    SELECT FROM outcomes
    WHERE outcomes.image_id = images.image_id AND outcomes.model = starts.model AND outcomes.run_id = 'live'
)
ORDER BY images.recorded_at, images.image_id
LIMIT $2;

-- name: count_images
SELECT (SELECT count(*) FROM images) AS accepted,
       (SELECT count(*) FROM images WHERE partition IS NULL AND state = 'pending') AS pending,
       (SELECT count(*) FROM images WHERE partition IS NULL AND state = 'published') AS unrecorded,
       (SELECT count(*) FROM dead_letters WHERE status = 'open') AS open_letters,
       (SELECT count(*) FROM dead_letters WHERE image_id IS NULL) AS unreadable;

-- name: unrecorded
SELECT image_id FROM images WHERE partition IS NULL AND state = 'published' ORDER BY accepted_at, image_id LIMIT $1;

-- name: count_replayed
SELECT run_id, model, outcome, count(*) AS images FROM outcomes
WHERE run_id <> 'live' GROUP BY run_id, model, outcome ORDER BY run_id, model;
