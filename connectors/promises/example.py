"""What the author of a connector says of a source of its kind: how such a source answers, and what must come of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from connectors.contract.protocol import Connector
from connectors.contract.values import Identifier
from connectors.promises.serving import Handler

# Where a source is served: its base address ends in this path.
PATH = "/source"


@dataclass(frozen=True, kw_only=True)
class Example:
    """A source of a kind, in the states that matter, and what the connector must make of each.

    `identifiers` are those under which the source holds the patient; their values must be found nowhere by accident,
    so a word such as `1` will not do. `subject` is the name of the patient's own Patient resource, and `expected` are
    the names of all other resources that must come, as `Type/id`.

    Each of these answers every request that such a source gets:
    `well`        the source as it is
    `unknown`     the same source, which does not know the patient
    `broken`      as `well`, and one more entry that cannot be used
    `mixed`       as `well`, and one more entry that is somebody else's
    `stranger`    it answers with the record of somebody else, whatever was asked for

    `saved` is an answer of `well` as it would be saved to a file. `options` are the source's settings, and `secrets`
    the contents of the secrets that they name, by option.
    """

    connector: Connector
    identifiers: tuple[Identifier, ...]
    subject: str
    expected: frozenset[str]
    well: Handler
    unknown: Handler
    broken: Handler
    mixed: Handler
    stranger: Handler
    saved: bytes
    options: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, bytes] = field(default_factory=dict, repr=False)
