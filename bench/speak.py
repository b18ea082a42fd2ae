"""One act, verified: under a mandate that is known already, and cold, with its whole chain."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from time import process_time

from bench import append
from bench.material import GROUP, NOW, NUMBERS, Ledger, NotDone, chain, signed_bytes, text_of
from bench.measure import TIMES, Effort, Goal, Result, Tell, alternate, at_least, at_most, ratio, skipped
from bench.rivals import Rivals, Unavailable
from pourparler.core.act import Act, parse_act
from pourparler.core.admission import check_bounds, check_lines
from pourparler.core.authority import Mandate, Moment, Register
from pourparler.core.dossier import Dossier
from pourparler.core.errors import Refused
from pourparler.core.redline import text_digest
from pourparler.store.memory import MemoryStore
from pourparler.testing.keys import Key

LATER = Moment(1_000_000_000, NOW)
BISCUIT = "biscuit-python: verify and authorise"


@dataclass
class Desk:
    """Where acts under one known mandate are verified. Each act that is measured is new, and on a text of its own: what
    was answered for one act or text answers nothing for the next."""

    ledger: Ledger
    dossier: Dossier
    register: Register
    mandate: Mandate

    def texts(self, times: int) -> list[dict[str, bytes]]:
        """Propose new texts; return what an act names of each."""
        texts = [text_of(next(NUMBERS)) for _ in range(times)]
        ons = [{"dossier": self.dossier.id, "text": text_digest(text)} for text in texts]
        for start in range(0, times, GROUP):
            part = slice(start, start + GROUP)
            proposals = [self.ledger.seller.speak("propose", **on) for on in ons[part]]
            self.ledger.take([act.envelope.encoded() for act in proposals], texts[part])
        return ons

    def acts(self, times: int) -> list[Act]:
        return [self.ledger.buyer.speak("adopt", **on) for on in self.texts(times)]

    def check(self, act: Act) -> None:
        """Signature and power, red lines on the text, standing of every link. Raises where one fails."""
        self.register.check_speaker(act, self.mandate, LATER, act.row.power)
        check_lines(self.dossier, act, self.register, self.mandate, LATER)
        self.register.check_standing(self.mandate, act.row.power, LATER)

    def parsed(self, times: int) -> float:
        acts = self.acts(times)
        started = process_time()
        for act in acts:
            self.check(act)
        return (process_time() - started) / times

    def from_bytes(self, times: int) -> float:
        acts = [act.envelope.encoded() for act in self.acts(times)]
        started = process_time()
        for data in acts:
            self.check(parse_act(data))
        return (process_time() - started) / times


def desk(depth: int, *, members: int = 1, needs: int = 1) -> Desk:
    """Return a desk whose mandate hangs ``depth`` links below its council."""
    ledger = Ledger.over(MemoryStore(), depth=depth, members=members, needs=needs)
    (begun,) = ledger.begun(1)
    registry = ledger.intake.registry
    register = registry.registers[ledger.buyer.party]
    found = Desk(ledger, registry.dossiers[begun.dossier], register, register.mandate(ledger.buyer.links[-1].id))
    check_judges(found)
    return found


def check_judges(found: Desk) -> None:
    """Raise :class:`NotDone` unless the desk refuses a forged signature, a crossed line and an ended mandate."""
    buyer = found.ledger.buyer
    (genuine,) = found.acts(1)
    refused(lambda: found.check(parse_act(forged(genuine.envelope.encoded()))), "signature.invalid")
    crossing = text_of(next(NUMBERS), total=["EUR", "250.01"])
    proposed = buyer.speak("propose", dossier=found.dossier.id, text=text_digest(crossing))
    (answer,) = found.ledger.intake.submit_many([proposed.envelope.encoded()], [crossing])
    if not (isinstance(answer, Refused) and answer.reason == "line.crossed"):
        raise NotDone(f"a text that crosses a line was not refused for it, but: {answer}")
    late = Moment(LATER.index, NOW + 11 * 365 * 86_400)
    refused(lambda: found.register.check_standing(found.mandate, proposed.row.power, late), "standing.expired")


def forged(data: bytes) -> bytes:
    """Return an act with one bit of its signature changed: the key's hint stays right."""
    return data[:-1] + bytes([data[-1] ^ 1])


def refused(do: Callable[[], None], reason: str) -> None:
    try:
        do()
    except Refused as refusal:
        if refusal.reason == reason:
            return
        raise NotDone(f"refused for {refusal.reason}, not for {reason}") from refusal
    raise NotDone(f"not refused; it should be, for {reason}")


def known(effort: Effort, tell: Tell) -> list[Result]:
    """An act under a mandate that was verified before."""
    times = max(10, effort.acts // 7)
    desks = {depth: desk(depth) for depth in (1, 5)}
    results = []
    for depth, found in desks.items():
        name = f"an act under a known mandate, depth {depth}"
        tell(name)
        signed = [signed_bytes(act, found.ledger.buyer.holder.public_key) for act in found.acts(times)]
        rounds = alternate(partial(append.raw, signed, clock=process_time), partial(found.parsed, times), effort.rounds)
        note = f"signature, power, red lines, standing; {rounds.seconds_told('a bare check', 'an act')}"
        results.append(ratio(name, append.BASELINE, rounds.speed, at_least(0.75), note))
    tell("depth 5 beside depth 1")
    rounds = alternate(partial(desks[1].parsed, times), partial(desks[5].parsed, times), effort.rounds)
    name = "cost of an act under a known mandate of depth 5"
    results.append(ratio(name, "the same at depth 1", rounds.cost, at_most(1.05)))
    return [*results, beside_biscuit(desks[5], effort, tell)]


def beside_biscuit(found: Desk, effort: Effort, tell: Tell) -> Result:
    name, goal = "an act under a known mandate, depth 5, from its bytes", at_least(5)
    times = max(10, effort.acts // 7)
    try:
        with Rivals() as rivals:
            tell("beside biscuit-python")
            theirs = partial(rivals.seconds, "biscuit", depth=5, act=False, times=max(5, effort.acts // 20))
            rounds = alternate(theirs, partial(found.from_bytes, times), effort.rounds)
    except Unavailable as why:
        return skipped(name, TIMES, BISCUIT, str(why), goal)
    told = rounds.seconds_told("a token of 5 blocks, no act", "an act")
    note = f"{told}; one bare check alone {bare(found, times) * 1e6:,.0f} µs; a token is verified whole each time"
    return ratio(name, BISCUIT, rounds.speed, goal, note)


def bare(found: Desk, times: int) -> float:
    """Return the seconds of one bare signature check: below that, nothing that checks it can come."""
    key = found.ledger.buyer.holder.public_key
    return append.raw([signed_bytes(act, key) for act in found.acts(times)], clock=process_time)


# --- cold -------------------------------------------------------------------------------------------------------------

COLD = "a cold chain of depth 5 and its act"
RIVALS: tuple[tuple[str, str, dict[str, bool], Goal | None], ...] = (
    ("biscuit-python: 5 blocks, the act bound in by a sixth", "biscuit", {"act": True}, at_least(0.9)),
    ("biscuit-python: 5 blocks, for whoever holds them; no act", "biscuit", {"act": False}, None),
    ("Tenuo: 5 warrants, and a proof of possession", "tenuo", {}, None),
)


class Cold:
    """Chains that nobody has seen, under an organ that is known, each with its act: all from bytes.

    A grant names the one before it on its organ's spine, so the chains are made in the order in which they are used.
    """

    def __init__(self, depth: int, *, members: int = 1, needs: int = 1) -> None:
        self.desk = desk(depth, members=members, needs=needs)
        self.register, self.dossier = self.desk.register, self.desk.dossier
        self.speaker = self.desk.ledger.buyer
        self.holders = [Key.from_name(f"cold holder {n}") for n in range(depth)]
        self.latest = self.speaker.links[0].id

    def chains(self, times: int) -> Iterator[tuple[list[bytes], bytes]]:
        speaker = self.speaker
        for on in self.desk.texts(times):
            links = chain(speaker.council, self.latest, speaker.members[: speaker.needs], self.holders)
            self.latest = links[0].id
            act = replace(speaker, links=links, holder=self.holders[-1]).speak("adopt", **on)
            yield [link.envelope.encoded() for link in links], act.envelope.encoded()

    def verify(self, links: Sequence[bytes], data: bytes) -> None:
        for link in links:
            self.register.admit(parse_act(link), LATER)
        act = parse_act(data)
        mandate = self.register.mandate(act["by"])
        self.register.check_speaker(act, mandate, LATER, act.row.power)
        check_bounds(self.dossier, act, self.register, mandate)
        check_lines(self.dossier, act, self.register, mandate, LATER)
        self.register.check_standing(mandate, act.row.power, LATER)

    def seconds(self, times: int) -> float:
        made = list(self.chains(times))
        started = process_time()
        for links, act in made:
            self.verify(links, act)
        spent = process_time() - started
        if self.latest not in self.register.spines.decisions:
            raise NotDone("the last grant was not taken in")
        return spent / times


def cold(effort: Effort, tell: Tell) -> list[Result]:
    """A chain of depth 5 and its act, nothing of it seen before."""
    one, three = Cold(5), Cold(5, members=3, needs=2)
    links, act = next(iter(one.chains(1)))
    refused(lambda: one.verify(links, forged(act)), "signature.invalid")
    times = max(3, effort.acts // 30)
    ours = partial(one.seconds, times)
    results = []
    try:
        with Rivals() as rivals:
            for rival, task, details, goal in RIVALS:
                tell(f"a cold chain beside {rival}")
                rounds = alternate(partial(rivals.seconds, task, depth=5, times=times, **details), ours, effort.rounds)
                six = bare(one.desk, 6 * times) * 6e6
                note = f"{rounds.seconds_told('theirs', 'ours')}; six bare checks alone {six:,.0f} µs"
                results.append(ratio(COLD, rival, rounds.speed, goal, note))
    except Unavailable as why:
        results += [skipped(COLD, TIMES, rival, str(why), goal) for rival, _, _, goal in RIVALS]
    tell("a root of two of three")
    rounds = alternate(ours, partial(three.seconds, times), effort.rounds)
    note = f"7 signatures beside 6; {rounds.seconds_told('by one member', 'by two of three')}"
    return [
        *results,
        ratio(f"{COLD}, granted by 2 of 3 members", "the same granted by one member", rounds.cost, None, note),
    ]
