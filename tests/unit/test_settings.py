"""Settings: typed, read from the environment, and clear about what is wrong."""

from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from streamapp.errors import SettingsError
from streamapp.settings import NOT_SETTINGS, PREFIX, Settings

FIELDS = Settings.model_fields


def another(field: FieldInfo) -> Any:
    """A valid value that is not the default."""
    if field.annotation is bool:
        return not field.default
    if field.annotation is int:
        return field.default + 1
    if field.annotation is float:
        return field.default * 0.75 + 0.1
    if field.annotation is Path:
        return Path("/srv/somewhere else")
    choices = get_args(field.annotation)
    return next(choice for choice in choices if choice != field.default) if choices else "kafka://elsewhere:1;b:2"


def variable(name: str) -> str:
    return PREFIX + name.upper()


def test_an_empty_environment_gives_the_defaults() -> None:
    assert Settings.load({}) == Settings()
    assert Settings.load({variable("broker"): "", "PATH": "/bin"}) == Settings()


@pytest.mark.parametrize("name", FIELDS)
def test_each_setting_is_described_and_its_default_is_of_its_type(name: str) -> None:
    description = FIELDS[name].description
    assert description is not None
    assert description.endswith(".")
    assert Settings.model_validate({name: FIELDS[name].default}) == Settings()


@pytest.mark.parametrize("name", FIELDS)
def test_each_setting_is_read_from_its_variable_and_handed_on_to_children(name: str) -> None:
    value = another(FIELDS[name])
    given = Settings().model_copy(update={name: value})
    handed_on = given.environ()
    assert set(handed_on) == {variable(name)}
    loaded = Settings.load(handed_on)
    assert loaded == given
    assert type(getattr(loaded, name)) is type(value)


def test_all_settings_together_survive_the_way_through_the_environment() -> None:
    given = Settings().model_copy(update={name: another(field) for name, field in FIELDS.items()})
    assert Settings.load(given.environ()) == given


@pytest.mark.parametrize("name", [name for name, field in FIELDS.items() if field.annotation not in (str, Path)])
def test_a_wrong_value_names_its_variable_and_itself(name: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load({variable(name): "nonsense"})
    assert str(caught.value).startswith(f"{variable(name)}: ")
    assert "given: 'nonsense'" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("api_port", "65536"),
        ("web_port", "-1"),
        ("partitions", "0"),
        ("replication_factor", "0"),
        ("inline_max_bytes", "-1"),
        ("session_timeout_s", "5"),
        ("session_timeout_s", "61"),
        ("publish_timeout_s", "0"),
        ("publish_timeout_s", "6"),
        ("window", "0"),
        ("retries", "-1"),
        ("race_deadline_s", "0"),
        ("tick_s", "0"),
        ("batch_rows", "0"),
        ("batch_wait_s", "0"),
        ("partitions", "1.5"),
        ("log_level", "INFO"),
    ],
)
def test_a_value_out_of_bounds_is_refused(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{variable(name)}: "):
        Settings.load({variable(name): value})


def test_two_faults_are_told_in_one_line() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load({variable("partitions"): "many", variable("lane"): "perhaps"})
    assert "STREAMAPP_PARTITIONS: " in str(caught.value)
    assert "STREAMAPP_LANE: " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_variable_that_is_no_setting_is_named() -> None:
    with pytest.raises(SettingsError, match=r"^STREAMAPP_BROKERS is not a setting; docs/settings.md lists them all$"):
        Settings.load({"STREAMAPP_BROKERS": "kafka://127.0.0.1:9092"})


def test_variables_of_the_project_s_other_programs_are_left_alone() -> None:
    assert Settings.load(dict.fromkeys(NOT_SETTINGS, "http://127.0.0.1:8001")) == Settings()
    assert not {name.removeprefix(PREFIX).lower() for name in NOT_SETTINGS} & set(FIELDS)


def test_settings_do_not_change_after_the_start() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().partitions = 1  # type: ignore[misc]


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 1), (3, 1), (16, 8), (None, 1)])
def test_an_inference_leaves_cores_to_the_others(
    cores: int | None, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    assert Settings().threads == threads
    assert Settings(inference_threads=5).threads == 5
