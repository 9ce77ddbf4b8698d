"""A fourth model: a checkout whose `agents/` has one file more."""

import shutil
from pathlib import Path

import agents
from tests.support.stack import ROOT

FILE = '''"""A contestant of our own: a very small network."""

from streamapp.runtime.spec import ModelSpec

SPEC = ModelSpec(name="tiny", architecture="TinyCNN", input_size=32, weights="fresh")
'''


def python_path(copy: Path) -> str:
    """PYTHONPATH of this checkout with a model `tiny`; its `agents/` are copied into the folder `copy`."""
    shutil.copytree(Path(agents.__file__).parent, copy / "agents", ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "agents" / "tiny.py").write_text(FILE)
    return f"{copy}:{ROOT}"
