-- Since when each version of a model answers: the first answer of a version after any moment, without reading the others.
CREATE INDEX outcomes_versions ON outcomes (model, model_version, timestamp)
WHERE run_id = 'live' AND outcome = 'predicted';
