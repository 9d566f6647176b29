"""Load a region that the simulator wrote: its sources, the people they hold, relationships, objections and accounts.

For the demonstration and the tests; everything goes through the same services as real data would.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import MEMBERSHIP_ROLES, Role
from aggregator.errors import Invalid
from aggregator.mpi.queries import people_with_number
from aggregator.services.add_source import NewSource, add_source
from aggregator.services.add_user import NewUser, add_user
from aggregator.services.load_identities import Loaded, load_identities
from aggregator.services.load_relationships import load_relationships
from aggregator.services.record_opt_out import record_opt_out

# Whose demographics are preferred: practices keep them most up to date, then acute trusts.
RANKS = {"gp": 10, "acute": 20}
OTHER_RANK = 30
OPT_OUT_NOTE = "Letter from the patient, in the demonstration region."


@dataclass(frozen=True, kw_only=True)
class RegionLoaded:
    """What was loaded; `loaded` maps a source's short name to the counts of its people."""

    loaded: Mapping[str, Loaded]
    opted_out: int
    usernames: tuple[str, ...]


def load_region(
    *,
    requester: Requester,
    folder: Path,
    addresses: Mapping[str, str],
    password_for: Callable[[str], str],
    now: datetime,
    say: Callable[[str], None] = lambda _: None,
) -> RegionLoaded:
    """Load the region in `folder`; `addresses` maps a source's short name to where it is served.

    `password_for` returns the password of an account by user name; `say` is called with each step. Safe to run again.
    Raises: Invalid when the folder holds no region; what the services that it calls raise.
    """
    try:
        region: dict[str, Any] = json.loads((folder / "region.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise Invalid(
            "The folder does not hold a region; the simulator's `region` command writes one.", field="folder"
        ) from None
    loaded: dict[str, Loaded] = {}
    for described in region["sources"]:
        slug = described["slug"]
        say(described["name"])
        # Not checked: one of the sources never answers, by design.
        add_source(requester=requester, source=_source(described=described, base_url=addresses[slug]), check=False)
        with (folder / slug / "identities.csv").open(encoding="utf-8", newline="") as lines:
            loaded[slug] = load_identities(requester=requester, source_slug=slug, lines=lines, now=now)
        with (folder / slug / "relationships.csv").open(encoding="utf-8", newline="") as lines:
            load_relationships(requester=requester, source_slug=slug, lines=lines)
    opted_out = sum(
        record_opt_out(requester=requester, person_id=person.person_id, opted_out=True, note=OPT_OUT_NOTE, now=now)
        for story in region["stories"]
        if story["opt_out"]
        for person in people_with_number(nhs_number=story["nhs_number"])
    )
    return RegionLoaded(loaded=loaded, opted_out=opted_out, usernames=_add_accounts(requester, region, password_for))


def _source(*, described: Mapping[str, Any], base_url: str) -> NewSource:
    return NewSource(
        slug=described["slug"],
        name=described["name"],
        kind=described["kind"],
        base_url=base_url,
        organisation_ods=described["organisation"]["ods"],
        organisation_name=described["organisation"]["name"],
        identifier_system=described["identifier_system"],
        time_limit_s=float(described["time_limit_s"]),
        rank=RANKS.get(described["care"], OTHER_RANK),
        options=described["options"],
    )


def _add_accounts(
    requester: Requester, region: Mapping[str, Any], password_for: Callable[[str], str]
) -> tuple[str, ...]:
    accounts = [account for account in region["accounts"] if Role(account["role"]) in MEMBERSHIP_ROLES]
    for account in accounts:
        *titles, given, family = account["name"].split()
        add_user(
            requester=requester,
            user=NewUser(
                username=account["username"],
                password=password_for(account["username"]),
                family=family,
                given=given,
                prefix=" ".join(titles),
                organisation_ods=account["organisation_ods"],
                role=Role(account["role"]),
            ),
            now=datetime.now(UTC),
        )
    return tuple(account["username"] for account in accounts)
