-- name: history
-- What each model did in each bucket of time. A label counts under which the image is now, and for trained weights only;
-- inference times outside the lane are left out, as in the live figures.
WITH buckets AS (
    SELECT date_bin(make_interval(secs => $1), outcomes.timestamp, '1970-01-01T00:00:00Z') AS start, outcomes.*,
           coalesce(given.label, outcomes.label) AS counts
    FROM outcomes
    LEFT JOIN (
        SELECT DISTINCT ON (image_id) image_id, label FROM labels ORDER BY image_id, timestamp DESC, by
    ) AS given USING (image_id)
    WHERE outcomes.timestamp >= $2 AND outcomes.timestamp < $3 AND run_id = 'live'
      AND ($4::text IS NULL OR model = $4)
)
SELECT start, model,
       count(*) FILTER (WHERE outcome = 'predicted') AS predictions,
       count(*) FILTER (WHERE outcome = 'dead') AS errors,
       count(*) FILTER (WHERE outcome = 'shed') AS shed,
       count(counts) FILTER (WHERE outcome = 'predicted' AND trained) AS labelled,
       count(*) FILTER (WHERE outcome = 'predicted' AND trained AND prediction = counts) AS correct,
       avg(confidence) AS avg_confidence,
       avg(inference_ms) FILTER (WHERE lane <> 'bypassed') AS avg_latency_ms,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY total_ms) AS total_p50_ms,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY total_ms) AS total_p95_ms
FROM buckets
GROUP BY start, model
ORDER BY start, model;

-- name: distributions
-- How the times of each model are distributed: the quantiles at the shares of $4, of each stage.
SELECT model, count(*) AS predictions,
       percentile_cont($4::float8[]) WITHIN GROUP (ORDER BY queue_ms) AS queue,
       percentile_cont($4::float8[]) WITHIN GROUP (ORDER BY fetch_ms) AS fetch,
       percentile_cont($4::float8[]) WITHIN GROUP (ORDER BY preprocess_ms) AS preprocess,
       percentile_cont($4::float8[]) WITHIN GROUP (ORDER BY lane_ms) AS lane,
       percentile_cont($4::float8[]) WITHIN GROUP (ORDER BY inference_ms) FILTER (WHERE lane <> 'bypassed') AS inference,
       percentile_cont($4::float8[]) WITHIN GROUP (ORDER BY total_ms) AS total
FROM predictions
WHERE timestamp >= $1 AND timestamp < $2 AND run_id = 'live' AND ($3::text IS NULL OR model = $3)
GROUP BY model
ORDER BY model;

-- name: changes
-- When other versions of each model began to answer, from $1 to before $2. While several workers change over, old and new
-- answers come mixed: the version that answers at the end of $4 seconds after the first other answer is the new one.
WITH RECURSIVE versions AS (
    (SELECT model, model_version FROM outcomes
     WHERE run_id = 'live' AND outcome = 'predicted' AND ($3::text IS NULL OR model = $3)
     ORDER BY model, model_version LIMIT 1)
    UNION ALL
    SELECT another.* FROM versions, LATERAL (
        SELECT model, model_version FROM outcomes
        WHERE run_id = 'live' AND outcome = 'predicted' AND ($3::text IS NULL OR model = $3)
          AND (model, model_version) > (versions.model, versions.model_version)
        ORDER BY model, model_version LIMIT 1
    ) AS another
), walk AS (
    SELECT model, $1::timestamptz AS at, $1::timestamptz AS begin, NULL::text AS before, (
        SELECT newest.model_version FROM versions AS each, LATERAL (
            SELECT model_version, timestamp FROM outcomes
            WHERE run_id = 'live' AND outcome = 'predicted' AND model = each.model AND model_version = each.model_version
              AND timestamp < $1
            ORDER BY timestamp DESC LIMIT 1
        ) AS newest
        WHERE each.model = models.model
        ORDER BY newest.timestamp DESC LIMIT 1
    ) AS version, false AS changed
    FROM (SELECT DISTINCT model FROM versions) AS models
    UNION ALL
    SELECT walk.model, other.at, other.at + make_interval(secs => $4), walk.version, settled.model_version,
           settled.model_version IS DISTINCT FROM walk.version
    FROM walk, LATERAL (
        SELECT min(first.timestamp) AS at FROM versions, LATERAL (
            SELECT timestamp FROM outcomes
            WHERE run_id = 'live' AND outcome = 'predicted' AND model = versions.model
              AND model_version = versions.model_version AND timestamp >= walk.begin AND timestamp < $2
            ORDER BY timestamp LIMIT 1
        ) AS first
        WHERE versions.model = walk.model AND versions.model_version IS DISTINCT FROM walk.version
    ) AS other, LATERAL (
        SELECT newest.model_version FROM versions, LATERAL (
            SELECT model_version, timestamp FROM outcomes
            WHERE run_id = 'live' AND outcome = 'predicted' AND model = versions.model
              AND model_version = versions.model_version
              AND timestamp >= other.at AND timestamp < other.at + make_interval(secs => $4)
            ORDER BY timestamp DESC LIMIT 1
        ) AS newest
        WHERE versions.model = walk.model
        ORDER BY newest.timestamp DESC LIMIT 1
    ) AS settled
    WHERE other.at IS NOT NULL
)
SELECT model, at, version, before FROM walk WHERE changed ORDER BY at, model;

-- name: comparison
-- What the models made of the same images, from the newest $3 answers from $1 to before $2. A label counts under which
-- the image is now, and for trained weights only. A row is the number of answers and images there are, how often two
-- models say the same, what a model took for what, or a tenth of its confidences.
WITH answers AS MATERIALIZED (
    SELECT image_id, model, prediction, confidence, trained, label
    FROM outcomes
    WHERE timestamp >= $1 AND timestamp < $2 AND run_id = 'live' AND outcome = 'predicted'
    ORDER BY timestamp DESC
    LIMIT $3
), labelled AS MATERIALIZED (
    SELECT model, prediction, confidence, coalesce(given.label, answers.label) AS label
    FROM answers
    LEFT JOIN (
        SELECT DISTINCT ON (image_id) image_id, label FROM labels ORDER BY image_id, timestamp DESC, by
    ) AS given USING (image_id)
    WHERE trained AND coalesce(given.label, answers.label) IS NOT NULL
), mistakes AS (
    SELECT model, label, prediction, count(*) AS images,
           row_number() OVER (PARTITION BY model ORDER BY count(*) DESC, label, prediction) AS place
    FROM labelled GROUP BY model, label, prediction
)
SELECT 'all' AS kind, NULL AS model, NULL AS one, NULL AS other, count(*) AS answers,
       count(DISTINCT image_id) AS part, NULL::float8 AS confidence
FROM answers
UNION ALL
SELECT 'agreement', mine.model, NULL, yours.model, count(*),
       count(*) FILTER (WHERE mine.prediction = yours.prediction), NULL
FROM answers AS mine JOIN answers AS yours ON mine.image_id = yours.image_id AND mine.model < yours.model
GROUP BY mine.model, yours.model
UNION ALL
SELECT 'confusion', model, label, prediction, images, NULL, NULL FROM mistakes WHERE place <= $4
UNION ALL
SELECT 'calibration', model, NULL, NULL, count(*), count(*) FILTER (WHERE prediction = label), avg(confidence)
FROM labelled
GROUP BY model, least(floor(confidence * 10), 9)
ORDER BY kind, model, one, other, confidence;
