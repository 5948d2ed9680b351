"""The engine of the shipped page, asked through node."""

import base64
import json
import shutil
import subprocess
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

NODE = shutil.which("node")
PAGE = Path(str(resources.files("minikeras.visualization"))) / "explorer" / "page.html"
DRIVE = Path(__file__).with_name("drive.mjs")

needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed")


def ask(payload, requests, folder, page=PAGE):
    """What the engine answers to requests `(method, *values)`, the payload being loaded."""
    file = folder / "payload.json"
    file.write_text(json.dumps(payload))
    first, *rest = send([["load", str(file)], *requests], page)
    assert first is None, first
    return rest


def send(lines, page=PAGE):
    """What the engine answers to requests; an error is a text."""
    text = "\n".join(json.dumps(line, default=_encoded) for line in lines)
    done = subprocess.run(
        [NODE, DRIVE, page],
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert not done.stderr, done.stderr
    answers = [
        json.loads(line, object_hook=_decoded) for line in done.stdout.splitlines()
    ]
    return [a.get("result", a.get("error")) for a in answers]


def array(value):
    """What an answer's `Tensor` holds."""
    return value["data"].reshape(value["shape"])


def sample(*arrays):
    """A request's `Sample`."""
    return {"inputs": [{"shape": list(a.shape), "data": a} for a in arrays]}


def _encoded(value):
    data = np.ascontiguousarray(value, "float64").tobytes()
    return {"$array": base64.b64encode(data).decode()}


def _decoded(value):
    if "$array" in value:
        return np.frombuffer(base64.b64decode(value["$array"]), "float64")
    return value
