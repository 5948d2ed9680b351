"""A worker process that never takes its copy of the dataset is not waited for without end."""

import os
import subprocess
import sys
import textwrap

SCRIPT = """
    import threading

    if __name__ != "__main__":
        print("imported", flush=True)
        threading.Event().wait(300)

    import numpy as np
    import minikeras as keras
    from minikeras.training.data import processes
    from tests.training.datasets import Parts
    from tests.training.models import linear

    processes.START = 0.5
    data = Parts(np.zeros((18, 4)), np.zeros((18, 1)), workers=2, use_multiprocessing=True)
    data.large = bytes(1 << 22)  # more than a pipe holds
    try:
        linear().fit(data, verbose=0)
    except TimeoutError as error:
        print(error)
"""


def test_a_copy_that_is_never_read(tmp_path):
    (tmp_path / "script.py").write_text(textwrap.dedent(SCRIPT))
    done = subprocess.run(
        [sys.executable, tmp_path / "script.py"],
        env={**os.environ, "MINIKERAS_DATA_TIMEOUT": "0.5",
             "PYTHONPATH": os.pathsep.join([os.getcwd(), *sys.path])},
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert "the copy in a process of Parts has not come" in done.stdout, done.stderr
