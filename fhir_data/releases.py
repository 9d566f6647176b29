"""The one import of fhir.resources: the model of each type in each release.

fhir.resources has no plain R4; its R4B classes read R4 (clinical resources are alike; a type that only 4.0 has counts
as unknown).
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache

from fhir.resources import R4B, STU3
from fhir.resources.R4B.resource import Resource as ResourceR4B
from fhir.resources.STU3.resource import Resource as ResourceSTU3
from pydantic import BaseModel


class Release(StrEnum):
    """A release of FHIR that sources send."""

    R4 = "4.0"
    STU3 = "3.0"


_PACKAGES = {Release.R4: (R4B, ResourceR4B), Release.STU3: (STU3, ResourceSTU3)}
# Not content of a record; a Bundle in a Bundle would carry resources past every check of who they are about.
_CONTAINERS = frozenset({"Bundle", "Parameters"})


# A source may call its types what it likes, and as many as it likes: few and short names are remembered.
_LONGEST_NAME = 64
_REMEMBERED = 2_048


def model_of(*, name: str, release: Release) -> type[BaseModel] | None:
    """Return the model of a type of resource, None for what is no content of a record in this release."""
    return _model_of(name, release) if len(name) <= _LONGEST_NAME else None


@lru_cache(maxsize=_REMEMBERED)
def _model_of(name: str, release: Release, /) -> type[BaseModel] | None:
    base = _PACKAGES[release][1]
    model = None if name in _CONTAINERS else datatype_of(name=name, release=release)
    is_resource = model is not None and issubclass(model, base) and name not in ("Resource", "DomainResource")
    return model if is_resource else None


@lru_cache(maxsize=_REMEMBERED)
def datatype_of(*, name: str, release: Release) -> type[BaseModel] | None:
    """Return the model of any type, be it a resource or a part of one; None where the release has no such type."""
    if not name.isascii() or not name.isalpha():
        return None
    try:
        model: type[BaseModel] = _PACKAGES[release][0].get_fhir_model_class(name)
    except (ValueError, KeyError, ImportError):
        return None
    return model
