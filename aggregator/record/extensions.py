"""Extensions of the United Kingdom's profiles, found by their plain name in whichever release spelt them. Pure."""

from __future__ import annotations

import re

from aggregator.record.reading import Resource
from fhir_data.access import mapping, mappings, text

# What publishers put around the name of an extension, as in `Extension-CareConnect-GPC-MedicationStatus-1`.
_BEFORE = re.compile(r"^(?:extension|ukcore|careconnect|gpc|nhsdigital|ods)-", re.IGNORECASE)
_AFTER = re.compile(r"-\d+$")


def plain_name(*, url: str) -> str:
    """Return the name of an extension without the marks of its publisher and version."""
    name = url.rstrip("/").rpartition("/")[2]
    while (shorter := _BEFORE.sub("", name)) != name:
        name = shorter
    return _AFTER.sub("", name)


def extensions_named(resource: Resource, /, *names: str) -> list[Resource]:
    """Return the extensions of an element that have one of these plain names, in order."""
    wanted = {name.lower() for name in names}
    return [
        extension
        for extension in mappings(mapping(resource).get("extension"))
        if plain_name(url=text(extension.get("url"))).lower() in wanted
    ]


def part_of_extension(extension: Resource, name: str, /) -> Resource:
    """Return one part of an extension that has parts; an empty mapping where it has none of that name."""
    return next(iter(extensions_named(extension, name)), {})


def extension_value(extension: Resource, /) -> object:
    """Return the value of an extension, whatever its type; None where it has none."""
    return next((value for name, value in mapping(extension).items() if name.startswith("value")), None)
