"""The small worlds of the model (``spec/model/small.py``) against the real core: the same histories, with real keys.

A history of a world becomes real ledgers: each deed a signed act, each day 86,400 seconds, each entry a transaction
with its stamp; what the model's ledger logs although it has no effect is written too. Then the same is asked of both:

1. did each entry take effect (in the ledger's own fold)?
2. what is the verdict on each claim, for the bundle of everything and for every view of the model (a shorter home,
   another branch)? VALID, INVALID and CANNOT TELL must be the same;
3. without any one entry that is in a stream: CANNOT TELL; without one that is not there at all: the same as with it;
4. forks: under a policy of two of three witnesses, who cosign by the real rules, VALID exactly where the model says so;
   and the checkpoints of two branches that contradict each other are inconsistent by the real proof.
"""

import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pourparler.core.act import Act, parse_act
from pourparler.core.dossier import Outcome
from pourparler.core.encoding import Value
from pourparler.core.errors import PourparlerError, Refused
from pourparler.core.evidence import Report, Shown
from pourparler.core.ledger import (
    Checkpoint,
    KeyType,
    VerifierKey,
    consistency_path,
    leaf_hash,
    parse_policy,
    root_of,
    verify_consistency,
)
from pourparler.core.ledger.witness import AddCheckpoint, judge
from pourparler.service.drafting import Draft, draft, powers
from spec.model import forks, homes, theft
from spec.model.small import WORLDS, Deed, State, View, describe, drawn, step, world
from spec.model.small import Act as Step
from spec.model.verifier import CANNOT_TELL, INVALID, VALID
from tests.builder import Party, World, key, witness_key
from tests.oracle_model import remembered

DAY = 86_400
DEADLINE = 100 * DAY
TALKS = ("open", "propose", "adopt", "initial", "sign-ad-referendum")


# --- the stage: what stood in the ledgers before the model's first entry ----------------------------------------------


@dataclass
class Stage:
    """One real setting: ledgers, parties, mandates and texts, at day 0. Made anew for every history."""

    name: str
    ledgers: list[World]  # as the model numbers them
    ours: Party
    theirs: Party
    dossier: bytes
    texts: dict[str, bytes]
    mandates: dict[str, bytes]
    head: bytes  # of our council's spine, for the model's place "None"
    their_head: bytes
    acts: dict[tuple[bool, Deed], Act] = field(default_factory=dict)
    heads: list[list[tuple[list[Value], list[Value]]]] = field(default_factory=list)

    @property
    def here(self) -> World:
        return self.ledgers[-1]


def stage(name: str, start: str) -> Stage:
    home = World("home")
    here = home if name != "homes" else World("dossier")
    ledgers = [home] if home is here else [home, here]
    recovery = {"keys": [key("r").public_key], "needs": 1, "wait": theft.WAIT * DAY}
    rules = {"recovery": recovery, "suspension": theft.SUSPENSION * DAY, "beacons": [key("clerk").public_key]}
    ours = Party.draft(home, "Ours", "a1", "a2", "a3", needs=2, **rules)
    theirs = Party.draft(here, "Theirs", "b1", "b2", needs=2)
    for ledger in ledgers:
        ledger.put(ours.founding)
    here.put(theirs.founding)
    mandate = ours.signed("grant", powers=powers(*GRANTED[name]), to=key("N").public_key, depth=1, **AXES[name])
    for ledger in ledgers:
        ledger.put(mandate)
    ours.heads["council"] = mandate.id
    dealt = talks_of(here, ours, theirs, mandate)
    texts = {"T": dealt.adopted({"name": "T"}), "U": dealt.adopted({"name": "U"})}
    if name in ("expiry", "denunciation"):
        term = {"notice_days": 0} if name == "expiry" else {"notice_days": 2, "earliest": DAY}
        texts["W"] = dealt.adopted({"name": "W"}, term=term)
        dealt.ratify(texts["W"], dealt.signed(texts["W"], deadline=DEADLINE))
        here.put(dealt.other("conclude", text=texts["W"]))
    mandates = {"N": mandate.id, "M": dealt.theirs.id}
    made = Stage(name, ledgers, ours, theirs, dealt.id, texts, mandates, ours.heads["council"], theirs.heads["council"])
    made.mandates["D"] = written(made, Deed("delegate", ("N",), "D"), 0).signed_by(key("N")).id
    if name == "homes":
        here.put(made_act(made, Deed("delegate", ("N",), "D"), 0))
    made.ledgers = {"homes": [home, World("home"), here], "forks": [home, World("home")]}.get(name, ledgers)
    for other in made.ledgers[1:2]:
        if other is not here:
            follow(other, home)
    made.heads = [[heads_of(made, ledger)] for ledger in made.ledgers]
    return made


def talks_of(here: World, ours: Party, theirs: Party, mandate: Act) -> "Negotiation":
    return Negotiation.opened(here, ours, theirs, mandate)


@dataclass
class Negotiation:
    """The talks of N and M, as :func:`tests.builder.talks` makes them for agent and envoy."""

    world: World
    ours: Party
    mandate: Act
    theirs: Act
    id: bytes

    @classmethod
    def opened(cls, here: World, ours: Party, theirs: Party, mandate: Act) -> "Negotiation":
        other = theirs.grant("M", *TALKS, "conclude")
        fields = {
            "by": mandate.id,
            "parties": sorted((ours.id, theirs.id)),
            "ledger": here.wire,
            "rules": {"adopt": "all"},
            "nonce": bytes(16),
        }
        opening = draft("open", fields).signed_by(key("N"))
        here.put(opening)
        here.put(draft("join", {"by": other.id, "dossier": opening.id}).signed_by(key("M")))
        return cls(here, ours, mandate, other, opening.id)

    def own(self, kind: str, **fields: Value) -> Act:
        return draft(kind, {"by": self.mandate.id, "dossier": self.id, **fields}).signed_by(key("N"))

    def other(self, kind: str, **fields: Value) -> Act:
        return draft(kind, {"by": self.theirs.id, "dossier": self.id, **fields}).signed_by(key("M"))

    def adopted(self, terms: Mapping[str, Value], **clauses: Value) -> bytes:
        text = self.world.text(terms, **clauses)
        self.world.put(self.own("propose", text=text))
        self.world.put(self.own("adopt", text=text))
        self.world.put(self.other("adopt", text=text))
        return text

    def signed(self, text: bytes, deadline: int) -> Act:
        act = self.own("sign-ad-referendum", text=text, organ=self.ours.organ(), deadline=deadline)
        self.world.put(act)
        return act

    def ratify(self, text: bytes, signature: Act) -> None:
        seen = {"dossier": self.world.position(self.id), "party": self.world.position(self.ours.id)}
        self.ours.decide("ratify", dossier=self.id, text=text, signs=[signature.id], seen=seen)


GRANTED = {
    "expiry": (*TALKS, "conclude", "delegate", "denounce"),
    "theft": (*TALKS, "conclude", "delegate"),
    "denunciation": (*TALKS, "denounce"),
    "homes": (*TALKS, "conclude", "delegate"),
    "forks": TALKS,
}
AXES: dict[str, dict[str, Value]] = {
    "expiry": {"until": 3 * DAY, "fresh": DAY},
    "theft": {"fresh": DAY},
    "denunciation": {},
    "homes": {},
    "forks": {},
}


def follow(other: World, first: World) -> None:
    """Make ``other`` the same ledger as ``first``, with the same entries so far: a second branch of it."""
    other.texts, other.text_bytes = first.texts, first.text_bytes
    other.registry = type(first.registry)(first.depositary, first.texts.get)
    other.entries = list(first.entries)
    for index, data in enumerate(first.entries):
        other.registry.enter(parse(data), index)


def parse(data: bytes) -> Act:
    return parse_act(data)


def heads_of(made: Stage, ledger: World) -> tuple[list[Value], list[Value]]:
    """The heads of the dossier and of our party in a ledger: what a member who reads it has seen."""
    dossier = ledger.position(made.dossier) if made.dossier in ledger.registry.streams else [0, made.dossier]
    return dossier, ledger.position(made.ours.id)


# --- from deeds to acts -----------------------------------------------------------------------------------------------


def place(made: Stage, prior: Deed | None, theirs: bool) -> bytes:
    if prior is None:
        return made.their_head if theirs else made.head
    return made.acts[theirs, prior.words].id


def written(made: Stage, deed: Deed, days: int) -> Draft:
    """Return the payload of a deed. ``days`` is unused but for a beacon's next."""
    who = deed.by[0]
    theirs = who.startswith("b")
    party = made.theirs if theirs else made.ours
    by = {"by": made.mandates.get(who, b"")}
    on = {"dossier": made.dossier}
    council = {"organ": party.organ(), "prior": place(made, deed.prior, theirs)}
    text = made.texts.get(deed.about, b"")
    match deed.kind:
        case "sign":
            organ = made.ours.organ()
            return draft("sign-ad-referendum", {**by, **on, "text": text, "organ": organ, "deadline": DEADLINE})
        case "conclude":
            return draft("conclude", {**by, **on, "text": text, "at": deed.seen})
        case "delegate":
            fields = {**by, "to": key("D").public_key, "powers": powers("sign-ad-referendum", "conclude")}
            return draft("delegate", fields | ({"until": 3 * DAY} if made.name == "expiry" else {}))
        case "revoke":
            return draft("revoke", {**by, "target": made.mandates["D"]})
        case "withdraw":
            signature = written(made, Deed("sign", deed.by, deed.about), 0).signed_by(key(who)).id
            return draft("withdraw-signature", {**by, **on, "signature": signature})
        case "denounce" if len(deed.by) == 1:
            return draft("denounce", {**by, **on, "text": text, "at": deed.seen})
        case "denounce" | "withdraw-denunciation":
            return draft(deed.kind, {**council, **on, "text": text, "at": deed.at})
        case "dismiss":
            return draft("dismiss", {**council, "mandate": made.mandates["N"], "at": deed.at})
        case "decide":
            return draft("decide", {**council, "at": deed.at})
        case "appoint":
            return draft("appoint", {**council, "beacons": [key("clerk2").public_key], "at": deed.at})
        case "recover":
            pairs = [pair.split(">") for pair in deed.about.split()]
            seats = sorted([key(old).public_key, key(new).public_key] for old, new in pairs)
            return draft("recover", {**council, "seats": seats, "at": deed.at})
        case "suspend":
            return draft("suspend", {"organ": made.ours.organ(), "target": made.mandates["N"]})
        case "beacon":
            head = {"count": 0, "head": made.ours.id}
            moments = {"at": deed.at * DAY, "next": (deed.at + 1) * DAY}
            return draft("beacon", {"party": made.ours.id, "serial": deed.seen, **head, **moments})
        case "ratify":
            return draft("ratify", {**council, **on, **ratification(made, deed)})
    raise AssertionError(deed.kind)


def ratification(made: Stage, deed: Deed) -> dict[str, Value]:
    signer, _, text = deed.about.partition(":")
    signature = written(made, Deed("sign", (signer,), text), 0).signed_by(key(signer)).id
    read = made.heads[deed.where if made.name == "forks" else -1]
    dossier, party = read[deed.seen]
    confirms = {"confirms": [signature]} if deed.confirm else {}
    seen = {"dossier": dossier, "party": party}
    return {"text": made.texts[text], "signs": [signature], "seen": seen, "at": deed.seen, **confirms}


def made_act(made: Stage, deed: Deed, days: int) -> Act:
    """Return the act, signed by those who sign in the model, as often as they do."""
    payload = written(made, deed, days)
    signatures = [payload.signature(key(name)) for name in sorted(deed.by, key=lambda n: key(n).public_key)]
    act = payload.joined(signatures)
    if len(deed.by) > 1 or deed.kind in ("ratify", "dismiss", "decide", "appoint", "recover"):
        made.acts.setdefault((deed.by[0].startswith("b"), deed.words), act)
    return act


# --- a history played -------------------------------------------------------------------------------------------------


@dataclass
class Played:
    """A history's real ledgers, and for each of the model's entries its index there and what the core made of it."""

    made: Stage
    state: State
    index: list[list[int]]
    outcome: list[list[str]]  # "" accepted, a reason, or "!reason" for what is not there at all
    sizes: list[list[int]]  # of each ledger after so many of the model's entries
    latest: dict[str, Checkpoint] = field(default_factory=dict)  # what each witness cosigned last
    cosigned: list[tuple[str, int, int]] = field(default_factory=list)  # witness, branch, size
    granted: list[bool] = field(default_factory=list)  # of all that witnesses were asked, in order


def play(name: str, first: State, acts: Iterable[Step]) -> Played:
    made = stage(name, first.start)
    here = Played(made, first, [[] for _ in made.ledgers], [[] for _ in made.ledgers], [])
    here.sizes = [[len(ledger.entries)] for ledger in made.ledgers]
    for number, ledger in enumerate(first.ledgers):
        for entry in ledger:
            log(here, number, entry.time, entry.deed)
    state = first
    for act in acts:
        after = step(state, act)
        if act.kind == "cosign":
            for witness in act.witness.split("+"):
                ask(here, witness, act.ledgers[0])
        for deed in after.held:
            if (deed.by[0].startswith("b"), deed.words) not in made.acts:
                made_act(made, deed, after.now)  # signed now, by what is known now
        for number, (old, new) in enumerate(zip(state.ledgers, after.ledgers, strict=True)):
            if new != old:
                log(here, number, new[-1].time, new[-1].deed)
        state = after
    here.state = state
    return here


def ask(here: Played, witness: str, number: int) -> None:
    """Send a branch's checkpoint to a witness, who answers by the real rules (``core/ledger/witness.py``)."""
    ledger = here.made.ledgers[number]
    size, latest = len(ledger.entries), here.latest.get(witness)
    old = min(latest.size if latest else 0, size)
    request = AddCheckpoint(latest.size if latest else 0, consistency_path(old, size, ledger.node), ledger.note())
    try:
        given = judge(request, [VerifierKey(ledger.depositary.origin, KeyType.ED25519, ledger.key.public_key)], latest)
    except Refused:
        here.granted.append(False)
        return
    here.granted.append(True)
    here.latest[witness] = given.checkpoint
    here.cosigned.append((witness, number, size))


def log(here: Played, number: int, day: int, deed: Deed) -> None:
    ledger = here.made.ledgers[number]
    ledger.time = day * DAY
    act = made_act(here.made, deed, day)
    try:
        outcome: Outcome = ledger.put(act)
        said = outcome.void.reason if outcome.void else ""
    except PourparlerError as error:
        ledger.force(act)
        said = f"!{error.reason}"
    here.index[number].append(len(ledger.entries) - 1)
    here.outcome[number].append(said)
    here.made.heads[number].append(heads_of(here.made, ledger))
    if here.made.name == "forks":
        ledger.stamp()  # what the witnesses see ends with a stamp that states every stream
    here.sizes[number].append(len(ledger.entries))


# --- verdicts ---------------------------------------------------------------------------------------------------------


def verdict(here: Played, claim: str, view: View, left_out: Mapping[int, frozenset[int]] | None = None) -> Report:
    """Return what a stranger answers to a claim of the model, shown a view of it."""
    made, hidden = here.made, left_out or {}
    party, _, rest = claim.partition(" bound by ")
    ledger, more = shown_ledger(here, view, hidden)
    claimed = {"dossier": made.dossier, "text": made.texts[rest or claim[0]]}
    parties = [made.theirs if party == "B" else made.ours] if rest else [made.ours, made.theirs]
    was = list(ledger.entries), ledger.time
    ledger.time = view.now * DAY
    stamp = ledger.stamp()
    asked = ledger.claim("bound" if rest else "in-force", stamp, parties=tuple(p.id for p in parties), **claimed)
    report = ledger.verify(
        asked, *more, trust=(made.ours, made.theirs), shown=ledger.shown(hidden.get(len(made.ledgers) - 1, ()))
    )
    ledger.entries, ledger.time = was
    return report


def shown_ledger(here: Played, view: View, hidden: Mapping[int, frozenset[int]]) -> tuple[World, list[Shown]]:
    made = here.made
    if made.name == "forks":
        return made.ledgers[view.which], []
    if made.name != "homes":
        return made.ledgers[0], []
    home = made.ledgers[view.which]
    size = here.sizes[view.which][len(view.ledgers[0])]
    return made.ledgers[2], [home.shown(hidden.get(view.which, ()), size=size)]


def agree(name: str, here: Played, tally: Counter[str], lot: random.Random) -> Iterator[str]:
    """Yield where the core and the model differ on a history that was played."""
    worlds, rules = world(name), frozenset(world(name).RULES)
    for which, view in enumerate(worlds.views(here.state, rules)):
        said = worlds.fold(view, rules)
        if name != "homes" and not (name == "forks" and which > 1):
            number = view.which if name == "forks" else 0
            yield from effects(here, number, said.findings, tally)
        for claim in worlds.CLAIMS:
            model, reason = said.answers[claim]
            report = verdict(here, claim, view)
            tally[f"{name}, {claim}: {model} in the model, {report.verdict.value}"] += 1
            tally["homes: rests on a lost place"] += name == "homes" and homes.rests_on_a_lost_place(view)
            if report.verdict.value != model:
                yield f"{claim} in view {which}: {model} {reason} in the model, {report.verdict.value} {report.reason}"
    if name == "forks":
        yield from readers(here, tally)
    yield from gaps(name, here, tally, lot)


def readers(here: Played, tally: Counter[str]) -> Iterator[str]:
    """Forks: yield where witnesses, policies and consistency proofs say otherwise than the model."""
    state, rules = here.state, frozenset(forks.RULES)
    given = forks.cosigned(state, rules)
    counted = {witness: sum(who == witness for who, _ in given) for witness in forks.WITNESSES}
    real = {witness: sum(who == witness for who, _, _ in here.cosigned) for witness in forks.WITNESSES}
    tally["forks: a witness refused"] += not all(here.granted)
    if counted != real:
        yield f"witnesses: {counted} cosignatures in the model, {real} by the real rules"
    for number, branch in enumerate(state.ledgers):
        answer = forks.fold(View(0, (*state.ledgers, branch)), rules).answers["A bound by T"][0]
        enough = forks.witnessed(branch, given, rules)
        model = CANNOT_TELL if not enough else answer
        if enough and not is_stamp(here.made.ledgers[number].entries[-1]):
            tally["forks: no stamp states all of a branch"] += 1
            continue  # nothing happened on it since it began, and no claim is as of an act
        said = witnessed_verdict(here, number)
        tally[f"forks, under a policy: {model} in the model, {said}"] += 1
        if said != model:
            yield f"branch {number} under a policy: {model} in the model, {said} in the core"
    left, right = here.made.ledgers
    small, large = sorted((left, right), key=lambda ledger: len(ledger.entries))
    sizes = len(small.entries), len(large.entries)
    try:
        path = consistency_path(*sizes, large.node)
        verify_consistency(sizes[0], root(small), sizes[1], root(large), path)
        told = True
    except PourparlerError:
        told = False
    tally[f"forks: {'one story' if told else 'two stories'}"] += 1
    if told != forks.consistent(*state.ledgers, rules):
        yield f"the real checkpoints are {'consistent' if told else 'inconsistent'}, and those of the model are not so"


def root(ledger: World) -> bytes:
    return root_of(map(leaf_hash, ledger.entries))


POLICY = "".join(f"witness {name} {witness_key(key(name)).text}\n" for name in forks.WITNESSES)
POLICY += f"group all {forks.QUORUM} {' '.join(forks.WITNESSES)}\nquorum all\n"


def witnessed_verdict(here: Played, number: int) -> str:
    """Return what a stranger with a policy answers about a branch, by the checkpoint that most witnesses cosigned."""
    made, ledger = here.made, here.made.ledgers[number]
    size = len(ledger.entries)
    trees: dict[tuple[bytes, ...], set[str]] = {}
    for witness, branch, seen in here.cosigned:
        trees.setdefault(tuple(made.ledgers[branch].entries[:seen]), set()).add(witness)
    covering = [tree for tree in trees if list(tree[:size]) == ledger.entries]
    best = max(covering, key=lambda tree: len(trees[tree]), default=tuple(ledger.entries))
    whole = next(one for one in made.ledgers if tuple(one.entries[: len(best)]) == best)
    claimed = {"dossier": made.dossier, "text": made.texts["T"], "parties": (made.ours.id,)}
    claim = whole.claim("bound", size - 1, **claimed)
    shown = whole.shown(size=len(best), cosigned=[(key(witness), 1) for witness in sorted(trees.get(best, ()))])
    return whole.verify(claim, trust=(made.ours,), shown=shown, policy=parse_policy(POLICY.encode())).verdict.value


def is_stamp(entry: bytes) -> bool:
    return parse_act(entry).kind == "stamp"


def effects(here: Played, number: int, findings: tuple[str, ...], tally: Counter[str]) -> Iterator[str]:
    for position, (finding, real) in enumerate(zip(findings, here.outcome[number], strict=True)):
        deed = here.state.ledgers[number][position].deed
        tally[f"{here.made.name} {deed.kind}: {finding} | {real or 'accepted'}"] += 1
        if (finding == "accepted") != (real == ""):
            yield f"entry {position}, {deed.kind}: {finding} in the model, {real or 'accepted'} in the core"


def gaps(name: str, here: Played, tally: Counter[str], lot: random.Random) -> Iterator[str]:
    """Leave out one entry of the model's: CANNOT TELL, or the same as before for one that is not there at all."""
    worlds = world(name)
    view = next(iter(worlds.views(here.state, frozenset(worlds.RULES))))
    number = view.which if name in ("forks", "homes") else 0
    numbers = [0, 2] if name == "homes" else [number]
    places = [(n, position) for n in numbers for position in range(len(here.index[n]))]
    for n, position in lot.sample(places, min(2, len(places))):
        claim = lot.choice(worlds.CLAIMS)
        there = not here.outcome[n][position].startswith("!")
        whole = verdict(here, claim, view).verdict.value
        key_ = len(here.made.ledgers) - 1 if n == (2 if name == "homes" else number) else n
        said = verdict(here, claim, view, {key_: frozenset({here.index[n][position]})}).verdict.value
        due = CANNOT_TELL if there else whole
        tally[f"{name}: {'an entry' if there else 'what is not there'} left out, {said}"] += 1
        if said != due:
            yield f"{claim} without entry {position} of ledger {n}: {said}, and {due} is due"


def compare(name: str, seed: str | int, length: int, tally: Counter[str]) -> list[str]:
    """Play one history by lot and return where the core and the model differ."""
    return differing(name, seed, *drawn(name, seed, length), tally)


def differing(name: str, seed: str | int, first: State, acts: tuple[Step, ...], tally: Counter[str]) -> list[str]:
    """Play one history and return where the core and the model differ."""
    here = play(name, first, acts)
    tally["histories"] += 1
    return [
        f"{name} {seed!r} from {first.start!r}: {told(acts)}: {what}"
        for what in agree(name, here, tally, random.Random(f"{name} {seed}"))
    ]


def told(acts: Iterable[Step]) -> str:
    return "; ".join(map(describe, acts))


# --- the campaign -----------------------------------------------------------------------------------------------------

ANSWERED = (
    *((name, "A bound by T", answer) for name in ("forks", "theft", "expiry", "homes") for answer in (VALID, INVALID)),
    *(("denunciation", "W in force", answer) for answer in (VALID, INVALID)),
    ("homes", "A bound by T", CANNOT_TELL),
    ("expiry", "W in force", INVALID),
)
PREMISES = (
    *(f"{name}, {claim}: {answer} in the model, {answer}" for name, claim, answer in ANSWERED),
    "forks: a witness refused",
    "forks: two stories",
    "forks: one story",
    "theft suspend: no seat | !decision.no-seat",
    "theft ratify: waits | !decision.recovery-waits",
    "expiry conclude: stale | standing.stale",
    "expiry sign: accepted | accepted",
    "homes: rests on a lost place",
)


ENOUGH = 1_000  # histories, in which every premise is met


def run_sampled(seed: str, seconds: float, each: int = 400) -> str:
    """Compare sampled histories of every world, until ``each`` of them or the time is over; return what was done.

    Raises :class:`AssertionError` where the core and the model disagree or, with enough of them, a premise was not met.
    """
    begun, tally, done = time.monotonic(), Counter[str](), 0
    with remembered():
        for number in range(each):
            if time.monotonic() - begun > seconds:
                break
            for name in WORLDS:
                wrong = compare(name, f"{seed} {number}", 4 + number % 6, tally)
                assert not wrong, "\n".join(wrong)
                done += 1
    lacking = [premise for premise in PREMISES if not tally[premise]] if done >= ENOUGH else []
    assert not lacking, f"never met: {lacking}"
    return f"{done} histories of the small worlds agree with the core, in {len(tally)} ways of ending"


if __name__ == "__main__":
    print(run_sampled(sys.argv[1], float(sys.argv[2])))
