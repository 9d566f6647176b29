"""How a source of the kind $kind answers, and what must come of it.

See connectors/promises/example.py of Longview.
"""

from __future__ import annotations

from aiohttp import web
from $kind.connector import $class_name

from connectors.contract.values import Identifier
from connectors.promises.example import Example
from fhir_data.identifiers import NHS_NUMBER_SYSTEM

# Of a patient who does not exist: NHS numbers from 999 000 0000 on are kept for tests.
NUMBER = "9990000018"


async def well(request: web.Request) -> web.StreamResponse:
    """The source as it is: it knows the patient of NUMBER."""
    raise NotImplementedError(
        "tests/example.py, well: answer each request that such a source gets (request.path begins with /source)"
    )


async def unknown(request: web.Request) -> web.StreamResponse:
    """The same source, which does not know the patient."""
    raise NotImplementedError("tests/example.py, unknown: answer as such a source does for a patient it does not know")


async def broken(request: web.Request) -> web.StreamResponse:
    """As `well`, and one more entry that cannot be used."""
    raise NotImplementedError("tests/example.py, broken: answer as in `well`, with one more entry that cannot be used")


async def mixed(request: web.Request) -> web.StreamResponse:
    """As `well`, and one more entry that is somebody else's."""
    raise NotImplementedError("tests/example.py, mixed: answer as in `well`, with one more entry of somebody else's")


async def stranger(request: web.Request) -> web.StreamResponse:
    """It answers with the record of somebody else, whatever was asked for."""
    raise NotImplementedError("tests/example.py, stranger: answer with the whole record of somebody else")


EXAMPLE = Example(
    connector=$class_name(),
    identifiers=(Identifier(system=NHS_NUMBER_SYSTEM, value=NUMBER),),
    subject="Patient/ID",  # the name of the Patient that comes of `well`
    expected=frozenset(),  # the names of all else that comes of it, such as "Observation/1"
    well=well,
    unknown=unknown,
    broken=broken,
    mixed=mixed,
    stranger=stranger,
    saved=b"",  # the body of an answer of `well`, as it would be saved to a file
)
