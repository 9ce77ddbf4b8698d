-- name: add
INSERT INTO api_keys (id, name, digest, scopes, expires_at)
VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5))
RETURNING id, name, scopes, created_at, expires_at, revoked_at;

-- name: find
SELECT name, digest, scopes FROM api_keys
WHERE id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now());

-- name: every
SELECT id, name, scopes, created_at, expires_at, revoked_at FROM api_keys ORDER BY created_at, id;

-- name: revoke
UPDATE api_keys SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL RETURNING id;
