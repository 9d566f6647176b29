"""Words that say that there is nothing, or that nothing is known. Pure.

Words are compared in lower case, without punctuation, accents and SNOMED's tags; each clause must be a statement of
absence. What a statement may be about, and the words for it, the categories say.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from aggregator.record.absence import Absence, AbsenceKind, least_claimed
from aggregator.record.categories import SECTIONS
from aggregator.record.rules import AbsenceRules
from connectors.contract.categories import RecordCategory

# Without one of these there is no such statement; most words have none, and are read no further.
_HINT = re.compile(r"\b(?:no|nil|not|non|without|zero|un|den|ne|do|miss|declin|refus|n\W?k|n\W?a)", re.IGNORECASE)
LONGEST = 120  # characters; what is longer tells more than that there is nothing
_TAGS = re.compile(r"\((?:situation|finding|disorder|qualifier value|context-dependent category|record artifact)\)")
_INITIALS = re.compile(r"\b[a-z](?:[./ ][a-z]){1,4}\b\.?")
_KNOWN = re.compile(r"kn?o?n?w?o?n")
_RULES: Mapping[RecordCategory, AbsenceRules] = {rules.category: rules.absence for rules in SECTIONS if rules.absence}
# The categories of which some kind may be denied: a noun of one leads, and other nouns beside it say of which kind.
_DIVIDED: Mapping[RecordCategory, AbsenceRules] = {category: rules for category, rules in _RULES.items() if rules.kinds}
_NOUNS = (
    *(rules.noun for rules in _RULES.values()),
    *(noun for rules in _DIVIDED.values() for noun in rules.kinds.values()),
)
_ABBREVIATIONS: Mapping[RecordCategory, re.Pattern[str]] = {
    category: rules.abbreviation for category, rules in _RULES.items() if rules.abbreviation
}
_NEGATIONS = frozenset("no nil nill none not zero without denies denied never neither dont doesnt negative".split())
# Words that add nothing to a statement of absence.
_PLAIN = frozenset(
    "the this a an any all of or and nor patient pt subject person he she they has have had is are was were been "
    "be being does do there with reports reported states stated say says current currently active ongoing "
    "relevant significant chronic major past previous prior regular repeat existing present confirmed identified "
    "declared personal medical clinical health history hx status now yet so far at time point moment whatsoever "
    "kind kinds use used using taking taken takes on in by adverse noted found self prescribed anything allergic "
    "suffers suffering from".split()
)
# Words that, denied, say that nothing was asked or written down, rather than that there is nothing.
_RECORDING = frozenset(
    "asked known recorded available obtained obtainable documented assessed reviewed specified stated provided "
    "supplied determined ascertained established elicited checked entered disclosed applicable listed charted "
    "information info data details detail records record entry entries file system notes documentation content "
    "held given".split()
)
_UNKNOWN = frozenset(
    "unknown unavailable undetermined undisclosed unrecorded undocumented unspecified unasked unassessed missing "
    "unk".split()
)
# What is unknown and no thing for all that: "unknown status".
_NOT_ONE = frozenset({"status", "history"}).union(*(rules.not_one for rules in _RULES.values()))
_UNABLE = re.compile(
    r"\b(?:unable|declined|refused|unwilling) to "
    r"(?:obtain|assess|determine|ask|answer|establish|say|disclose|provide|give|respond|communicate)\b"
)
_ON_FILE = re.compile(r"\b(?:on|in) (?:the )?(?:file|record|system|notes)\b")
_NOTHING_MORE = re.compile(r" to (?:be|anything|date)\b")
_ABOUT = frozenset("about on of for regarding concerning re to if whether".split())
_EXCEPTIONS = frozenset(
    "except excepting but apart besides however only unless though although save other than additional further".split()
)
# A thing whose cause or the like is not known is a thing all the same.
_NOT_THE_THING = frozenset(
    "cause causes reason etiology aetiology trigger triggers source primary contact cure origin precipitant".split()
)
_OF_A_KIND = re.compile(
    r"(?:(?:the )?(?:patient|pt) )?(?:(?:has|have|is|are|there) )*(?:no (?:(?:known|previous|prior|personal|past|"
    r"family|significant|current|clinical) )*(?:history|hx|evidence|signs?|symptoms?) of|no ho|no known|denies|denied|"
    r"negative for|not known to have|never had|not (?:known to be )?(?:allergic|intolerant) to) (?P<what>\w+).*"
)


def absence_in_words(*, words: str, about: RecordCategory) -> Absence | None:
    """Return what words say to be absent; None when they say anything else.

    `about`: what they are about when they do not say.
    """
    if len(words) > LONGEST or not _HINT.search(words):
        return None
    clauses = [normal_words(clause) for clause in re.split(r"[;\n]|\.(?=\s|\Z)|:\s*\Z", _joined_initials(words))]
    read = [_absence_in_clause(clause, about) for clause in clauses if clause]
    absences = [absence for absence in read if absence is not None]
    return least_claimed(*absences) if absences and len(absences) == len(read) else None


def normal_words(words: str, /) -> str:
    """Return words for comparing: lower case, one space, no punctuation, no accents."""
    plain = unicodedata.normalize("NFKD", words).casefold()
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return " ".join(re.sub(r"[^a-z0-9]+", " ", re.sub(r"['\u2019]", "", _TAGS.sub(" ", plain))).split())


def _joined_initials(words: str) -> str:
    """Return words with "N.K.D.A." and "n/a" written as one."""
    return _INITIALS.sub(lambda initials: re.sub(r"[./ ]", "", initials[0]), words.casefold())


def _absence_in_clause(clause: str, about: RecordCategory) -> Absence | None:
    plain = _UNABLE.sub("not asked", _ON_FILE.sub("recorded", _NOTHING_MORE.sub("", clause)))
    words = ["known" if _KNOWN.fullmatch(word) else word for word in plain.split()]
    if words in (["na"], ["not", "applicable"]):
        return _no_information(about)
    nouns = [category for word in words for category, rules in _RULES.items() if rules.noun.fullmatch(word)]
    if abbreviated := _abbreviated(words):
        return abbreviated if not _remaining(words, nouns_too=True) else None
    divided = next((category for category in _DIVIDED if category in nouns), None)
    about = divided or (nouns[0] if nouns else about)
    denied = bool(_NEGATIONS.intersection(words))
    silent = bool(_UNKNOWN.intersection(words)) or (denied and bool((_RECORDING - {"known"}).intersection(words)))
    silent = silent or " ".join(words).endswith("not known") or words == ["never", "known"]
    if silent:
        return _no_information(about) if _is_only_silent(words, nouns) else None
    if not denied:
        return None
    remaining = _remaining(words, nouns_too=True)
    if _EXCEPTIONS.intersection(words):
        return _some(about) if not remaining - _EXCEPTIONS else None
    if divided and _names_a_kind(words, _DIVIDED[divided].noun):
        kinds = {kind for kind, noun in _DIVIDED[divided].kinds.items() if any(noun.fullmatch(word) for word in words)}
        return _some(divided, kinds.pop() if len(kinds) == 1 and not remaining - {"to"} else "")
    if not remaining:
        return Absence(kind=AbsenceKind.NONE_KNOWN, about=about)
    matched = None if divided else _OF_A_KIND.fullmatch(" ".join(words))
    return _some(about) if matched and matched["what"] not in _NOT_THE_THING else None


def _no_information(about: RecordCategory) -> Absence:
    return Absence(kind=AbsenceKind.NO_INFORMATION, about=about)


def _some(about: RecordCategory, of: str = "") -> Absence:
    return Absence(kind=AbsenceKind.NONE_OF_A_KIND, about=about, of=of)


def _abbreviated(words: Sequence[str]) -> Absence | None:
    """Return what is denied in letters: NKA denies all allergies, NKDA those to drugs, others some of no known kind."""
    for category, abbreviation in _ABBREVIATIONS.items():
        for word in words:
            if abbreviation.fullmatch(word):
                return _RULES[category].abbreviated.get(word, _some(category))
    return None


def _remaining(words: Iterable[str], *, nouns_too: bool) -> set[str]:
    """Return the words that a statement of absence does not need."""
    return {
        word
        for word in words
        if word not in _PLAIN | _NEGATIONS | {"known"}
        and not any(abbreviation.fullmatch(word) for abbreviation in _ABBREVIATIONS.values())
        and not (nouns_too and any(noun.fullmatch(word) for noun in _NOUNS))
    }


def _is_only_silent(words: Sequence[str], nouns: Sequence[RecordCategory]) -> bool:
    """Return whether nothing is told but that something is not known or was not asked.

    "Unknown allergy" and "unknown drug" may well be a thing that is there, so that they are not.
    """
    if words[0] in _UNKNOWN and nouns:
        return not _remaining(words[1:], nouns_too=True) and bool(_NOT_ONE.intersection(words))
    start = next((place for place, word in enumerate(words) if word in _ABOUT and place > 0), len(words))
    if _remaining(words[:start], nouns_too=True) - _RECORDING - _UNKNOWN - {"but", "temporarily"}:
        return False
    if start == len(words):
        return True
    # "No information about latex allergy": what follows only says about what. "Allergy to unknown drug" is a thing.
    names_a_thing = any(rules.noun.fullmatch(words[0]) for rules in _DIVIDED.values())
    return bool((_RECORDING | _UNKNOWN).intersection(words[:start])) and not names_a_thing


def _names_a_kind(words: Sequence[str], noun: re.Pattern[str]) -> bool:
    """Return whether "no ... allergies" or "no allergies to ..." says which; few words may stand between."""
    places = [place for place, word in enumerate(words) if noun.fullmatch(word)]
    first, last = places[0], places[-1]
    between = _remaining(words[:first], nouns_too=False) | _remaining(words[first:last], nouns_too=False)
    between = {word for word in between if not noun.fullmatch(word)} - {"to"}
    after = words[last + 1 :]
    if after[:1] in (["to"], ["from"]):
        return words[0] in _NEGATIONS | _PLAIN and len(after) <= 8
    return 0 < len(between) <= 4 and words[0] in _NEGATIONS | _PLAIN and not _remaining(after, nouns_too=False)
