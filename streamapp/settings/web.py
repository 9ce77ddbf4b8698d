"""Who may ask the API, from where, how often, and how."""

from typing import Literal

from pydantic import BaseModel, Field


class WebSettings(BaseModel):
    """The door of the API."""

    auth: bool = Field(
        False, description="Every request needs an API key or a token; so it is too where tokens are set up below."
    )
    jwt_algorithm: Literal["HS256", "RS256"] = Field("HS256", description="The one algorithm of tokens (JWT).")
    jwt_secret: str = Field(
        "", description="Secret that tokens are signed with, with HS256; at least 32 characters.", repr=False
    )
    jwt_keys: str = Field("", description="Public keys of tokens, with RS256: a file or an https URL of a JWKS.")
    jwt_issuer: str = Field("streamapp", min_length=1, description="Who must have issued a token (`iss`).")
    jwt_audience: str = Field("streamapp", min_length=1, description="Whom a token must be for (`aud`).")
    tls_cert: str = Field("", description="File of the certificate chain that workers answer https with; empty: http.")
    tls_key: str = Field("", description="File of its key; empty: it is in the same file.")
    rate_limit: int = Field(
        6000, ge=0, description="Requests of one caller in a minute, where callers are asked for; 0: no limit."
    )
    address_limit: int = Field(
        60_000,
        ge=0,
        description="Requests of one address in a minute, with a key or without; 0: no limit.",
    )
    cors_origins: str = Field(
        "",
        description="Pages from elsewhere that may ask, as `https://host[:port]`, separated by commas; empty: none.",
    )
    metrics_token: str = Field(
        "", description="Token that `/metrics` asks for, as `Authorization: Bearer …`; empty: none.", repr=False
    )
