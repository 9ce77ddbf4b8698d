-- Predictions newest first, and figures of a time of the past.
CREATE INDEX outcomes_at ON outcomes (timestamp DESC, prediction_id DESC);
