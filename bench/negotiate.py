"""Whole negotiations: drafted, signed, verified and durable, beside the same number of messages in memory."""

from time import perf_counter

from bench.material import GROUP, NUMBERS, Ledger, NotDone, opening, scratch, text_of
from bench.measure import TIMES, Effort, Result, Tell, alternate, at_least, ratio, skipped
from bench.rivals import Rivals, Unavailable
from pourparler.core.act import Act
from pourparler.core.dossier import TextState
from pourparler.core.redline import text_digest
from pourparler.store.highwater import HighWaterFile
from pourparler.store.sqlite import SqliteStore

BASELINE = "concordia-protocol: four messages, in memory"
NAMES = {4: "negotiations of four acts, durable", 5: "negotiations of five acts (both adopt), durable"}
GOALS = {4: at_least(3), 5: None}


def run(effort: Effort, tell: Tell) -> list[Result]:
    with scratch() as folder:
        ledger = Ledger.over(
            SqliteStore(folder / "ledger.sqlite"), high_water=HighWaterFile(folder / "ledger.high-water")
        )
        try:
            with Rivals() as rivals:
                return [beside(rivals, ledger, acts, effort, tell) for acts in NAMES]
        except Unavailable as why:
            negotiate(ledger, 2, 5)
            return [skipped(NAMES[acts], TIMES, BASELINE, str(why), GOALS[acts]) for acts in NAMES]
        finally:
            ledger.intake.close()


def beside(rivals: Rivals, ledger: Ledger, acts: int, effort: Effort, tell: Tell) -> Result:
    tell(NAMES[acts])
    times = max(2, effort.acts // 7)
    rounds = alternate(
        lambda: rivals.seconds("concordia", times=max(2, times // 4)),
        lambda: negotiate(ledger, times, acts),
        effort.rounds,
    )
    note = rounds.seconds_told("concordia-protocol", "one of ours, drafting and signing included")
    return ratio(NAMES[acts], BASELINE, rounds.speed, GOALS[acts], note)


def negotiate(ledger: Ledger, times: int, acts: int) -> float:
    """Carry so many negotiations through side by side, in groups of 100; return the seconds for one."""
    buyer, seller = ledger.buyer, ledger.seller
    numbers = [next(NUMBERS) for _ in range(times)]
    started = perf_counter()
    texts = [text_of(number) for number in numbers]
    dossiers = [opening(buyer, seller, number) for number in numbers]
    ons = [{"dossier": o.id, "text": text_digest(t)} for o, t in zip(dossiers, texts, strict=True)]
    submit(ledger, dossiers)
    submit(ledger, [seller.speak("join", dossier=opened.id) for opened in dossiers])
    submit(ledger, [buyer.speak("propose", **on) for on in ons], texts)
    submit(ledger, [seller.speak("adopt", **on) for on in ons])
    if acts == 5:
        submit(ledger, [buyer.speak("adopt", **on) for on in ons])
    spent = perf_counter() - started
    for on in ons:
        paper = ledger.intake.registry.dossiers[on["dossier"]].papers[on["text"]]
        if seller.party not in paper.adopted_by or (acts == 5) != (paper.state is TextState.ADOPTED):
            raise NotDone(f"a negotiation of {acts} acts ended with its text {paper.state.value}")
    return spent / times


def submit(ledger: Ledger, acts: list[Act], texts: list[bytes] | None = None) -> None:
    for start in range(0, len(acts), GROUP):
        brought = texts[start : start + GROUP] if texts else ()
        ledger.take([act.envelope.encoded() for act in acts[start : start + GROUP]], brought)
