"""The people that a source holds, from a CSV. Pure.

Columns: local_id (default: nhs_number), nhs_number, nhs_number_status, family, given, birth_date, gender, postcode,
address_line, phone, deceased (yes or no), death_date (1948-03-01, 1948-03 or 1948), restricted (yes: where the person
lives and how to reach them is not to be told). Only an identifier is needed; a value that is missing is not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aggregator.csv_rows import Rejected, read_rows
from aggregator.mpi.death import MAX_DATE_LENGTH, days_meant
from aggregator.mpi.demographics import Demographics, Identity, digits_of, whole_date

COLUMNS = (
    "local_id",
    "nhs_number",
    "nhs_number_status",
    "family",
    "given",
    "birth_date",
    "gender",
    "postcode",
    "address_line",
    "phone",
    "deceased",
    "death_date",
    "restricted",
)
IDENTIFIERS = frozenset({"local_id", "nhs_number"})
YES_OR_NO = {"yes": True, "true": True, "no": False, "false": False}


def read_identities(*, lines: Iterable[str], max_lengths: Mapping[str, int]) -> tuple[list[Identity], list[Rejected]]:
    """Return the identities of a CSV with a heading, and the lines that were rejected.

    `max_lengths` maps columns to the longest value that can be kept. A longer one rejects its line; nothing is cut.
    Raises: ValueError when the heading names no identifier, or a column that is not known.
    """
    taken: dict[str, Identity] = {}
    rejected: list[Rejected] = []
    for row in read_rows(lines=lines, required=[IDENTIFIERS], known=COLUMNS):
        if isinstance(row, Rejected):
            rejected.append(row)
            continue
        problem = _problem(values=row.values, taken=taken, max_lengths=max_lengths)
        if row.surplus:  # a comma without quotation marks moves what comes after it into other columns
            problem = "it has more fields than the heading"
        if problem:
            rejected.append(row.rejected(reason=problem))
            continue
        identity = _identity(row.values)
        taken[identity.identifier_value] = identity
    return list(taken.values()), rejected


def _problem(*, values: Mapping[str, str], taken: dict[str, Identity], max_lengths: Mapping[str, int]) -> str:
    identifier = _identifier(values)
    if not identifier:
        return "no identifier"
    if identifier in taken:
        return "the same identifier is on an earlier line"
    for name, limit in max_lengths.items():
        if len(values.get(name, "")) > limit:
            return f"{name} is longer than {limit} characters"
    if values.get("birth_date") and whole_date(text=values["birth_date"]) is None:
        return "birth_date is not a date such as 1980-08-14"
    if values.get("restricted", "") and values["restricted"].lower() not in YES_OR_NO:
        return "restricted is neither yes nor no"
    return _problem_of_death(deceased=values.get("deceased", ""), death_date=values.get("death_date", ""))


def _problem_of_death(*, deceased: str, death_date: str) -> str:
    if deceased and deceased.lower() not in YES_OR_NO:
        return "deceased is neither yes nor no"
    if death_date and (len(death_date) > MAX_DATE_LENGTH or days_meant(text=death_date) is None):
        return "death_date is not a date such as 1980-08-14, 1980-08 or 1980"
    if death_date and YES_OR_NO.get(deceased.lower()) is False:
        return "deceased says no beside a death_date"
    return ""


def _identifier(values: Mapping[str, str]) -> str:
    return values.get("local_id", "") or digits_of(text=values.get("nhs_number", ""))


def _identity(values: Mapping[str, str]) -> Identity:
    death_date = values.get("death_date", "")
    return Identity(
        identifier_value=_identifier(values),
        demographics=Demographics(
            nhs_number=digits_of(text=values.get("nhs_number", "")),
            nhs_number_status=values.get("nhs_number_status", ""),
            family=values.get("family", ""),
            given=values.get("given", ""),
            birth_date=whole_date(text=values.get("birth_date", "")),
            sex=values.get("gender", "").lower(),
            postcode=values.get("postcode", ""),
            address_line=values.get("address_line", ""),
            phone=values.get("phone", ""),
            deceased=True if death_date else YES_OR_NO.get(values.get("deceased", "").lower()),
            death_date=death_date,
            restricted=YES_OR_NO.get(values.get("restricted", "").lower()),
        ),
    )
