"""What is asked of a journal again and again, kept beside its fold: forks, shares, what made each organ."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from pourparler.core import limits
from pourparler.core.act import Act, Issuer
from pourparler.core.authority import Mandate
from pourparler.core.council import followed_by, is_on_two, organ_id, signers
from pourparler.core.dossier import Outcome
from pourparler.core.encoding import digest
from pourparler.core.registry import Registry

BAD_NEWS = {"dismiss", "urgent-dismiss", "object", "suspend", "revoke", "withdraw-certificate"}
IN_FULL = (Issuer.ORGAN, Issuer.URGENT, Issuer.RECOVERY)
WORDS = {"reply", "query", "beacon"}  # which a home rarely logs
Place = tuple[bytes, bytes]


class Index:
    """Fed with every act of the journal, in its order; made anew at every start."""

    def __init__(self) -> None:
        self.used: dict[bytes, list[int]] = {}  # speaker -> acts and bytes
        self.children: dict[Place, list[bytes]] = {}  # organ and prior -> the decisions that follow
        self.forks: set[Place] = set()
        self.recoveries: dict[Place, list[bytes]] = {}  # organ and prior -> the recoveries that follow
        self.past: dict[bytes, bytes] = {}  # place -> the last recovery that it is, or comes after
        self.after: dict[Place, int] = {}  # place -> how many decisions follow it, those of an organ above among them
        self.rowless: set[bytes] = set()  # the organs whose decisions are no single chain back from their head
        self.tips: dict[bytes, dict[bytes, None]] = {}  # organ -> the places that no decision follows
        self.brought_by: dict[bytes, bytes] = {}  # organ -> the act that made it
        self.brought: dict[bytes, list[bytes]] = {}
        self.words: Counter[bytes] = Counter()  # party -> acts of its stream here that are words
        self.under: Counter[bytes] = Counter()  # share -> acts under its chain that are none
        self.revoked: dict[
            bytes, list[bytes]
        ] = {}  # link -> revocations of it that are void for what ended the speaker

    def add(self, outcome: Outcome, registry: Registry) -> None:
        act = outcome.act
        urgent = [one.kid for one in outcome.envelope.signatures] if act.issuer is Issuer.URGENT else []
        speakers = [urgent_share(act, kid) for kid in urgent] or [self.speaker(act, registry)]
        for speaker in speakers:
            used = self.used.setdefault(speaker, [0, 0])
            used[0] += 1
            used[1] += len(outcome.envelope.payload)
        if act.kind in WORDS and outcome.party is not None:
            self.words[outcome.party] += 1
        elif act.issuer in (Issuer.HOLDER, Issuer.CERTIFIER):
            self.under[self.share(act, registry)] += 1
        if act.kind == "revoke" and outcome.void is not None and outcome.void.reason != "standing.duty-missed":
            self.revoked.setdefault(act["target"], []).append(act.id)
        names = [one["name"] for one in act["organs"]] if act.kind == "found" else []
        names += [act["new"]["name"]] if act.kind == "constitute" else []
        for name in names:
            self.brought_by[organ_id(act.id, name)] = act.id
            self.brought.setdefault(act.id, []).append(organ_id(act.id, name))
        if is_decision(act):
            place = (act["organ"], act["prior"])
            siblings = self.children.setdefault(place, [])
            siblings.append(act.id)
            if len(siblings) > 1:
                self.forks.add(place)
        self.add_places(act)

    def add_places(self, act: Act) -> None:
        """Note where an act stands on the spines of organs."""
        for organ in self.brought.get(act.id, ()):
            self.tips[organ] = {organ: None}
        if act.kind == "recover":
            self.recoveries.setdefault((act["organ"], act["prior"]), []).append(act.id)
            self.after[act["organ"], act.id] = 1  # which no head moves past: whatever follows is off the chain
            self.tips[act["organ"]][act.id] = None
            self.past[act.id] = act.id
        for organ, prior in places_of(act):
            if prior in self.past:
                self.past[act.id] = self.past[prior]
            self.after[organ, prior] = self.after.get((organ, prior), 0) + 1
            if self.after[organ, prior] > 1:
                self.rowless.add(organ)
            self.tips[organ][act.id] = None
            self.tips[organ].pop(prior, None)

    def siblings(self, act: Act) -> list[bytes]:
        """Return the other decisions at the place of one."""
        place = (act["organ"], act["prior"]) if is_decision(act) else None
        return [one for one in self.children[place] if one != act.id] if place in self.forks else []

    def doubt(self, act: Act, outcomes: Mapping[bytes, Outcome], decided: Callable[[Place], bool]) -> bytes | None:
        """Return a decision that contradicts an act, or one that it builds on, where the home has not decided between
        the two. Cost: as long as the chain, where any place has two decisions."""
        for at in self.back(act, outcomes):
            others = self.rivals(at) if at.kind == "recover" else self.siblings(at)
            if others and not decided((at["organ"], at["prior"])):
                return others[0]
        return None

    def back(self, act: Act, outcomes: Mapping[bytes, Outcome]) -> Iterator[Act]:
        """Yield a decision, and the decisions and recoveries that it builds on: on whatever spine, what
        made its organ, and the hand-over by which it took powers over. Nothing where no place has two."""
        walk, seen = [act] if self.forks or self.recoveries else [], set()
        while walk:
            at = walk.pop()
            if at.id not in seen and (is_decision(at) or at.kind == "recover"):
                seen.add(at.id)
                yield at
                names = [*followed_by(at), *([at["about"]] if at.kind == "confirm" else [])]
                found = (outcomes.get(self.brought_by.get(name, name)) for name in names)
                walk += [
                    one.act for one in found if one and (one.act.kind == "hand-over" or one.act.id != at.get("about"))
                ]

    def rivals(self, recovery: Act) -> list[bytes]:
        """Return what contradicts a recovery: a decision of the organ at its place, which undoes it if it came in time,
        or another recovery. It contradicts no decision itself: else whoever has recovery keys held up all of them."""
        place = (recovery["organ"], recovery["prior"])
        others = [one for one in self.recoveries.get(place, ()) if one != recovery.id]
        return [*self.children.get(place, ()), *others]

    # Shares of the journal.

    def speaker(self, act: Act, registry: Registry) -> bytes:
        """Return whose share an act counts against: for holders that of their chain's grant, so that whoever appoints
        others has no more; for members and beacons a key's; for recoveries one for each organ; for what an organ
        decides in full the organ's. In urgency each who signed has his own (:func:`urgent_share`)."""
        match act.issuer:
            case Issuer.HOLDER if act.kind == "revoke":  # whoever holds a link keeps out none of those above him
                mandate = mandate_of(act["by"], registry)
                return digest("node-revoker", self.share(act, registry), bytes([len(mandate.above) if mandate else 0]))
            case Issuer.HOLDER | Issuer.CERTIFIER:
                return self.share(act, registry)
            case Issuer.MEMBER:
                return digest("node-speaker", act["organ"], act.envelope.signatures[0].kid)
            case Issuer.BEACON:
                return digest("node-speaker", act["party"], act.envelope.signatures[0].kid)
            case Issuer.RECOVERY:
                return digest("node-recoverer", act["organ"])
            case _:
                return act.id if act.kind == "found" else bytes(act["organ"])

    def share(self, act: Act, registry: Registry) -> bytes:
        """Return whose chain a holder or a certifier speaks under: its grant or certificate."""
        name: bytes = act["by"] if act.issuer is Issuer.HOLDER else act["class"]
        mandate = mandate_of(name, registry)
        return share_of(mandate) if mandate else name

    def has_room(self, act: Act, registry: Registry, now: int) -> bool:
        """Return whether its issuer has room left in the journal, who acts in urgency by who may now. For bad news
        there is as much room again; beacons are bounded by their pace instead."""
        if act.issuer is Issuer.BEACON:
            return True
        if act.issuer is Issuer.URGENT:
            party = registry.party_of_organ.get(act["organ"])
            urgency = registry.registers[party].spines.seated(act["organ"], now).urgency if party else None
            good = signers(act, urgency.members.seats) if urgency else {}
            shares = [urgent_share(act, one.kid) for one in good.values()]
        else:
            shares = [self.speaker(act, registry)]
        return not shares or any(self.is_open(share, act) for share in shares)

    def is_open(self, share: bytes, act: Act) -> bool:
        """Return whether a share has room for an act of its kind."""
        rows, size = self.used.get(share, (0, 0))
        most_rows, most_bytes = limits.NODE_SPEAKER_ACTS_MAX, limits.NODE_SPEAKER_BYTES_MAX
        if act.issuer is Issuer.ORGAN:
            most_rows, most_bytes = limits.NODE_ORGAN_ACTS_MAX, limits.NODE_ORGAN_BYTES_MAX
        factor = 2 if act.kind in BAD_NEWS else 1
        return rows < factor * most_rows and size < factor * most_bytes


def urgent_share(act: Act, kid: bytes) -> bytes:
    """Return the share of one who acts in urgency: not the organ's, which one stolen key could fill."""
    return digest("node-urgent", act["organ"], kid)


def is_decision(act: Act) -> bool:
    """Return whether an act stands on its organ's spine, after another."""
    return act.row.spine and act.issuer is Issuer.ORGAN and act.kind != "found"


def places_of(act: Act) -> list[Place]:
    """Return the places that a decision follows, on the spine of its organ and of one below."""
    if not is_decision(act):
        return []
    return [(act["organ"], act["prior"]), *([(act["of"], act["theirs"])] if is_on_two(act) else [])]


def mandate_of(name: bytes, registry: Registry) -> Mandate | None:
    """Return a mandate of any party, or None where it is not known."""
    party = registry.party_of_mandate.get(name)
    return registry.registers[party].mandates.get(name) if party else None


def share_of(mandate: Mandate) -> bytes:
    """Return the link whose share a chain uses: its grant, or under a class mandate the certificate."""
    chain = mandate.chain()
    return chain[1].id if chain[0].holder is None and len(chain) > 1 else chain[0].id


def chain_of(registry: Registry, organ: bytes, head: bytes) -> Iterator[bytes]:
    """Yield the decisions of an organ from its head back to its beginning."""
    spines = registry.registers[registry.party_of_organ[organ]].spines
    at = head
    while at != organ:
        yield at
        act = spines.decisions.get(at)
        if act is None:  # a recovery, which replaces keys and is no decision
            return
        at = act["prior"] if act["organ"] == organ else act["theirs"]
