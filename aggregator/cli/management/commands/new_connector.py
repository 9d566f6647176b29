"""`manage.py new_connector`: lay out a distribution for a connector. Runs with no service and no setting."""

from __future__ import annotations

import builtins
import keyword
import re
import shlex
import shutil
import sys
from argparse import ArgumentParser
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from aggregator.sources import catalogue
from connectors.promises.checks import KIND

PROJECT = Path(__file__).resolve().parents[4]
TEMPLATE = PROJECT / "aggregator" / "cli" / "connector_template"
SUFFIX, PACKAGE = ".tpl", "package"


class Command(BaseCommand):
    help = (
        "Lay out a folder for a connector in a distribution of its own: what it needs to be built and installed, a "
        "connector to fill in, and tests that fail until it keeps what every connector promises."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="its kind, which is also the name of its package, such as ward_book")
        parser.add_argument(
            "--into", type=Path, default=Path(), metavar="FOLDER", help="where to make it (default: this folder)"
        )

    def handle(self, *, name: str, into: Path, **_: Any) -> None:
        project = name.replace("_", "-")
        folder = into.absolute() / name
        _check_name(name)
        if folder.exists() or folder.is_symlink():
            raise CommandError(f"{folder} exists already; nothing was changed.")
        _check_unused(name, project=project)
        class_name = "".join(word.capitalize() for word in name.split("_"))
        _check_fits(name, class_name=class_name)
        words = {"kind": name, "distribution": project, "class_name": class_name}
        try:
            folder.mkdir()
        except OSError as error:
            raise CommandError(f"{folder} cannot be made ({error.strerror}).") from None
        try:
            _write(folder=folder, words=words)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise CommandError(f"{folder} cannot be written ({error.strerror}); it was removed again.") from None
        run = f"PYTHONPATH={shlex.quote(str(PROJECT))} {shlex.quote(sys.executable)} -m pytest"
        self.stdout.write(
            f"{name} is laid out in {folder}. Its tests say what to do next:\n\n"
            f"    cd {shlex.quote(str(folder))}\n    {run}\n\n"
            f"docs/connectors.md says what a connector must do. Once it is installed, declare it:\n"
            f"    OTHER_CONNECTORS={name}={name}.connector.{class_name}"
        )


def _check_name(name: str, /) -> None:
    """Raises: CommandError for what cannot be the name of a kind and of a package."""
    if not KIND.fullmatch(name):
        raise CommandError(
            "The name must be a lower-case letter and then lower-case letters, digits or underscores, at most 30 in "
            "all: it becomes the name of a Python package."
        )
    if name.endswith("_") or "__" in name:  # which the name of a distribution may not, or does not keep
        raise CommandError("The name must not end with an underscore, nor have two in a row: it could not be built.")
    if keyword.iskeyword(name):
        raise CommandError(f"{name} is a word of Python's own and cannot be the name of a package.")


def _check_unused(name: str, /, *, project: str) -> None:
    """Raises: CommandError where the name means something already."""
    if name in catalogue.kinds():
        raise CommandError(f"There is a connector of the kind {name} already.")
    if name in sys.stdlib_module_names or find_spec(name) is not None:
        raise CommandError(f"A package {name} can be imported here already: with this name one would hide the other.")
    try:
        distribution(project)
    except PackageNotFoundError:
        return
    raise CommandError(f"A distribution {project} is installed already: this one would replace it.")


def _check_fits(name: str, /, *, class_name: str) -> None:
    """Raises: CommandError where what is laid out has another use for the name, or for that of its class."""
    templates = list(TEMPLATE.rglob(f"*.py{SUFFIX}"))
    taken = {path.name.removesuffix(f".py{SUFFIX}") for path in templates}
    for path in templates:
        imports = re.findall(r"^(?:from|import) .*", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        taken.update(word for line in imports for word in re.findall(r"\w+", line))
    if keyword.iskeyword(class_name) or hasattr(builtins, class_name) or not taken.isdisjoint((name, class_name)):
        raise CommandError(f"What is laid out needs the name {name}, or {class_name}, for something else.")


def _write(*, folder: Path, words: dict[str, str]) -> None:
    for template in sorted(TEMPLATE.rglob(f"*{SUFFIX}")):
        parts = template.relative_to(TEMPLATE).with_suffix("").parts
        path = folder.joinpath(*(words["kind"] if part == PACKAGE else part for part in parts))
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(Template(template.read_text(encoding="utf-8")).substitute(words))
