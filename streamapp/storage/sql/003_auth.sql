-- API keys. Of the secret there is only a hash; a key that is revoked stays, so that its name is known in old logs.
CREATE TABLE api_keys (
    id         text PRIMARY KEY,
    name       text NOT NULL,
    digest     bytea NOT NULL,
    scopes     text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz
);
