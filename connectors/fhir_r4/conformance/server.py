"""What can be seen of a FHIR server without reading anybody's record: what it says of itself, and whether that is true.

Every search here is for an identifier or a patient that does not exist.
"""

from __future__ import annotations

import re

from connectors.contract.conformance import Finding
from connectors.contract.errors import NoCredentials, SourceError
from connectors.credentials import TokenKeeper
from connectors.examining import (
    FHIR_JSON,
    Untestable,
    counted,
    encrypted,
    judged,
    media_type,
    met,
    missed,
    named,
    object_in,
    packed,
    type_in,
    words_of,
)
from connectors.fhir_r4.capability import EXPECTED, UNDECLARED
from connectors.fhir_r4.conformance.talk import Declared, Talk, expect_let_in
from connectors.reading import split_answer
from connectors.transport.client import Answer
from fhir_data.access import listed, text, texts
from fhir_data.releases import Release

JSON_NAMES = frozenset({"json", "application/json", FHIR_JSON})
XML = "application/fhir+xml"
XML_NAMES = frozenset({"xml", "application/xml", XML})
# A server may declare all types of FHIR, and each is asked for.
MOST_SEARCHES = 160
NO_SUCH_TYPE = "NoSuchResource"
_VERSION = re.compile(r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{1,2}")


async def has_statement(talk: Talk) -> Finding:
    """A statement comes, whoever asks."""
    try:
        answer = await talk.metadata()
    except NoCredentials:
        raise
    except SourceError as error:
        return missed(words_of(error))
    kind = type_in(answer)
    is_there = answer.status == 200 and kind == "CapabilityStatement"
    return judged(is_there, f"status {answer.status}" + ("" if is_there else ", and no CapabilityStatement"))


async def speaks_r4(talk: Talk) -> Finding:
    """The release is 4.0; 4.3 is R4B, which is another."""
    version = _VERSION.match(text((await talk.statement()).get("fhirVersion")))
    if version is None:
        return missed("it says nothing that is a release")
    return judged(version[0].startswith("4.0."), f"it says {version[0]}")


async def names_json(talk: Talk) -> Finding:
    """JSON is among the formats."""
    formats = [each.partition(";")[0].strip() for each in texts(listed((await talk.statement()).get("format")))]
    return judged(JSON_NAMES.intersection(formats), f"it names {counted(len(formats), 'format')}")


async def is_encrypted(talk: Talk) -> Finding:
    """The connection is encrypted, and the certificate accepted."""
    return await encrypted(base=talk.base, ask=talk.metadata)


async def says_fhir_json(talk: Talk) -> Finding:
    """The media type of all that came so far is FHIR's."""
    answers = [answer for answer in talk.answers if object_in(answer.body)]
    if not answers:
        raise Untestable("nothing came as JSON")
    others = sum(media_type(answer) != FHIR_JSON for answer in answers)
    return judged(not others, f"{others} of {counted(len(answers), 'answer')} called something else")


async def negotiates(talk: Talk) -> Finding:
    """XML is sent where it is declared, and refused where it is not."""
    formats = texts(listed((await talk.statement()).get("format")))
    has_xml = bool(XML_NAMES.intersection(formats))
    answer = await talk.get("metadata", accept=XML)
    if has_xml:
        is_xml = answer.status == 200 and media_type(answer) == XML
        return judged(is_xml, f"XML is declared; status {answer.status}" + ("" if is_xml else ", and it is not XML"))
    return judged(answer.status == 406, f"XML is not declared; status {answer.status}")


async def packs(talk: Talk) -> Finding:
    """The statement comes as gzip."""
    return packed(await talk.metadata())


async def lets_nobody_in(talk: Talk) -> Finding:
    """Without a token a search is refused."""
    if talk.source.options.get("auth", "none") == "none":
        raise Untestable("it is asked without a token (--option auth=smart or auth=token)")
    answer = await talk.get(f"Patient?{talk.nobodys_search()}", is_open=True)
    return judged(answer.status in (401, 403), f"status {answer.status} without a token")


def _expect_smart(talk: Talk) -> None:
    if talk.source.options.get("auth") != "smart":
        raise Untestable("it is not asked with SMART Backend Services (--option auth=smart)")


async def _configuration(talk: Talk) -> Answer:
    return await talk.get(".well-known/smart-configuration", accept="application/json", is_open=True)


async def has_configuration(talk: Talk) -> Finding:
    """The configuration names a token endpoint, encrypted where the server is."""
    _expect_smart(talk)
    answer = await _configuration(talk)
    endpoint = text(object_in(answer.body).get("token_endpoint"))
    is_sound = endpoint.startswith("https://" if talk.base.startswith("https://") else ("https://", "http://"))
    return judged(
        answer.status == 200 and is_sound, f"status {answer.status}" + ("" if is_sound else ", no sound token_endpoint")
    )


async def signs_for_itself(talk: Talk) -> Finding:
    """The configuration says that a system may use a key of its own."""
    _expect_smart(talk)
    said = object_in((await _configuration(talk)).body)
    has_capability = "client-confidential-asymmetric" in texts(said.get("capabilities"))
    has_method = "private_key_jwt" in texts(said.get("token_endpoint_auth_methods_supported"))
    return judged(
        has_capability and has_method,
        f"client-confidential-asymmetric is {'' if has_capability else 'not '}named,"
        f" private_key_jwt is {'' if has_method else 'not '}named",
    )


async def says_scope(talk: Talk) -> Finding:
    """A token came, and with it what it is for."""
    _expect_smart(talk)
    try:
        await talk.get(f"Patient?{talk.nobodys_search()}")
    except NoCredentials:
        raise
    except SourceError as error:
        return missed(words_of(error))
    scope = talk.channels.get(TokenKeeper).scope(source=talk.source)
    return judged(scope, f"{counted(len(scope.split()), 'scope')} came with the token")


async def finds_nobody(talk: Talk) -> Finding:
    """A search for nobody is a searchset without a match."""
    return await _finds_nobody(await talk.get(f"Patient?{talk.nobodys_search()}"))


async def finds_nobody_by_post(talk: Talk) -> Finding:
    """The same by POST."""
    return await _finds_nobody(await talk.get("Patient/_search", form=talk.nobodys_search()))


async def _finds_nobody(answer: Answer) -> Finding:
    if expect_let_in(answer).status != 200:
        return missed(f"status {answer.status}")
    if not _is_searchset(answer):
        return missed("status 200, and no searchset")
    matches = _matches(answer)
    return judged(not matches, f"status 200, {counted(matches, 'Patient')} for an identifier that nobody bears")


async def links_to_itself(talk: Talk) -> Finding:
    """The self link of that search names the identifier."""
    answer = await talk.get(f"Patient?{talk.nobodys_search()}")
    if answer.status != 200 or not _is_searchset(answer):
        raise Untestable(f"status {answer.status} to a search for nobody")
    links = [address for relation, address in split_answer(payload=answer.body).links if relation == "self"]
    if not links:
        return missed("there is no self link")
    names_it = "identifier" in links[0]
    return judged(names_it, f"the self link {'names' if names_it else 'does not name'} what was searched for")


async def does_what_it_declares(talk: Talk) -> Finding:
    """Each type that is declared to be searched is searched, for nobody."""
    searches = _searches(await talk.declared(), nobody=talk.nobody)
    if not searches:
        raise Untestable("it declares no search that could be tried")
    refused: list[str] = []
    statuses: set[int] = set()
    shut = 0
    for name, path in searches.items():
        answer = await talk.get(path)
        if answer.status in (401, 403):
            shut += 1
        elif answer.status != 200 or not _is_searchset(answer):
            refused.append(name)
            statuses.add(answer.status)
    tried = len(searches) - shut
    if not tried:
        raise Untestable(f"it lets us search none of {counted(shut, 'type')}")
    if refused:
        codes = ", ".join(map(str, sorted(statuses)))
        return missed(
            f"{len(refused)} of {tried} searches are not answered (status {codes}):"
            f" {named(refused, release=Release.R4)}"
        )
    return met(
        f"{counted(tried, 'search', 'searches')}, each with a searchset" + (f"; {shut} are not for us" if shut else "")
    )


def _searches(declared: dict[str, Declared], /, *, nobody: str) -> dict[str, str]:
    """Return the search for nobody of each type that is declared to be searched, by what is declared of it."""
    searches: dict[str, str] = {}
    for name, each in declared.items():
        parameter = each.by_patient or ("_id" if "_id" in each.parameters else "")
        if each.can_search and parameter and name != "Patient" and name.isalpha() and name.isascii():
            searches[name] = f"{name}?{parameter}={nobody}"
    return dict(list(searches.items())[:MOST_SEARCHES])


async def nobodys_entries(talk: Talk) -> dict[str, int]:
    """Return how many entries the searches by patient gave for a patient who does not exist, by type.

    Raises: SourceError; Untestable.
    """
    given: dict[str, int] = {}
    for name, path in _searches(await talk.searchable(), nobody=talk.nobody).items():
        if "_id=" in path:
            continue
        answer = await talk.get(path)
        if answer.status == 200 and _is_searchset(answer) and (matches := _matches(answer)):
            given[name] = matches
    return given


async def refuses_undeclared(talk: Talk) -> Finding:
    """A clinical type that is not declared is refused."""
    declared = await talk.declared()
    undeclared = next((each for each in UNDECLARED.types if each.name not in declared), None)
    if undeclared is None:
        raise Untestable("it declares every type that was looked for")
    answer = await talk.refused(f"{undeclared.name}?{undeclared.parameter}={talk.nobody}")
    return judged(400 <= answer.status < 500, f"status {answer.status} for {undeclared.name}, which is not declared")


async def refuses_unknown_type(talk: Talk) -> Finding:
    """A type that nobody has is not found."""
    answer = await talk.refused(f"{NO_SUCH_TYPE}?_id={talk.nobody}")
    return judged(answer.status == 404, f"status {answer.status}")


async def refuses_unknown_id(talk: Talk) -> Finding:
    """An id that nobody has is not found."""
    answer = await talk.refused(f"Patient/{talk.nobody}")
    return judged(answer.status == 404, f"status {answer.status}")


async def refuses_bad_value(talk: Talk) -> Finding:
    """A date that is none is refused, in a search that would find nobody."""
    patient = (await talk.searchable()).get("Patient", Declared())
    parameter = "birthdate" if "birthdate" in patient.parameters else "_lastUpdated"
    answer = await talk.refused(f"Patient?{talk.nobodys_search()}&{parameter}=not-a-date")
    return judged(answer.status == 400, f"status {answer.status}")


async def is_strict(talk: Talk) -> Finding:
    """A parameter that it does not know is refused where that is wanted."""
    path = f"Patient?{talk.nobodys_search()}&no-such-parameter=1"
    answer = await talk.refused(path, prefer="handling=strict")
    return judged(answer.status == 400, f"status {answer.status}")


async def says_why(talk: Talk) -> Finding:
    """Each refusal so far was an OperationOutcome."""
    if not talk.errors:
        raise Untestable("it refused nothing that it was asked")
    silent = sum(type_in(answer) != "OperationOutcome" for answer in talk.errors)
    return judged(not silent, f"{silent} of {counted(len(talk.errors), 'refusal')} without an OperationOutcome")


async def declares_clinical_types(talk: Talk) -> Finding:
    """The types of QEDm can be searched by patient."""
    declared = await talk.declared()
    lacking = [name for name in sorted(EXPECTED) if not _is_by_patient(declared.get(name, Declared()))]
    if lacking:
        return missed(f"{len(lacking)} of {len(EXPECTED)} are not: {named(lacking, release=Release.R4)}")
    return met(f"all {len(EXPECTED)} are declared")


def _is_by_patient(declared: Declared, /) -> bool:
    return declared.can_search and bool(declared.by_patient)


def _is_searchset(answer: Answer, /) -> bool:
    body = object_in(answer.body)
    return body.get("resourceType") == "Bundle" and body.get("type") == "searchset"


def _matches(answer: Answer, /) -> int:
    """Return how many entries of a result are what was searched for."""
    page = split_answer(payload=answer.body)
    return sum(
        entry.is_match and head is not None and head.said_type != "OperationOutcome"
        for entry, head in zip(page.entries, page.heads, strict=True)
    )
