-- name: fire
INSERT INTO alerts (rule, subject, text, value, "limit") VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (rule, subject) WHERE resolved_at IS NULL DO NOTHING
RETURNING *;

-- name: resolve
UPDATE alerts SET resolved_at = now(), resolved_value = $3
WHERE rule = $1 AND subject = $2 AND resolved_at IS NULL
RETURNING *;

-- name: open
SELECT * FROM alerts WHERE resolved_at IS NULL ORDER BY id;

-- name: newest_changes
SELECT * FROM alerts ORDER BY coalesce(resolved_at, fired_at) DESC, id DESC LIMIT $1;

-- name: page
SELECT * FROM alerts
WHERE ($1::boolean IS NULL OR (resolved_at IS NULL) = $1) AND ($2::text IS NULL OR rule = $2)
  AND ($3::bigint IS NULL OR id < $3)
ORDER BY id DESC
LIMIT $4;

-- name: camera_silence
-- From one camera to the next by the index, up to so many. Those that have sent nothing for so long are forgotten.
WITH RECURSIVE cameras AS (
    (SELECT camera_id, 1 AS number FROM images WHERE camera_id IS NOT NULL ORDER BY camera_id LIMIT 1)
    UNION ALL
    SELECT (SELECT images.camera_id FROM images WHERE images.camera_id > cameras.camera_id
            ORDER BY images.camera_id LIMIT 1), number + 1
    FROM cameras WHERE cameras.camera_id IS NOT NULL AND number < $2
)
SELECT camera_id, extract(epoch FROM now() - newest.timestamp)::double precision AS silent_s
FROM cameras, LATERAL (
    SELECT timestamp FROM images WHERE images.camera_id = cameras.camera_id ORDER BY timestamp DESC LIMIT 1
) AS newest
WHERE cameras.camera_id IS NOT NULL AND newest.timestamp > now() - make_interval(secs => $1);
