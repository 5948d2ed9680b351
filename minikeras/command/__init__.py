"""The command `minikeras`: one module for each of its words.

A module has `configure(parser)`, which adds its arguments, and `run(options)`, which does
the work and gives the exit status. Where it has `split(words)` too, that parts its own
words from those in `options.words`, which nobody parses.

Only the module that is asked for is imported, so a new command is one module and one line
here.
"""

from __future__ import annotations

COMMANDS = {
    "demo": "train a CNN on handwritten digits and write report.html",
    "run": "run a script, its `import keras` being minikeras",
    "launch": "run a command on several processes that train together, by mpiexec",
    "info": "show versions, backends, processor, threads, GPU and caches",
    "inspect": "show what is in a model or weights file, without building it",
    "explore": "write a page on which one sees every neuron of a model answer",
    "convert": "write a model or weights file in another format",
    "docs": "show a page of the documentation, which errors name",
    "cache": "show what is kept on disk, or clear it",
    "completion": "print the lines that make a shell complete these words",
}
