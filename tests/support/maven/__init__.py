"""The jars of Apache Kafka, named by `pom.xml` and fetched once with Maven into the user's cache."""

import shutil
import subprocess
import tempfile
from hashlib import sha256
from pathlib import Path
from xml.etree import ElementTree

POM = Path(__file__).with_name("pom.xml")
CACHE = Path.home() / ".cache" / "streamapp"
FETCH_WITHIN_S = 900


class KafkaUnavailable(Exception):
    """Real Kafka cannot be run here; the text says what is missing and how to get it."""


def kafka_version() -> str:
    """The version of Kafka that `pom.xml` names."""
    version = ElementTree.parse(POM).findtext(".//{*}kafka.version")
    if version is None:
        raise KafkaUnavailable(f"{POM} names no <kafka.version>")
    return version


def kafka_jars() -> Path:
    """The folder with Kafka's jars; the first call fetches them.

    Raises:
        KafkaUnavailable: Java or Maven is missing, or Maven cannot fetch.
    """
    for program, package in (("java", "default-jre-headless"), ("mvn", "maven")):
        if shutil.which(program) is None:
            raise KafkaUnavailable(f"`{program}` is missing, which real Kafka needs: apt-get install {package}")
    digest = sha256(POM.read_bytes()).hexdigest()[:8]
    folder = CACHE / f"kafka-{kafka_version()}-{digest}"
    if not folder.is_dir():
        _fetch(folder)
    return folder


def _fetch(folder: Path) -> None:
    """Fetch beside `folder` and rename, so that a fetch that was cut off leaves nothing that looks complete."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as partial:
        goal = ["dependency:copy-dependencies", f"-DoutputDirectory={partial}/jars", "-DincludeScope=runtime"]
        done = subprocess.run(
            ["mvn", "--quiet", "--batch-mode", "--file", str(POM), *goal],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=FETCH_WITHIN_S,
        )
        if done.returncode:
            raise KafkaUnavailable(f"Maven cannot fetch Kafka {kafka_version()}: {tail(done.stdout + done.stderr)}")
        if not folder.is_dir():  # another process may have been faster
            (Path(partial) / "jars").rename(folder)


def tail(text: str, lines: int = 12) -> str:
    """The last lines of what a program printed."""
    return "\n".join(text.strip().splitlines()[-lines:])
