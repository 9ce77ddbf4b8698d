"""Fixtures of the integration tests."""

from collections.abc import Iterator

import pytest

from tests.support.kafka import KafkaCluster, kafka_cluster
from tests.support.maven import KafkaUnavailable


@pytest.fixture(scope="session")
def kafka() -> Iterator[KafkaCluster]:
    """Real Apache Kafka, one node, started once for the whole run; for tests marked `kafka`.

    They are asked for by name (`make test-kafka`), so a missing Java or Maven fails them.
    """
    try:
        with kafka_cluster() as cluster:
            yield cluster
    except KafkaUnavailable as error:
        pytest.fail(str(error), pytrace=False)
