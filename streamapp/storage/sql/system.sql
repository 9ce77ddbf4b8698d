-- name: database
SELECT pg_database_size(current_database()) AS bytes, xact_commit + xact_rollback AS transactions,
       numbackends AS connections
FROM pg_stat_database WHERE datname = current_database();

-- name: originals
SELECT count(*) AS images, coalesce(sum(size_bytes), 0)::bigint AS bytes FROM images;
