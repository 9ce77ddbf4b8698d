-- name: current
-- The label that a person gave last to each of these images, if anybody did.
SELECT images.image_id, given.timestamp, given.by, given.label
FROM images
LEFT JOIN LATERAL (
    SELECT timestamp, by, label FROM labels WHERE labels.image_id = images.image_id ORDER BY timestamp DESC, by LIMIT 1
) AS given ON true
WHERE images.image_id = ANY ($1::uuid[]);
