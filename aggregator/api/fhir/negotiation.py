"""In which format an answer is asked for, and the parameters that every interaction may have. Pure.

This door speaks JSON. Whoever asks for a format in particular, and not for JSON, is told so.
Source: FHIR R4 RESTful API, "Content Types and encodings" and "General parameters"; RFC 9110, 12.5.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from aggregator.errors import Invalid

# The spellings of JSON in `_format`.
JSON_FORMATS = frozenset({"json", "application/json", "application/fhir+json"})
# What of `Accept` takes FHIR's JSON.
_JSON_RANGES = frozenset({"*/*", "application/*", "application/json", "application/fhir+json"})
_FHIR_VERSIONS = frozenset({"4.0", "4.0.1"})
# `_pretty` changes no more than the space between the members of an answer, so that it may be ignored.
_FORMAT, _PRETTY, _SUMMARY = "_format", "_pretty", "_summary"
# A text between quotation marks may hold what separates elsewhere.
_PARTS = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^",])+')
_PARAMETERS = re.compile(r';\s*([^\s;="]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;"]*)')
_WEIGHT = re.compile(r"(0(\.[0-9]{0,3})?|1(\.0{0,3})?)", re.ASCII)


def is_json_wanted(*, accept: str, formats: Iterable[str]) -> bool:
    """Return whether JSON of FHIR R4 may be answered. `formats` are the values of `_format`: they count, not `accept`.

    Of the ranges in `accept` that take JSON the most exact counts: with a weight of 0 it refuses it.
    """
    named = [name for name in formats if name.strip()]
    if named:
        return all(_is_json_format(name) for name in named)
    if not accept.strip():
        return True
    weights: dict[str, float] = {}
    for part in _PARTS.findall(accept):
        name = part.partition(";")[0].strip().lower()
        if name not in _JSON_RANGES:
            continue
        parameters = {key.lower(): value.strip().strip('"') for key, value in _PARAMETERS.findall(part)}
        if parameters.get("fhirversion", "4.0") in _FHIR_VERSIONS:
            weights[name] = max(weights.get(name, 0.0), _weight(parameters.get("q", "1")))
    exact = [weights[name] for name in ("application/fhir+json", "application/json") if name in weights]
    if exact:
        return max(exact) > 0
    return next((weights[name] for name in ("application/*", "*/*") if name in weights), 0.0) > 0


def own_parameters(parameters: Mapping[str, list[str]], /) -> dict[str, list[str]]:
    """Return the parameters of an interaction without those that every interaction may have.

    Raises: Invalid for a summary: what is left out of one could not be told from what is not there.
    """
    if any(value not in ("", "false") for value in parameters.get(_SUMMARY, ())):
        raise Invalid("Summaries are not supported: leave _summary out.", code="parameters")
    return {name: values for name, values in parameters.items() if name not in {_FORMAT, _PRETTY, _SUMMARY}}


def _is_json_format(name: str) -> bool:
    # A plus sign that was not encoded arrives as a space.
    bare = name.partition(";")[0].strip().lower().replace(" ", "+")
    parameters = {key.lower(): value.strip().strip('"') for key, value in _PARAMETERS.findall(name)}
    return bare in JSON_FORMATS and parameters.get("fhirversion", "4.0") in _FHIR_VERSIONS


def _weight(text: str) -> float:
    """Return a weight; one that cannot be read says nothing, and so is 1."""
    return float(text) if _WEIGHT.fullmatch(text) else 1.0
