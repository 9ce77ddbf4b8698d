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
       percentile_cont($4::float8[]) WITHIN GROUP (ORDER BY inference_ms) FILTER (WHERE lane <> 'bypassed') AS inference,
       percentile_cont($4::float8[]) WITHIN GROUP (ORDER BY total_ms) AS total
FROM predictions
WHERE timestamp >= $1 AND timestamp < $2 AND run_id = 'live' AND ($3::text IS NULL OR model = $3)
GROUP BY model
ORDER BY model;
