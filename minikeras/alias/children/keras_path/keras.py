"""Stands where a child process looks for keras, and puts minikeras's modules there.

This folder is on the `PYTHONPATH` of processes that `minikeras run` starts.
"""

import sys

if __name__ == "keras":  # and not while a tool reads every file
    from minikeras import alias

    alias.install_in_child()
    sys.modules[__name__] = alias.module(__name__)
