"""What decides how a training goes."""

import json

import pytest

from streamapp.errors import TrainingError
from streamapp.runtime.spec import ModelSpec
from training.recipe import Recipe

SPEC = ModelSpec("tiny", "TinyCNN", 32, ("a", "b"))


def test_a_recipe_takes_the_facts_of_the_model_unless_they_are_given() -> None:
    assert Recipe.of(SPEC, {"epochs": None}) == Recipe("tiny", "TinyCNN", 32, ("a", "b"))
    changed = Recipe.of(SPEC, {"input_size": 64, "epochs": 3})
    assert (changed.input_size, changed.epochs, changed.labels) == (64, 3, ("a", "b"))


def test_a_recipe_survives_a_file() -> None:
    recipe = Recipe.of(SPEC, {"data": ("/x", "/y"), "learning_rate": 3e-4})
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


def test_a_training_that_goes_on_takes_the_same_options_only() -> None:
    recipe = Recipe.of(SPEC, {"epochs": 3})
    recipe.check_same({"epochs": 3, "batch_size": None})
    with pytest.raises(TrainingError, match="--batch-size 128, not 64"):
        recipe.check_same({"batch_size": 64})
