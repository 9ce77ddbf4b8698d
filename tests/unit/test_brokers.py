"""Who we say we are to the brokers, and whom we trust: every combination, and every mistake in one line."""

import ssl
import subprocess
from pathlib import Path

import pytest

from streamapp.brokers import bootstrap_servers, client_options, security_options
from streamapp.errors import SettingsError
from streamapp.settings import Settings
from streamapp.transport import credentials


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that signs itself, with its key in the same file."""
    file = tmp_path_factory.mktemp("certificate") / "both.pem"
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run([*request, "-keyout", file, "-out", file.with_name("cert.pem")], check=True, capture_output=True)
    file.write_text(file.read_text() + file.with_name("cert.pem").read_text())
    return file


@pytest.mark.parametrize(
    ("url", "servers"),
    [
        ("kafka://127.0.0.1:9092", ["127.0.0.1:9092"]),
        ("kafka://a:1;b:2", ["a:1", "b:2"]),
        ("kafka://a:1,kafka://b:2/", ["a:1", "b:2"]),
    ],
)
def test_bootstrap_servers(url: str, servers: list[str]) -> None:
    assert bootstrap_servers(Settings(broker=url)) == servers


def test_without_settings_nothing_is_encrypted_and_nobody_is_named() -> None:
    assert client_options(Settings()) == {
        "bootstrap_servers": ["127.0.0.1:9092"],
        "security_protocol": "PLAINTEXT",
        "ssl_context": None,
    }
    assert credentials(Settings()) is None


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
@pytest.mark.parametrize("security", ["SASL_PLAINTEXT", "SASL_SSL"])
def test_user_and_password_reach_faust_and_the_other_clients_alike(security: str, mechanism: str) -> None:
    settings = Settings(broker_security=security, broker_mechanism=mechanism, broker_user="ana", broker_password="x y")
    options, faust_s = security_options(settings), credentials(settings)
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("ana", "x y")
    assert (faust_s.username, faust_s.password) == ("ana", "x y")
    assert (faust_s.protocol.value, faust_s.mechanism.value) == (security, mechanism)
    assert (options["security_protocol"], options["sasl_mechanism"]) == (security, mechanism)
    assert (options["ssl_context"] is None) == (faust_s.ssl_context is None) == (security == "SASL_PLAINTEXT")


def test_certificates_are_checked_against_those_that_are_trusted(certificate: Path) -> None:
    settings = Settings(broker_security="SSL", broker_ca=str(certificate), broker_cert=str(certificate))
    context = credentials(settings).context
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert len(context.get_ca_certs()) == 1


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"broker_security": "SASL_SSL"}, "STREAMAPP_BROKER_USER and STREAMAPP_BROKER_PASSWORD must be set"),
        ({"broker_security": "SASL_PLAINTEXT", "broker_user": "ana"}, "STREAMAPP_BROKER_PASSWORD must be set"),
        ({"broker_security": "SSL", "broker_ca": "/nowhere"}, "^STREAMAPP_BROKER_CA cannot be used: .*No such file"),
        ({"broker_security": "SSL", "broker_cert": "/nowhere"}, "^STREAMAPP_BROKER_CERT and STREAMAPP_BROKER_KEY "),
        ({"broker_security": "SSL", "broker_key": "/nowhere"}, "STREAMAPP_BROKER_CERT must be set too"),
    ],
)
def test_what_is_missing_is_named(given: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        client_options(Settings(**given))


def test_a_file_that_is_no_certificate_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nonsense")
    with pytest.raises(SettingsError, match=r"^STREAMAPP_BROKER_CA cannot be used: "):
        client_options(Settings(broker_security="SSL", broker_ca=str(tmp_path / "ca.pem")))


def test_the_password_is_not_shown() -> None:
    assert "secret" not in repr(Settings(broker_password="secret"))
