"""The settings and the policy of every live community, in memory, and written down when they change."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from bot.community import Change, Community
from bot.errors import PolicyError
from bot.policy import Policy
from bot.policy_community import Basis, CommunityPolicy, build, from_json, to_json
from bot.policy_words import difference
from bot.store import SqlCommunityStore

_log = logging.getLogger(__name__)


class Communities:
    """Know how each community wants to be watched; `load` before use. It is the `Policies` of a live pipeline."""

    def __init__(self, store: SqlCommunityStore, basis: Basis) -> None:
        self._store = store
        self.basis = basis
        self._known: dict[str, Community] = {}
        self._policies: dict[str, Policy] = {}
        self._built: dict[str, Policy] = {}
        """By what is stored of it: servers that chose the same share one policy in memory."""
        self._broken: dict[str, str] = {}

    async def load(self) -> None:
        """Read what is stored; raise StoreError."""
        self._known = {community.id: community for community in await self._store.all()}
        self._policies.clear()
        self._built.clear()

    def get(self, community: str) -> Community:
        """Return a community's settings, those of a new one where nothing is stored."""
        return self._known.get(community, Community(community))

    def is_known(self, community: str) -> bool:
        """Tell whether anything is stored of a community."""
        return community in self._known

    def known(self) -> frozenset[str]:
        """Return the communities that anything is stored of."""
        return frozenset(self._known)

    def held(self) -> Mapping[str, datetime]:
        """Return since when automatic actions are stopped, for those communities where they are."""
        return {known.id: known.held_since for known in self._known.values() if known.held_since is not None}

    def of(self, community: str) -> Policy:
        """Return the policy in force; where the stored one makes no sense any more, one that flags and never acts."""
        if community not in self._policies:
            self._policies[community] = self._shared(community)
        return self._policies[community]

    def rules(self, community: str) -> CommunityPolicy:
        """Return what a community changed about the operator's policy."""
        stored = self.get(community).policy
        try:
            return from_json(stored) if stored else CommunityPolicy()
        except PolicyError as error:
            self._broken[community] = str(error)
            return CommunityPolicy()

    def trouble(self, community: str) -> str:
        """Return why a community's own policy is not in force, nothing where it is."""
        self.of(community)
        return self._broken.get(community, "")

    def build(self, rules: CommunityPolicy) -> Policy:
        """Return the policy that a community's rules make of the operator's; raise PolicyError."""
        return build(self.basis, rules)

    async def save(self, community: Community, author: str, at: datetime, what: str, *lines: str) -> None:
        """Write settings, and who changed what in them."""
        await self._store.save(community, Change(community.id, author, at, what, lines))
        self._known[community.id] = community
        self._drop_policy(community.id)

    async def set_rules(
        self, community: str, rules: CommunityPolicy, author: str, at: datetime, what: str
    ) -> tuple[str, ...]:
        """Put rules in force and write them down; return what changed, line by line, nothing where nothing did.

        Raise PolicyError where they make no sense, after which the old ones hold.
        """
        before, after = self.of(community), self.build(rules)
        lines = tuple(difference(before, after))
        await self.save(replace(self.get(community), policy=to_json(rules)), author, at, what, *lines)
        return lines

    async def hold(self, community: str, since: datetime | None) -> None:
        """Note that automatic actions are stopped from then on, or with None that they are not."""
        changed = replace(self.get(community), held_since=since)
        await self._store.save(changed)
        self._known[community] = changed

    async def forget(self, community: str) -> int:
        """Drop everything about a community that is left; return the number of incidents dropped."""
        dropped = await self._store.forget(community)
        # Not before: what fails is tried again with those that are known.
        self._known.pop(community, None)
        self._drop_policy(community)
        return dropped

    def _drop_policy(self, community: str) -> None:
        self._policies.pop(community, None)
        self._broken.pop(community, None)
        # Those in use stay with their servers; what nobody has chosen any more would stay for ever.
        self._built.clear()

    def _shared(self, community: str) -> Policy:
        stored = self.get(community).policy
        if (known := self._built.get(stored)) is not None:
            return known
        policy = self._build(community)
        # One that makes no sense is told of in each server that has it.
        if community not in self._broken:
            self._built[stored] = policy
        return policy

    def _build(self, community: str) -> Policy:
        rules = self.rules(community)
        try:
            return self.build(rules)
        except PolicyError as error:
            _log.error("the policy of community %s makes no sense, so that it only flags", community)
            self._broken[community] = str(error)
            return self.build(CommunityPolicy())
