"""Topic names, their configuration and the check of partition counts."""

import pytest

from streamapp import topics
from streamapp.errors import TopicMismatch
from streamapp.settings import Settings


def test_every_topic_of_the_contract_is_there() -> None:
    assert {topic.name for topic in topics.all_topics()} == {
        "images-input-stream",
        "predictions-output",
        "verdicts-output",
        "labels-input-stream",
        "images-dead-letter",
        "images-shed",
        "stats-ticks",
        "stats-partials",
        "models-state",
        "models-control",
        "streamapp-stats-races-changelog",
        "streamapp-stats-buckets-changelog",
        "streamapp-stats-totals-changelog",
    }


def test_state_is_compacted_and_history_expires() -> None:
    settings = Settings(retention_minutes=20, min_insync_replicas=2)
    configs = {topic.name: topic.config(settings) for topic in topics.all_topics()}
    assert configs["images-input-stream"] == {"retention.ms": "1200000", "min.insync.replicas": "2"}
    assert configs["stats-partials"] == {"cleanup.policy": "compact", "min.insync.replicas": "2"}


def test_a_wrong_count_says_which_topic_and_how_to_mend_it() -> None:
    topics.check_partitions({"images-input-stream": 12, "predictions-output": 12}, 12)
    with pytest.raises(TopicMismatch, match=r"predictions-output has 1: .*STREAMAPP_PARTITIONS"):
        topics.check_partitions({"images-input-stream": 12, "predictions-output": 1}, 12)
