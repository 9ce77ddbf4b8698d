"""How every Kafka client reaches the brokers: addresses, TLS, user and password."""

import ssl
from collections.abc import Callable
from typing import Any, TypeVar

from aiokafka.conn import create_conn
from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from streamapp.errors import BrokerError, BrokerUnavailable, SettingsError
from streamapp.settings import Settings

#: Longest wait for a broker that is asked why it does not take us.
ASK_MS = 5_000
REFUSED = (SaslAuthenticationFailed, UnsupportedSaslMechanismError, IllegalSaslStateError)

T = TypeVar("T")


def bootstrap_servers(settings: Settings) -> list[str]:
    """`host:port` of each broker in `settings.broker`."""
    return [part.removeprefix("kafka://").strip("/") for part in settings.broker.replace(",", ";").split(";")]


def client_options(settings: Settings) -> dict[str, Any]:
    """What every client of aiokafka is given: `AIOKafkaProducer(**client_options(settings))`.

    Raises:
        SettingsError: a user, a password or a file is missing, or a file cannot be used.
    """
    return {"bootstrap_servers": bootstrap_servers(settings), **security_options(settings)}


def security_options(settings: Settings) -> dict[str, Any]:
    """The part of `client_options` that says who we are and whom we trust."""
    options: dict[str, Any] = {"security_protocol": settings.broker_security, "ssl_context": tls(settings)}
    if settings.broker_security.startswith("SASL_"):
        if not settings.broker_user or not settings.broker_password:
            raise SettingsError(
                f"STREAMAPP_BROKER_SECURITY is {settings.broker_security}, so STREAMAPP_BROKER_USER and "
                "STREAMAPP_BROKER_PASSWORD must be set"
            )
        options |= {
            "sasl_mechanism": settings.broker_mechanism,
            "sasl_plain_username": settings.broker_user,
            "sasl_plain_password": settings.broker_password,
        }
    return options


def tls(settings: Settings) -> ssl.SSLContext | None:
    """The certificates to trust and to show; None where the connection is not encrypted.

    Raises:
        SettingsError: a file cannot be used; the text names the variable.
    """
    if not settings.broker_security.endswith("SSL"):
        return None
    context = _loaded("STREAMAPP_BROKER_CA", lambda: ssl.create_default_context(cafile=settings.broker_ca or None))
    if settings.broker_cert or settings.broker_key:
        if not settings.broker_cert:
            raise SettingsError("STREAMAPP_BROKER_KEY is set, so STREAMAPP_BROKER_CERT must be set too")
        key = settings.broker_key or None
        name = "STREAMAPP_BROKER_CERT and STREAMAPP_BROKER_KEY"
        _loaded(name, lambda: context.load_cert_chain(settings.broker_cert, key))
    return context


def _loaded(variable: str, load: Callable[[], T]) -> T:
    try:
        return load()
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"{variable} cannot be used: {error}") from None


async def broker_error(settings: Settings, error: KafkaError) -> BrokerError:
    """What a client's error means. Of a broker that refuses us the client itself says only that it is not there."""
    what = f"the broker at {settings.broker} cannot be used"
    for server in bootstrap_servers(settings):
        if refusal := await _refusal(settings, server):
            return BrokerError(f"{what}: {refusal}")
    kind = BrokerUnavailable if error.retriable or isinstance(error, KafkaTimeoutError) else BrokerError
    return kind(f"{what}: {str(error) or type(error).__name__}")


async def _refusal(settings: Settings, server: str) -> str:
    """Why this broker does not take us, and which settings to look at; empty if it does, or is not there."""
    host, _, port = server.rpartition(":")
    try:
        connection = await create_conn(host, int(port), request_timeout_ms=ASK_MS, **security_options(settings))
        try:
            await connection.send(MetadataRequest([]))
        finally:
            connection.close()
    except REFUSED as error:
        return (
            f"it refuses the user {settings.broker_user!r} with {settings.broker_mechanism}: {error.args[0]}; see "
            "STREAMAPP_BROKER_USER, STREAMAPP_BROKER_PASSWORD and STREAMAPP_BROKER_MECHANISM"
        )
    except ssl.SSLError as error:
        return f"TLS failed: {error}; see STREAMAPP_BROKER_CA, STREAMAPP_BROKER_CERT and STREAMAPP_BROKER_KEY"
    except (KafkaConnectionError, ConnectionResetError, ConnectionAbortedError):
        return f"it ended the connection; perhaps STREAMAPP_BROKER_SECURITY={settings.broker_security} is not its way"
    except (KafkaError, OSError, TimeoutError, ValueError):
        pass
    return ""
