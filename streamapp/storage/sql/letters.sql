-- name: page
-- `outcome` is what became of the image by now.
SELECT letters.id, letters."group", letters.topic, letters.partition, letters."offset", letters.image_id, letters.model,
       letters.run_id, letters.stage, letters.reason, letters.error, letters.timestamp, letters.status, letters.tries,
       letters.settled_at, length(letters.value) AS value_bytes, outcomes.outcome
FROM dead_letters AS letters
LEFT JOIN outcomes ON outcomes.image_id = letters.image_id AND outcomes.model = letters.model
                  AND outcomes.run_id = letters.run_id
WHERE ($1::text IS NULL OR letters.model = $1) AND ($2::text IS NULL OR letters.reason = $2)
  AND ($3::text IS NULL OR letters.stage = $3) AND ($4::timestamptz IS NULL OR letters.timestamp >= $4)
  AND ($5::text IS NULL OR letters.status = $5) AND ($6::bigint IS NULL OR letters.id < $6)
ORDER BY letters.id DESC
LIMIT $7;

-- name: open_after
SELECT id FROM dead_letters
WHERE ($1::text IS NULL OR model = $1) AND ($2::text IS NULL OR reason = $2)
  AND ($3::text IS NULL OR stage = $3) AND ($4::timestamptz IS NULL OR timestamp >= $4)
  AND status = 'open' AND id > $5 AND id <= $6
ORDER BY id
LIMIT $7;

-- name: newest
SELECT coalesce(max(id), 0) FROM dead_letters;

-- name: letter
SELECT letters.*, length(letters.value) AS value_bytes, outcomes.outcome
FROM dead_letters AS letters
LEFT JOIN outcomes ON outcomes.image_id = letters.image_id AND outcomes.model = letters.model
                  AND outcomes.run_id = letters.run_id
WHERE letters.id = $1;

-- name: lock
SELECT status FROM dead_letters WHERE id = $1 FOR UPDATE;

-- name: settle
UPDATE dead_letters SET status = $2, settled_at = now() WHERE id = $1;
