import pytest

from streamapp.errors import ObjectMissing
from streamapp.storage.objects import split
from streamapp.storage.urls import masked


def test_a_path_is_a_bucket_and_a_key() -> None:
    assert split("raw-images/2026/11/22/a.jpg") == ("raw-images", "2026/11/22/a.jpg")


@pytest.mark.parametrize(
    "path",
    [
        *("", "raw-images", "raw-images/", "/a.jpg", "Raw/a", "r/a", "a..b/c"),
        *("raw-images//a.jpg", "raw-images/../a", "raw-images/./a", "raw-images/a/"),
        *("raw-images/a\0b", "raw-images/a\nb", "raw-images/a b", "raw-images/é", "raw-images/" + "x" * 129),
    ],
)
def test_what_no_object_can_be_called_is_missing(path: str) -> None:
    with pytest.raises(ObjectMissing):
        split(path)


def test_a_masked_url_has_no_credentials() -> None:
    assert masked("http://key:s3cret@127.0.0.1:9000/x?y=1") == "http://127.0.0.1:9000/x?y=1"
    assert masked("redis://127.0.0.1:6379/0") == "redis://127.0.0.1:6379/0"
    assert masked("kafka://127.0.0.1:9092;127.0.0.2:9092") == "kafka://127.0.0.1:9092;127.0.0.2:9092"
