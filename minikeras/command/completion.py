"""`minikeras completion`: lines for bash, zsh and fish."""

from __future__ import annotations

import argparse
import importlib

from minikeras.command import COMMANDS

SHELLS = ("bash", "zsh", "fish")


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.description = (
        'Prints what completes these words. For bash: eval "$(minikeras completion bash)" '
        "in ~/.bashrc; for zsh the same in ~/.zshrc, after compinit; for fish: minikeras "
        "completion fish > ~/.config/fish/completions/minikeras.fish."
    )
    parser.add_argument("shell", choices=SHELLS, help="one of %(choices)s")


def run(options: argparse.Namespace) -> int:
    """Prints the lines."""
    made = {"bash": _bash, "zsh": _zsh, "fish": _fish}[options.shell]()
    print(made)
    return 0


def options_of(name: str) -> dict[str, str]:
    """The options of a command, and what they do."""
    parser = argparse.ArgumentParser(add_help=True)
    importlib.import_module(f"minikeras.command.{name}").configure(parser)
    formatter = parser._get_formatter()
    return {
        option: formatter._expand_help(action) if action.help else ""
        for action in parser._actions
        for option in action.option_strings
        if option.startswith("--")
    }


def _bash() -> str:
    cases = "\n".join(
        f'    {name}) words="{" ".join(options_of(name))}" ;;' for name in COMMANDS
    )
    return f"""_minikeras() {{
  local words="{" ".join(COMMANDS)} --help --version"
  local here="${{COMP_WORDS[COMP_CWORD]}}"
  if [ "$COMP_CWORD" -gt 1 ]; then case "${{COMP_WORDS[1]}}" in
{cases}
  esac; fi
  COMPREPLY=($(compgen -W "$words" -- "$here"))
  [[ "$here" == -* || "$COMP_CWORD" -eq 1 ]] || COMPREPLY+=($(compgen -f -- "$here"))
}}
complete -o filenames -F _minikeras minikeras"""


def _zsh() -> str:
    names = " ".join(f"'{name}:{_quoted(about)}'" for name, about in COMMANDS.items())
    cases = "\n".join(
        f"    {name}) compadd -- {' '.join(options_of(name))}; _files ;;"
        for name in COMMANDS
    )
    return f"""_minikeras() {{
  if (( CURRENT == 2 )); then local -a words; words=({names}); _describe command words
  else case "$words[2]" in
{cases}
  esac; fi
}}
compdef _minikeras minikeras"""


def _fish() -> str:
    lines = [
        f"complete -c minikeras -n __fish_use_subcommand -f -a {name} -d '{_quoted(about)}'"
        for name, about in COMMANDS.items()
    ]
    for name in COMMANDS:
        lines += [
            f"complete -c minikeras -n '__fish_seen_subcommand_from {name}' "
            f"-l {option.removeprefix('--')} -d '{_quoted(about)}'"
            for option, about in options_of(name).items()
        ]
    return "\n".join(lines)


def _quoted(text: str) -> str:
    return text.replace("'", "").replace(":", ",").replace("`", "")
