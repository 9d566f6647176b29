"""How the entries of an answer become items, notices and quarantined entries: what every kind of source has in common.

A kind chooses the subject among the entries, and says in a Dialect what is its own: categories, notices, translation.
The steps are generators that yield between entries, so that a large answer does not hold up the event loop. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from msgspec import structs

from connectors.contract.categories import RecordCategory
from connectors.contract.errors import Malformed
from connectors.contract.notices import Notice, NoticeCode
from connectors.contract.outcomes import Reason
from connectors.contract.values import QuarantinedEntry, ReceivedItem
from connectors.transport.pace import Steps
from fhir_data.access import JsonObject, listed, mapping, mappings, text, texts
from fhir_data.belonging import Belonging, Finding, Ownership, PlacedResource
from fhir_data.errors import EntryFault, PayloadFault, UnreadablePayload
from fhir_data.flaws import Flaw, FlawReason, paths_of
from fhir_data.heads import entry_name, type_of
from fhir_data.labels import Label, labels_of, labels_of_refused
from fhir_data.references import Address, Directory, references_in
from fhir_data.releases import Release
from fhir_data.size import rough_count
from fhir_data.splitting import SentBody, SplitEntry, SplitPayload, split
from fhir_data.verdict import RefusedEntry, ToleratedEntry, Verdict, members_at_fault, verdict

_REASONS = {
    PayloadFault.NOT_FHIR: Reason.NOT_FHIR,
    PayloadFault.TOO_LARGE: Reason.TOO_LARGE,
    PayloadFault.TOO_DEEP: Reason.TOO_DEEP,
}


_SMALL_BYTES = 1_000  # what a step that holds so many values takes is nothing to an event loop


def split_answer(*, payload: bytes) -> SplitPayload:
    """Split a payload into its entries.

    Raises: Malformed `not-fhir`, `too-large` or `too-deep`.
    """
    try:
        return payload.parts if isinstance(payload, SentBody) else split(payload=payload)
    except UnreadablePayload as unreadable:
        raise Malformed(_REASONS[unreadable.fault]) from None


def expect_bundle(payload: SplitPayload, /) -> SplitPayload:
    """Return the payload.

    Raises: Malformed `not-fhir` when it is no Bundle.
    """
    if payload.resource_type != "Bundle":
        raise Malformed(Reason.NOT_FHIR)
    return payload


@dataclass(kw_only=True, eq=False, slots=True)
class JudgedEntry:
    """An entry and what became of it: the parsed resource and its type. It is not changed once it is made.

    For one that was refused `kind` is "", and `resource` empty.
    """

    entry: SplitEntry
    verdict: Verdict
    resource: dict[str, Any] = field(init=False)
    kind: str = field(init=False)
    _placed: PlacedResource | None = field(init=False, default=None, repr=False)
    _own_labels: tuple[Label, ...] | None = field(init=False, default=None, repr=False)

    def __post_init__(self) -> None:
        self.resource = {} if isinstance(self.verdict, RefusedEntry) else self.verdict.resource
        self.kind = str(self.resource.get("resourceType", ""))

    @property
    def placed(self) -> PlacedResource:
        """The resource with its address, by which it is found whose it is: always the same, which `Ownership` needs."""
        if self._placed is None:
            self._placed = PlacedResource(resource=self.resource, full_url=self.entry.full_url, at_fault=self.at_fault)
        return self._placed

    @property
    def flaws(self) -> tuple[Flaw, ...]:
        """The flaws despite which the entry can be read."""
        return self.verdict.flaws if isinstance(self.verdict, ToleratedEntry) else ()

    @property
    def at_fault(self) -> tuple[str, ...]:
        """The members of the resource that hold a flaw."""
        return members_at_fault(self.verdict)

    @property
    def sent(self) -> bytes:
        """The bytes of the resource as they were sent, of the whole entry where it holds none."""
        return self.entry.sent

    @property
    def sent_type(self) -> str:
        """The type that the entry says it has, be it usable or not."""
        return self.kind or type_of(entry=self.entry.resource or b"")

    @property
    def labels(self) -> tuple[Label, ...]:
        """The security labels of the entry, as far as they can be read, and of its Bundle."""
        return (*self.own_labels, *self.entry.labels)

    @property
    def own_labels(self) -> tuple[Label, ...]:
        """The security labels of the entry alone, read at the first time."""
        if self._own_labels is None:
            is_refused = isinstance(self.verdict, RefusedEntry)
            self._own_labels = labels_of_refused(entry=self.sent) if is_refused else labels_of(resource=self.sent)
        return self._own_labels

    @property
    def name(self) -> str:
        """The `Type/id` of the entry, "" where it has no id."""
        key = text(self.resource.get("id"))
        return f"{self.kind}/{key}" if key else ""

    @property
    def address(self) -> Address:
        """What the entry goes by."""
        return Address(full_url=self.entry.full_url, name=self.name)


@dataclass(kw_only=True, eq=False, slots=True)
class OwnedEntry:
    """A judged entry and whose it is."""

    judged: JudgedEntry
    finding: Finding

    @property
    def is_others(self) -> bool:
        """Whether it is somebody else's."""
        return self.finding.belonging is Belonging.OTHER


class Dialect(Protocol):
    """What is a kind's own in the reading of its answers."""

    def category_of_type(self, name: str, /) -> RecordCategory | None:
        """Return the category of an entry that cannot be read, by its type; None where that does not say."""
        ...

    def category_of(self, resource: dict[str, Any], /) -> RecordCategory:
        """Return the category of a resource."""
        ...

    def notice_of(self, issue: JsonObject, /) -> Notice:
        """Return what an issue of an OperationOutcome says."""
        ...

    def items_of(self, entry: OwnedEntry, /) -> Iterable[ReceivedItem | QuarantinedEntry]:
        """Return what becomes of an entry that is the patient's or nobody's."""
        ...


@dataclass(frozen=True, kw_only=True)
class SortedEntries:
    """Every entry of an answer but its subject, once."""

    items: tuple[ReceivedItem, ...]
    quarantined: tuple[QuarantinedEntry, ...]
    notices: tuple[Notice, ...]


def judge_entries(*, entries: Iterable[SplitEntry], release: Release) -> Steps[list[JudgedEntry]]:
    """Judge entries as FHIR of a release, saying before each how many values it may hold."""
    judged: list[JudgedEntry] = []
    for entry in entries:
        yield values_of(entry)
        judged.append(judge_entry(entry=entry, release=release))
    return judged


def judge_entry(*, entry: SplitEntry, release: Release) -> JudgedEntry:
    """Judge one entry as FHIR of a release."""
    return JudgedEntry(entry=entry, verdict=_verdict(entry=entry, release=release))


def values_of(entry: SplitEntry, /) -> int | None:
    """Return how many values an entry may hold, as a step says before it judges; None for so few as cost nothing."""
    # Nothing holds more values than bytes, and counting takes as long as anything else that is done with an entry.
    return rough_count(body=entry.sent) if len(entry.sent) > _SMALL_BYTES else None


def ownership(*, subject: JudgedEntry, judged: Sequence[JudgedEntry], bases: Sequence[str] = ()) -> Ownership:
    """Return what says whose the entries of an answer are. `bases` are the addresses of the server that was asked.

    `judged` are all entries, or all that may be a Patient.
    """
    return Ownership(
        subject=subject.placed,
        patients=[entry.placed for entry in judged if entry.kind == "Patient"],
        unread=any(not entry.kind and entry.sent_type == "Patient" for entry in judged),
        bases=bases,
    )


_NOBODYS = Finding(belonging=Belonging.SUPPORTING)


def _whole(entry: JudgedEntry, /) -> PlacedResource:
    return entry.placed


def owned_entry(
    *,
    judged: JudgedEntry,
    owners: Ownership | None,
    placed: Callable[[JudgedEntry], PlacedResource] = _whole,
) -> OwnedEntry:
    """Say of one entry whose it is; `placed` is what of it is looked at.

    `owners` None: the answer names nobody, and all is kept.
    """
    finding = owners.of(entry=placed(judged)) if owners and judged.kind else _NOBODYS
    return OwnedEntry(judged=judged, finding=finding)


def find_owners(
    *,
    judged: Iterable[JudgedEntry],
    subject: JudgedEntry | None,
    owners: Ownership | None,
    placed: Callable[[JudgedEntry], PlacedResource] = _whole,
) -> Steps[list[OwnedEntry]]:
    """Say of every entry but the subject whose it is, as `owned_entry` does."""
    owned: list[OwnedEntry] = []
    for entry in judged:
        if entry is not subject:
            owned.append(owned_entry(judged=entry, owners=owners, placed=placed))
            yield None
    return owned


def sort_entries(*, owned: Iterable[OwnedEntry], dialect: Dialect) -> Steps[SortedEntries]:
    """Make of every entry an item, a notice or a quarantined entry."""
    sorting = Sorting(dialect=dialect)
    for entry in owned:
        sorting.add(entry)
        yield None
    return sorting.sorted()


_Filed = tuple[SplitEntry, str]  # an entry and its `Type/id`


@dataclass(frozen=True, slots=True)
class _Provenance:
    """A Provenance, its labels, and the references of what it is about."""

    entry: SplitEntry
    labels: tuple[Label, ...]
    targets: tuple[str, ...]


class Sorting:
    """Makes of entries, one after the other, items, notices or quarantined entries.

    It keeps what each becomes and not what it was parsed to, so that this can be let go of at once.
    """

    def __init__(self, *, dialect: Dialect) -> None:
        self._dialect = dialect
        self._kept: list[tuple[_Filed, ReceivedItem]] = []
        self._quarantined: list[QuarantinedEntry] = []
        self._notices: list[Notice] = []
        self._others: list[_Filed] = []
        self._provenances: list[_Provenance] = []

    def add(self, entry: OwnedEntry, /) -> None:
        """Sort one entry."""
        judged = entry.judged
        if isinstance(judged.verdict, RefusedEntry):
            category = self._dialect.category_of_type(judged.sent_type)
            self._quarantined.append(refused(judged=judged, verdict=judged.verdict, category=category))
        elif judged.kind == "OperationOutcome":
            # One that says nothing was sent for a reason all the same.
            issues = mappings(listed(judged.resource.get("issue"))) or [{}]
            said = (self._dialect.notice_of(issue) for issue in issues)
            self._notices.extend(replace(notice, labels=judged.labels) for notice in said)
        elif entry.is_others:
            self._others.append((judged.entry, judged.name))
            category = self._dialect.category_of(judged.resource)
            self._quarantined.append(
                somebody_elses(entry=judged.entry, labels=judged.labels, finding=entry.finding, category=category)
            )
        else:
            self._keep(entry)

    def add_item(self, item: ReceivedItem, /, *, entry: SplitEntry, name: str, head: JsonObject) -> None:
        """Keep what an entry without labels of its own is known to become.

        `name` is its `Type/id`, `head` what of it says whose it is, and what it is.
        """
        self._kept.append(((entry, name), item))
        self._note_provenance(head, entry=entry, labels=entry.labels)

    def _keep(self, entry: OwnedEntry, /) -> None:
        judged = entry.judged
        filed = (judged.entry, judged.name)
        for made in self._dialect.items_of(entry):
            if isinstance(made, ReceivedItem):
                labels = _labels_of(made, judged=judged)
                item = made if labels == made.labels else structs.replace(made, labels=labels)
                self._kept.append((filed, item))
            else:
                self._quarantined.append(made)
        self._note_provenance(judged.resource, entry=judged.entry, labels=judged.labels)

    def _note_provenance(self, resource: JsonObject, *, entry: SplitEntry, labels: tuple[Label, ...]) -> None:
        if resource["resourceType"] == "Provenance":
            targets = texts([target.get("reference") for target in mappings(resource.get("target"))])
            self._provenances.append(_Provenance(entry, labels, tuple(targets)))

    def sorted(self) -> SortedEntries:
        """Return what became of all."""
        strays = self._strays()
        telling = self._telling_of_others(strays=strays)
        with_others = Finding(belonging=Belonging.OTHER, member="names no patient")
        about_another = Finding(belonging=Belonging.OTHER, member="target")
        set_aside = [
            *(
                somebody_elses(entry=entry, labels=item.labels, finding=with_others, category=item.category)
                for (entry, _), item in strays
            ),
            *(
                somebody_elses(
                    entry=each.entry, labels=each.labels, finding=about_another, category=RecordCategory.SUPPORTING
                )
                for each in telling
            ),
        ]
        apart = {id(entry) for (entry, _), _ in strays} | {id(each.entry) for each in telling}
        return SortedEntries(
            items=tuple(item for (entry, _), item in self._kept if id(entry) not in apart),
            quarantined=(*self._quarantined, *set_aside),
            notices=tuple(self._notices),
        )

    def _strays(self) -> list[tuple[_Filed, ReceivedItem]]:
        """Return what does not say whose it is and refers to what is somebody else's, such as to their contact; and
        what refers to such a one. One of the items of each entry."""
        if not self._others:
            return []
        unnamed = {id(filed[0]): (filed, item) for filed, item in self._kept if item.names_no_patient}
        directory = _directory([*self._others, *(filed for filed, _ in unnamed.values())])
        referring: dict[int, list[int]] = {}  # each looked at once, however long the chains are
        for key, ((entry, _), _) in unnamed.items():
            for target in _targets_of(entry, directory=directory):
                referring.setdefault(id(target), []).append(key)
        strays: set[int] = set()
        waiting = [id(entry) for entry, _ in self._others]
        while waiting:
            for key in referring.pop(waiting.pop(), ()):
                if key not in strays:
                    strays.add(key)
                    waiting.append(key)
        return [each for key, each in unnamed.items() if key in strays]

    def _telling_of_others(self, *, strays: Sequence[tuple[_Filed, ReceivedItem]]) -> list[_Provenance]:
        """Return each Provenance that is about nothing but what was set aside."""
        if not self._others or not self._provenances:
            return []
        set_aside = _directory([*self._others, *(filed for filed, _ in strays)])
        apart = {id(entry) for (entry, _), _ in strays}
        held = _directory(filed for filed, _ in self._kept if id(filed[0]) not in apart)

        def are_among(directory: Directory[SplitEntry], each: _Provenance) -> bool:
            within = each.entry.full_url
            return any(directory.find(reference=target, within=within) for target in each.targets)

        return [each for each in self._provenances if are_among(set_aside, each) and not are_among(held, each)]


def _targets_of(entry: SplitEntry, /, *, directory: Directory[SplitEntry]) -> Iterator[SplitEntry]:
    for reference in references_in(resource=entry.resource or b""):
        if (target := directory.find(reference=reference, within=entry.full_url)) is not None:
            yield target


def _directory(filed: Iterable[_Filed], /) -> Directory[SplitEntry]:
    return Directory(entries=((Address(full_url=entry.full_url, name=name), entry) for entry, name in filed))


def _labels_of(item: ReceivedItem, /, *, judged: JudgedEntry) -> tuple[Label, ...]:
    """Return the labels of what was sent, of what it was translated to, and of the Bundle that it came in.

    Read here and not where the item is used: that of a large entry takes long. The very bytes that the entry was sent
    in are read once.
    """
    labels = [
        label
        for body in (item.resource, item.original)
        if body is not None
        for label in (judged.own_labels if body is judged.sent else labels_of(resource=body))
    ]
    labels += item.labels
    return tuple(dict.fromkeys(labels)) if labels else ()


def refused(*, judged: JudgedEntry, verdict: RefusedEntry, category: RecordCategory | None) -> QuarantinedEntry:
    """Set an entry aside that cannot be used."""
    return QuarantinedEntry(
        reason=verdict.fault,
        detail=", ".join(paths_of(verdict.flaws)),
        original=judged.entry.as_it_came,
        category=category,
        labels=judged.labels,
        full_url=judged.entry.full_url,
    )


def somebody_elses(
    *, entry: SplitEntry, labels: tuple[Label, ...], finding: Finding, category: RecordCategory
) -> QuarantinedEntry:
    """Set an entry aside that is somebody else's; `labels` are its own and its Bundle's."""
    return QuarantinedEntry(
        reason=EntryFault.OTHER_PATIENT,
        detail=finding.member,
        original=entry.as_it_came,
        category=category,
        labels=labels,
        full_url=entry.full_url,
    )


def notice_of_issue(
    issue: JsonObject, /, *, category: RecordCategory | None = None, unsupported: bool = False
) -> Notice:
    """Return what an issue of an OperationOutcome says, its text as text. `unsupported`: it says that it gives none.

    Only what says in words and by its code that it is information is no warning: by another code, such as `suppressed`,
    even that tells of something missing. Source: FHIR R4, issue-severity and issue-type.
    """
    details = mapping(issue.get("details"))
    words = text(issue.get("diagnostics")) or text(details.get("text"))
    words = words or next(filter(None, (text(each.get("display")) for each in mappings(details.get("coding")))), "")
    unsupported = unsupported or issue.get("code") == NoticeCode.NOT_SUPPORTED.issue_code
    code = NoticeCode.NOT_SUPPORTED if unsupported else NoticeCode.RESOURCE_WARNING
    is_remark = issue.get("severity") == "information" and issue.get("code") in (None, "informational")
    if is_remark and words and not unsupported:
        code = NoticeCode.REMARK
    return Notice(code=code, text=words, category=category)


def labels_of_subject(*, subject: JudgedEntry, judged: Iterable[JudgedEntry]) -> tuple[Label, ...]:
    """Return the labels of the answer's own Patient beside its own: those of its Bundle, and of its other copies."""
    name = entry_name(entry=subject.sent)
    # One that could be read goes by its own type: any other than the subject's cannot have its name.
    alike = [entry for entry in judged if entry is not subject and entry.kind in ("", subject.kind)]
    copies = [entry for entry in alike if name and entry_name(entry=entry.sent) == name]
    return tuple(dict.fromkeys([*subject.entry.labels, *(label for copy in copies for label in copy.labels)]))


def notices_of_flaws(subject: JudgedEntry | None, /) -> tuple[Notice, ...]:
    """Return the notice of what could not be read in the answer's own Patient; none when all could."""
    if subject is None or not subject.flaws:
        return ()
    names = dict.fromkeys(path.partition(".")[0] for path in paths_of(subject.flaws))
    words = f"In its details of the patient these could not be read: {', '.join(names)}."
    code, category = NoticeCode.RESOURCE_WARNING, RecordCategory.SUPPORTING
    return (Notice(code=code, text=words, category=category, labels=subject.labels),)


def _verdict(*, entry: SplitEntry, release: Release) -> Verdict:
    if entry.resource is None:
        missing = Flaw(path="entry.resource", reason=FlawReason.MISSING)
        return RefusedEntry(fault=entry.fault or EntryFault.INVALID, flaws=(missing,))
    return verdict(entry=entry.resource, release=release)
