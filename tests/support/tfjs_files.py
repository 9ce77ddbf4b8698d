"""TensorFlow.js layers models in the tarball of an npm package, as its converter writes them."""

import io
import json
import tarfile
from collections.abc import Mapping
from typing import Any

import numpy as np

#: Smaller than that of the converter (4 MiB), so that tensors reach over the end of a shard here too.
SHARD = 1000


def tarball(
    weights: Mapping[str, Mapping[str, Any]],
    options: Mapping[str, Mapping[str, Any]] | None = None,
    shard: int = SHARD,
    **entry: Any,
) -> bytes:
    """A package with these tensors by layer and part; `entry` is added to what the index says of each."""
    named = {
        f"{layer}/{part}": np.asarray(values) for layer, parts in weights.items() for part, values in parts.items()
    }
    content = b"".join(values.astype("<f4").tobytes() for values in named.values())
    parts = [content[start : start + shard] for start in range(0, len(content), shard)]
    paths = [f"group1-shard{number}of{len(parts)}.bin" for number in range(1, len(parts) + 1)]
    layers = [{"config": {"name": name, **values}} for name, values in (options or {}).items()]
    index = {
        "modelTopology": {"model_config": {"config": {"layers": layers}}},
        "weightsManifest": [
            {
                "paths": paths,
                "weights": [
                    {"name": name, "shape": list(values.shape), "dtype": "float32", **entry}
                    for name, values in named.items()
                ],
            }
        ],
    }
    return packed({"model.json": json.dumps(index).encode(), **dict(zip(paths, parts, strict=True))})


def packed(files: Mapping[str, bytes]) -> bytes:
    """These files in a folder of a tarball."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz", compresslevel=1) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/net/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return made.getvalue()
