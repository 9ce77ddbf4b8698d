"""Which roles a process runs."""

import pytest

from streamapp.errors import ModelError, SettingsError
from streamapp.roles import SERVICES, chosen_roles
from streamapp.settings import Settings


def test_without_a_choice_every_model_and_every_service() -> None:
    assert chosen_roles(Settings()) == ["efficientnet", "mobilenet", "resnet50", *SERVICES]
    assert chosen_roles(Settings(models="mobilenet,mobilenet@int8")) == ["mobilenet", "mobilenet-int8", *SERVICES]


def test_a_model_at_a_precision_by_either_of_its_names() -> None:
    for role in ("mobilenet@int8", "mobilenet-int8"):
        chosen = Settings(models="mobilenet,mobilenet@int8", roles=f"{role}, stats")
        assert chosen_roles(chosen) == ["mobilenet-int8", "stats"]


def test_a_role_that_there_is_not() -> None:
    with pytest.raises(SettingsError, match="no role 'mobilenet-int8'; there are efficientnet, mobilenet, resnet50"):
        chosen_roles(Settings(roles="mobilenet@int8"))
    with pytest.raises(ModelError, match="no precision 'int3'"):
        chosen_roles(Settings(models="mobilenet@int3"))
