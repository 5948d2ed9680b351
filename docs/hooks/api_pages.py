"""Pages of the API, made from each namespace's `__all__` when the site is built.

MkDocs calls the `on_` functions (see `hooks` in mkdocs.yml). A page is the
namespace's own docstring and one `:::` line for each name, which mkdocstrings fills
with signature and docstring. So no page repeats by hand what the code says.
"""

from __future__ import annotations

import functools
import importlib.util
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import minikeras

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

# The order of the navigation, and which page tells about what several have: the first.
# Namespaces that are not here come after these.
ORDER = (
    "models", "layers", "activations", "initializers", "regularizers", "constraints",
    "losses", "metrics", "optimizers", "optimizers.schedules", "callbacks",
    "applications", "datasets", "utils", "preprocessing", "ops", "ops.image",
    "ops.linalg", "ops.nn", "ops.numpy", "random", "tree", "saving", "export", "config",
    "dtype_policies", "mixed_precision", "distribution", "quantizers", "visualization",
    "backend", "",
)  # fmt: skip

# Classes that people subclass or call methods of: their methods are shown too.
WITH_METHODS = {
    "Callback", "Constraint", "Dataset", "DTypePolicy", "ExportArchive", "GradientTape",
    "Initializer", "KerasTensor", "Layer", "LearningRateSchedule", "Loss", "Metric",
    "Model", "Operation", "Optimizer", "PyDataset", "RNN", "Regularizer",
    "SeedGenerator", "Sequential", "Tensor", "Variable",
}  # fmt: skip


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Puts the pages into the navigation, and guides that it does not list."""
    config.nav = config.nav or []
    guides = next(entry["Guides"] for entry in config.nav if "Guides" in entry)
    listed = {path for entry in guides for path in entry.values()}
    for path in sorted(Path(config.docs_dir, "guides").glob("*.md")):
        if (place := f"guides/{path.name}") not in listed:
            guides.append({path.read_text("utf-8").splitlines()[0][2:]: place})
    config.nav.append({"API": [f"api/{name}.md" for name, _ in pages()]})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages to the site."""
    from mkdocs.structure.files import File

    for name, text in pages():
        files.append(File.generated(config, f"api/{name}.md", content=text))
    return files


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    return _self_contained(output, "../" * page.file.dest_uri.count("/"))


def on_post_template(
    output_content: str, template_name: str, config: MkDocsConfig
) -> str:
    return _self_contained(output_content, "")


def _self_contained(html: str, root: str) -> str:
    """Search from a folder needs a script, which the theme would fetch from elsewhere."""
    own = f'<script src="{root}assets/worker.js"'
    return re.sub(r'<script src="https://[^"]+/iframe-worker[^"]*"', own, html)


_IMPORTS = "Examples begin with `import minikeras as keras` and `import numpy as np`."


@functools.cache
def pages() -> list[tuple[str, str]]:
    """The name of each page, and its Markdown."""
    owners: dict[int, tuple[str, str]] = {}
    return [(name or "keras", _page(name, owners)) for name in namespaces()]


@functools.cache
def namespaces() -> list[str]:
    """The public modules, in order; "" is `keras` itself."""
    found = {""}
    for name, value in names(minikeras):
        if inspect.ismodule(value) and hasattr(value, "__all__"):
            found.add(name)
            found |= {
                f"{name}.{below}" for below, v in names(value) if inspect.ismodule(v)
            }
    return [n for n in ORDER if n in found] + sorted(found - set(ORDER))


def names(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """What a module offers, sorted: `__all__`, or the functions that it defines."""
    defined = (n for n, v in vars(module).items() if inspect.isfunction(v))
    own = (n for n in defined if getattr(module, n).__module__ == module.__name__)
    for name in sorted(getattr(module, "__all__", own), key=str.lower):
        if not name.startswith("_"):
            yield name, getattr(module, name)


def _page(namespace: str, owners: dict[int, tuple[str, str]]) -> str:
    """`owners` has the name and place of what is told already, and is added to."""
    path = f"minikeras.{namespace}".rstrip(".")
    module = functools.reduce(getattr, path.split(".")[1:], minikeras)
    heading = f"# {path.replace('mini', '', 1)}"
    told, elsewhere = [], []
    # A class before other spellings of it.
    objects = [(n, v) for n, v in names(module) if hasattr(v, "__qualname__")]
    for name, value in sorted(objects, key=lambda o: o[0] != o[1].__name__):
        if id(value) in owners:
            shown, place = owners[id(value)]
            elsewhere.append(f"- `{name}` is [`{shown}`]{place}")
        else:
            target = _source(path, name, value)
            shown = f"{path}.{name}".replace("mini", "", 1)
            if _is_made(value):
                owners[id(value)] = shown, f"({namespace or 'keras'}.md#{target})"
                told.append((name, _shown(target, value)))
            else:
                owners[id(value)] = shown, f"[{target}]"
                told.append((name, _entry(name, target)))
    told.sort(key=lambda entry: entry[0].lower())
    parts = [heading, inspect.getdoc(module) or "", _IMPORTS]
    parts += [entry for _, entry in told]
    if elsewhere:
        parts += ["## Told elsewhere", "\n".join(sorted(elsewhere, key=str.lower))]
    return "\n\n".join(parts) + "\n"


def _entry(name: str, target: str) -> str:
    """The line for mkdocstrings."""
    members = "" if name in WITH_METHODS else "        members: false\n"
    options = f"        heading: {name}\n        toc_label: {name}\n{members}"
    return f"::: {target}\n    options:\n{options}"


def _is_made(value: Any) -> bool:
    """Whether a function was made by another, so that no source defines its name."""
    inner = inspect.unwrap(value)
    return inspect.isfunction(inner) and inner.__code__.co_name != value.__name__


def _shown(target: str, value: Any) -> str:
    """What Python itself says of a function."""
    heading = f"## {value.__name__} {{#{target}}}"
    call = f"{value.__name__}{inspect.signature(value)}"
    return f"{heading}\n\n```text\n{call}\n\n{inspect.getdoc(value)}\n```\n"


def _source(path: str, name: str, value: Any) -> str:
    """Where mkdocstrings, which reads sources and runs nothing, finds the definition."""
    public = f"{path}.{name}"
    if value.__name__ == name and not _is_module(public):
        return public
    return f"{value.__module__}.{value.__qualname__}"


def _is_module(path: str) -> bool:
    """Whether a module has the name too, which a reader of sources finds first."""
    try:
        return importlib.util.find_spec(path) is not None
    except ModuleNotFoundError:
        return False
