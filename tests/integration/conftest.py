"""Fixtures of the integration tests."""

from collections.abc import Iterator

import pytest

from tests.support.kafka import KafkaCluster, kafka_cluster
from tests.support.maven import KafkaUnavailable


@pytest.fixture(scope="module")
def kafka() -> Iterator[KafkaCluster]:
    """Real Apache Kafka, one node, for the tests marked `kafka` of one file: topics outlive a platform.

    They are asked for by name (`make test-kafka`), so a missing Java or Maven fails them.
    """
    try:
        with kafka_cluster() as cluster:
            yield cluster
    except KafkaUnavailable as error:
        pytest.fail(str(error), pytrace=False)
