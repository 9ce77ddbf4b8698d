-- Searches among images, and filters that few or none of them pass. The view says which label came along, beside that which counts.
CREATE OR REPLACE VIEW labelled_images AS
SELECT image_id, minio_path, timestamp, source, camera_id, coalesce(given.label, images.label) AS label, content_type,
       sha256, width, height, size_bytes, state, images.label AS came_with
FROM images
LEFT JOIN LATERAL (
    SELECT label FROM labels WHERE labels.image_id = images.image_id ORDER BY timestamp DESC, by LIMIT 1
) AS given ON true;

CREATE INDEX images_of_source ON images (source, timestamp DESC, image_id DESC);
CREATE INDEX images_that_came_with ON images (label, timestamp DESC, image_id DESC) WHERE label IS NOT NULL;
CREATE INDEX images_unlabelled ON images (timestamp DESC, image_id DESC) WHERE label IS NULL;
CREATE INDEX labels_given ON labels (label);
CREATE INDEX verdicts_for ON verdicts (consensus);
