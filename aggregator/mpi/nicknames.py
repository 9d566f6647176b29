"""Short forms of given names that one person may go by. Pure data; a name stands for the first name of its line.

Names that are as often a full name as a short form (Harry, Molly, Jack) are left out where the long form is common
too: two brothers may have them.
"""

from __future__ import annotations

from collections.abc import Mapping

_LINES = """
alexander alex alec sandy
alison ali
amanda mandy
andrew andy drew
anthony tony
barbara barb babs
benjamin ben
catherine cathy
charles charlie chas
christine chris chrissie
christopher chris kit
daniel dan danny
david dave davey
deborah deb debbie
dennis den
donald don
dorothy dot dottie
edward ed eddie ted
elizabeth liz lizzie beth betty bess
frederick fred freddie
geoffrey geoff
gerald gerry
gillian gill
gregory greg
ian iain
jacqueline jackie jacqui
james jim jimmy jamie
janet jan
jennifer jen jenny
jeremy jem
joanne jo
john johnny
jonathan jon
joseph joe joey
judith judy
katherine kate kathy katie kath
kenneth ken kenny
lawrence larry
leonard len lenny
margaret maggie peggy meg madge
matthew matt
michael mike mick micky
nicholas nick nicky
pamela pam
patricia pat patsy tricia
patrick paddy
pauline paula
peter pete
philip phil
raymond ray
rebecca becky becca
richard rick dick rich
robert bob bobby rob robbie
ronald ron ronnie
samuel sam sammy
sandra sandy
stephen steve stevie
stuart stu
susan sue susie
suzanne sue
terence terry
theresa terri tess
thomas tom tommy
timothy tim
victoria vicky
vincent vince
william bill billy will
"""

_FULL_NAMES: dict[str, set[str]] = {}
for _line in _LINES.split("\n"):
    for _name in _line.split():
        _FULL_NAMES.setdefault(_name, set()).add(_line.split()[0])

FULL_NAMES: Mapping[str, frozenset[str]] = {name: frozenset(full) for name, full in _FULL_NAMES.items()}


def is_short_for(*, left: str, right: str) -> bool:
    """Return whether one cleaned given name is short for the other, or both are short for a third. Symmetric."""
    return bool(FULL_NAMES.get(left, frozenset()) & FULL_NAMES.get(right, frozenset()))
