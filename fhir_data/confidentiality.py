"""What a security label means: whether it withholds what it stands on. The codes are in `security_labels.toml`. Pure.

What is misspelt is not thereby open to all: a label is compared without case, space, invisible characters, version and
scheme. A code that nobody knows withholds where it names no system, or the system of confidentiality or sensitivity;
labels of purpose, handling or integrity never do.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from fhir_data.labels import Label

_SCHEME = re.compile(r"\A(https?:/*|urn:(oid:)?|oid:)(www\.)?")
# Characters that leave no mark: control, format, private and unassigned ones, and every kind of space.
_INVISIBLE = frozenset({"Cc", "Cf", "Cn", "Co", "Zl", "Zp", "Zs"})


@lru_cache(maxsize=1024)
def restricts(label: Label, /) -> bool:
    """Return whether a label withholds what it stands on."""
    code = _plain(label.code)
    if not code:
        return True  # nobody can tell what it says
    system = system_name(label.system)
    if any(word in system for word in _VALUE_SET_WORDS):
        system = ""
    kinds = [kind for kind in _KINDS if kind.has(system)]
    if not kinds and system:  # a system of somebody else's: what is withheld by name is withheld there as well
        return any(code in kind.withheld for kind in _KINDS)
    among = kinds or _KINDS
    if any(code in kind.withheld for kind in among):
        return True
    is_open = any(code in kind.open for kind in among)
    return not is_open and any(kind.withholds_unknown for kind in among)


def system_name(system: str, /) -> str:
    """Return the name of a code system for comparing: without scheme, case, version and what cannot be seen."""
    return _SCHEME.sub("", _plain(system).partition("|")[0]).strip("/#.")


@dataclass(frozen=True, kw_only=True)
class LabelMeaning:
    """What a label says, for comparing. `kind` is "" where its system is none, or none that is known."""

    kind: str
    code: str


@lru_cache(maxsize=1024)
def meaning_of(label: Label, /) -> LabelMeaning:
    """Return what a label says, however it is spelt."""
    system = system_name(label.system)
    kinds = [kind.name for kind in _KINDS if kind.has(system)]
    is_clear = len(kinds) == 1 and not any(word in system for word in _VALUE_SET_WORDS)
    return LabelMeaning(kind=kinds[0] if is_clear else "", code=_plain(label.code))


@lru_cache(maxsize=1024)
def is_known(label: Label, /) -> bool:
    """Return whether a label says how confidential or sensitive something is, by a code that is known."""
    meaning = meaning_of(label)
    return any(
        kind.name == meaning.kind and kind.withholds_unknown and meaning.code in kind.open | kind.withheld
        for kind in _KINDS
    )


@lru_cache(maxsize=1024)
def is_understood(label: Label, /) -> bool:
    """Return whether a label's code is one that says how confidential or sensitive something is, whatever its system.

    What no kind of label knows may be anything, a source's own refusal included.
    """
    code = meaning_of(label).code
    return any(kind.withholds_unknown and code in kind.open | kind.withheld for kind in _KINDS)


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """One kind of label: by which systems it is known, and what its codes do."""

    name: str
    systems: frozenset[str]
    words: tuple[str, ...]
    open: frozenset[str]
    withheld: frozenset[str]
    withholds_unknown: bool

    def has(self, system: str, /) -> bool:
        return bool(system) and (system in self.systems or any(word in system for word in self.words))


def _plain(text: str) -> str:
    """Return a text for comparing: what looks the same is the same."""
    normal = unicodedata.normalize("NFKC", text)
    return "".join(sign for sign in normal if unicodedata.category(sign) not in _INVISIBLE).casefold()


def _read_codes() -> tuple[tuple[str, ...], tuple[_Kind, ...]]:
    """Return by which words a name is one of all labels, and the kinds of them."""
    sections = tomllib.loads((files(__package__) / "security_labels.toml").read_text(encoding="utf-8"))
    words = tuple(sections.pop("value_set_words"))
    return words, tuple(
        _Kind(
            name=name,
            systems=frozenset(map(system_name, section["systems"])),
            words=tuple(section["system_words"]),
            open=frozenset(map(_plain, section["open"])),
            withheld=frozenset(map(_plain, section["withheld"])),
            withholds_unknown=section["unknown"] == "withheld",
        )
        for name, section in sections.items()
    )


_VALUE_SET_WORDS, _KINDS = _read_codes()
