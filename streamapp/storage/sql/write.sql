-- name: insert_pending
-- The message can be recorded before this row is: then only what the message does not carry is added.
INSERT INTO images (image_id, minio_path, timestamp, source, camera_id, label, content_type, sha256,
                    width, height, size_bytes, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'pending')
ON CONFLICT (image_id) DO UPDATE
SET width = excluded.width, height = excluded.height, size_bytes = excluded.size_bytes
WHERE images.width IS NULL;

-- name: mark_published
-- Locked in the order of the ids, as the recorder does, so that the two cannot deadlock.
UPDATE images SET state = 'published', published_at = now()
WHERE image_id IN (
    SELECT image_id FROM images WHERE image_id = ANY ($1::uuid[]) AND state = 'pending' ORDER BY image_id FOR UPDATE
);

-- name: discard_pending
DELETE FROM images WHERE image_id = ANY ($1::uuid[]) AND state = 'pending';

-- name: record_image
-- A message on the topic proves that the image was published, whatever became of the process that published it. Of an
-- image that was sent twice the last message counts: it has come to the models that began between the two.
INSERT INTO images (image_id, minio_path, timestamp, source, camera_id, label, content_type, sha256,
                    state, published_at, partition, "offset", recorded_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'published', now(), $9, $10, now())
ON CONFLICT (image_id) DO UPDATE
SET state = 'published', published_at = coalesce(images.published_at, now()),
    partition = excluded.partition, "offset" = excluded."offset", recorded_at = now()
WHERE images.state = 'pending' OR (images.partition, images."offset") IS DISTINCT FROM
                                  (excluded.partition, excluded."offset");

-- name: record_prediction
-- The first outcome wins, but a prediction takes the place of another one: a retry's, or one that was on its way when a
-- worker was killed, whose successor then found the frame too old.
INSERT INTO outcomes (image_id, model, run_id, outcome, prediction_id, model_version, trained, prediction, confidence,
                      top_k, timestamp, source, camera_id, label,
                      queue_ms, fetch_ms, preprocess_ms, lane_ms, inference_ms, total_ms, lane)
VALUES ($1, $2, $3, 'predicted', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
ON CONFLICT (image_id, model, run_id) DO UPDATE
SET outcome = 'predicted', prediction_id = excluded.prediction_id, model_version = excluded.model_version,
    trained = excluded.trained, prediction = excluded.prediction, confidence = excluded.confidence,
    top_k = excluded.top_k, timestamp = excluded.timestamp, source = excluded.source, camera_id = excluded.camera_id,
    label = excluded.label, queue_ms = excluded.queue_ms, fetch_ms = excluded.fetch_ms,
    preprocess_ms = excluded.preprocess_ms, lane_ms = excluded.lane_ms, inference_ms = excluded.inference_ms,
    total_ms = excluded.total_ms, lane = excluded.lane, reason = NULL, error = NULL, recorded_at = now()
WHERE outcomes.outcome <> 'predicted';

-- name: record_dead
-- It takes the place of a frame left out, whichever of the two is read first.
INSERT INTO outcomes (image_id, model, run_id, outcome, timestamp, reason, error)
VALUES ($1, $2, $3, 'dead', $4, $5, $6)
ON CONFLICT (image_id, model, run_id) DO UPDATE
SET outcome = 'dead', timestamp = excluded.timestamp, reason = excluded.reason, error = excluded.error,
    recorded_at = now()
WHERE outcomes.outcome = 'shed';

-- name: record_shed
INSERT INTO outcomes (image_id, model, run_id, outcome, timestamp, reason, error, source, camera_id)
VALUES ($1, $2, $3, 'shed', $4, 'too-old', $5, $6, $7)
ON CONFLICT (image_id, model, run_id) DO NOTHING;

-- name: record_verdict
-- An amended verdict replaces an earlier one that knew no more; an earlier one that arrives again does not.
INSERT INTO verdicts (image_id, timestamp, expected, answers, complete, fastest, most_confident, consensus, agreement,
                      ensemble, ensemble_confidence, disagreement, source, camera_id, label, dead, shed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
ON CONFLICT (image_id) DO UPDATE
SET timestamp = excluded.timestamp, expected = excluded.expected, answers = excluded.answers,
    complete = excluded.complete, fastest = excluded.fastest, most_confident = excluded.most_confident,
    consensus = excluded.consensus, agreement = excluded.agreement, ensemble = excluded.ensemble,
    ensemble_confidence = excluded.ensemble_confidence, disagreement = excluded.disagreement,
    label = excluded.label, dead = excluded.dead, shed = excluded.shed, recorded_at = now()
WHERE excluded.answers > verdicts.answers
   OR (excluded.answers = verdicts.answers
       AND (excluded.complete, excluded.timestamp) > (verdicts.complete, verdicts.timestamp));

-- name: record_label
INSERT INTO labels (image_id, timestamp, by, label) VALUES ($1, $2, $3, $4)
ON CONFLICT (image_id, timestamp, by) DO NOTHING;

-- name: record_dead_letter
INSERT INTO dead_letters ("group", topic, partition, "offset", image_id, model, run_id, stage, reason, error, value,
                          timestamp, tries)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
-- The same letter may come again after a crash. Another one at that place is of a topic that was made anew.
ON CONFLICT ("group", topic, partition, "offset") DO UPDATE
SET image_id = excluded.image_id, model = excluded.model, run_id = excluded.run_id, stage = excluded.stage,
    reason = excluded.reason, error = excluded.error, value = excluded.value, timestamp = excluded.timestamp,
    tries = excluded.tries, status = 'open', settled_at = NULL
WHERE (dead_letters.image_id, dead_letters.value) IS DISTINCT FROM (excluded.image_id, excluded.value);
