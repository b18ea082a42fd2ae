"""``pourparler demo``: a negotiation through the real core, told in a terminal, and then put to the test.

Keys are made anew at every run; each act goes through the real intake into a real ledger (SQLite) in a folder of its
own. At the end the evidence leaves the folder as one file, and the code of ``pourparler verify`` judges it knowing
nothing but the council's party id: as it is, with one byte changed, with one act left out.
"""

import os
import secrets
import shlex
import sys
import tempfile
import termios
import time
import tty
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from nacl.signing import SigningKey

from pourparler.cli import scenarios, verify, words
from pourparler.cli.tell import Teller, noun, say
from pourparler.cli.trouble import INPUT, USAGE, Problem, complain
from pourparler.core.act import parse_act
from pourparler.core.encoding import encode
from pourparler.core.errors import PourparlerError
from pourparler.core.evidence import Bundle, Claim, Report, Verdict
from pourparler.core.ledger import multiproof
from pourparler.ports import StoreError
from pourparler.service.export import assemble, size_of
from pourparler.service.intake import Intake
from pourparler.service.replay import (
    Differs,
    Event,
    Played,
    Proof,
    ReplayClock,
    Scenario,
    play,
    read_readings,
    read_scenario,
)
from pourparler.service.replay import Verdict as Answer
from pourparler.store.sqlite import SqliteStore

FAILED = 1
ALL = "all"

SAYINGS: dict[str, Mapping[str, str]] = {
    "title": {"en": "The evidence", "fr": "La preuve"},
    "export": {
        "en": "As of {at}, all of this leaves the ledgers as one file of {size:,} bytes. Whoever gets it asks nobody: "
        "it is verified offline, knowing nothing but the council's party id.",
        "fr": "À la date du {at}, tout ceci quitte les registres en un fichier de {size:,} octets. Qui le reçoit "
        "n'interroge personne : il se vérifie hors ligne, sans rien connaître que l'identifiant du conseil.",
    },
    "as-it-is": {"en": "As it is, trusting only party {party}…", "fr": "Tel quel, sans confiance qu'en {party}…"},
    "changed": {
        "en": "One bit changed, in byte {position:,} of {size:,}: {what}",
        "fr": "Un bit changé, à l'octet {position:,} sur {size:,} : {what}",
    },
    "left-out": {
        "en": "One act left out, as if it had never been: entry {index}, {kind}",
        "fr": "Un acte omis, comme s'il n'avait jamais été : l'inscription {index}, {kind}",
    },
    "later": {
        "en": "The same claim, exported after all that came later: a verdict is always as of an index",
        "fr": "Le même énoncé, exporté après tout ce qui suivit : un verdict vaut toujours à un rang donné",
    },
    "acts": {"en": "acts were tried", "fr": "actes tentés"},
    "accepted": {"en": "of them accepted", "fr": "acceptés"},
    "void": {"en": "void: logged, without effect", "fr": "nuls : inscrits, sans effet"},
    "refused": {"en": "refused: never logged", "fr": "refusés : jamais inscrits"},
    "entries": {"en": "entries in the ledgers, their stamps included", "fr": "inscriptions, horodatages compris"},
    "bytes": {"en": "bytes of evidence", "fr": "octets de preuve"},
    "signatures": {"en": "signatures checked", "fr": "signatures vérifiées"},
    "milliseconds": {"en": "milliseconds to check all of it", "fr": "millisecondes pour tout vérifier"},
    "again": {"en": "To check it yourself, as often as you like:", "fr": "Pour vérifier vous-même, autant de fois :"},
    "beside": {
        "en": "The changed file, the shortened one and the ledgers lie beside it.",
        "fr": "Le fichier altéré, le fichier raccourci et les registres sont à côté.",
    },
    "keys": {
        "en": "[v]erify again  [t]amper with a byte  [d]rop an act  [s]how the steps  [q]uit",
        "fr": "[v]érifier  [t]oucher à un octet  [d]ôter un acte  [s] voir les étapes  [q]uitter",
    },
}


# --- what the core is not given: keys, chance -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FreshKey:
    """A key that exists for one run, in memory only."""

    secret: SigningKey
    public_key: bytes

    @classmethod
    def make(cls) -> "FreshKey":
        secret = SigningKey.generate()
        return cls(secret, bytes(secret.verify_key))

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of ``message``."""
        return bytes(self.secret.sign(message).signature)


class Dice:
    """Chance from the operating system."""

    def bytes(self, count: int) -> bytes:
        """Return unpredictable bytes."""
        return secrets.token_bytes(count)


# --- one run ----------------------------------------------------------------------------------------------------------


class Stage:
    """A played scenario with its open ledgers, and the evidence as it left them at the instant of the claim."""

    def __init__(self, played: Played, ledgers: Mapping[str, Intake], clock: ReplayClock) -> None:
        assert played.proof is not None
        self.played = played
        self.ledgers = ledgers
        self.proof = played.proof
        self.expected = Verdict(played.proof.expect)
        self.party = played.proof.party  # the council's
        self.ledger = ledgers[played.proof.ledger]
        self.clock = clock
        self.at = clock.now()
        self.bundle = self.export(self.proof)
        self.data = self.bundle.encoded()
        self.also = [(proof, self.export(proof).encoded()) for proof in played.also]
        shown = ((index, parse_act(entry)) for index, entry in self.bundle.ledgers[0].entries)
        # The acts that it shows of the claim's ledger, by index; the ledger's own entries are none.
        self.acts = {index: act for index, act in shown if act.kind not in ("ledger", "stamp")}

    def trust(self) -> str:
        """Return all that the verifier is told beforehand, as it stands on a command line."""
        return f"{self.party.hex()}=handed over by the council"

    def export(self, proof: Proof) -> Bundle:
        """Return the evidence for a claim, as of now."""
        parties = tuple(sorted(filter(None, (proof.party, proof.other)))) if proof.kind != "bound" else (proof.party,)
        ledger = self.ledgers[proof.ledger].depositary
        claim = Claim(proof.kind, ledger, 0, parties, proof.dossier, proof.text)
        return assemble(claim, list(self.ledgers.values()), texts=self.played.text_bytes.values())

    def index_of(self, chosen: str, *kinds: str) -> int:
        """Return the index of the act that the scenario's claim chooses for this, else of the last of these kinds that
        the evidence holds, else of the last act."""
        symbol = self.played.scenario.claim.get(chosen)
        if symbol:
            return self.ledger.registry.outcomes[self.played.acts[symbol].id].moment.index
        return max((index for index, act in self.acts.items() if act.kind in kinds), default=max(self.acts))

    def without(self, index: int) -> bytes:
        """Return the evidence with one entry of the claim's ledger left out, as somebody would who hides it: the
        proof fits what is left."""
        shown = self.bundle.ledgers[0]
        entries = tuple(entry for entry in shown.entries if entry[0] != index)
        size = size_of(shown.checkpoint, shown.depositary)
        hashes = multiproof(size, [index for index, _ in entries], self.ledger.node)
        cut = replace(shown, entries=entries, hashes=hashes)
        return replace(self.bundle, ledgers=(cut, *self.bundle.ledgers[1:])).encoded()


def run(name: str, *, once: bool, reading: str, pace: float | None, language: str, keep: Path | None) -> int:
    """Play, tell, export, verify; then let whoever watches break it. Return the exit code."""
    screen = words.Screen()
    interactive = not once and sys.stdin.isatty() and sys.stdout.isatty()
    slow = pace if pace is not None else (0.25 if interactive else 0.0)
    found = scenarios.scenarios()
    if name not in found:
        why = f"{name}: there is no such demo; there are {', '.join(sorted(scenarios.demos()))}"
        return complain(Problem(USAGE, why))
    written = scenarios.written(name)
    readings = read_readings(written)
    if reading not in (ALL, *readings):
        why = f"--reading {reading}: of {name} there is only {', '.join(filter(None, (ALL, *readings)))}"
        return complain(Problem(USAGE, why))
    with ExitStack() as ledgers:
        try:
            folder = open_folder(keep)
            stages: list[Stage] = []
            for one in readings if reading == ALL else [reading]:
                scenario = read_scenario(written, one)
                teller = Teller(screen, scenario, language, slow, before=stages[0].played if stages else None)
                place = folder / one if len(readings) > 1 and reading == ALL else folder
                stages.append(perform(scenario, place, teller, ledgers))
            *asides, finale = [Finale(screen, stage, folder, language) for stage in put_to_the_test(stages)]
            as_it_must = [aside.aside() for aside in asides]
            code = finale.run(interactive=interactive)
            return code if all(as_it_must) else FAILED
        except (OSError, StoreError) as error:
            return complain(Problem(INPUT, f"the demo could not keep its ledger: {error}"))
        except (Differs, PourparlerError) as difference:
            return complain(Problem(FAILED, f"the core does not bear the story out: {difference}"))
        except KeyboardInterrupt:
            screen.line()
            screen.line(say("interrupted", language))
            return 130


def put_to_the_test(stages: list[Stage]) -> list[Stage]:
    """Return whose evidence is judged: of the readings whose claim meets another verdict, in passing; last, of the main
    reading, in full."""
    main = next((stage for stage in stages if stage.played.scenario.reading == stage.played.scenario.main), stages[0])
    return [*(stage for stage in stages if stage.expected is not main.expected), main]


def open_folder(keep: Path | None) -> Path:
    if keep is None:
        return Path(tempfile.mkdtemp(prefix="pourparler-demo-"))
    keep.mkdir(parents=True, exist_ok=True)
    if any(keep.iterdir()):
        raise OSError(f"{keep} is not empty, and a ledger begins in an empty folder")
    return keep


def perform(scenario: Scenario, folder: Path, teller: Teller, ledgers: ExitStack) -> Stage:
    """Play one reading through ledgers in a folder, telling it on the way.

    The evidence leaves at the instant that the scenario's claim names; the story goes on after it.
    """
    folder.mkdir(exist_ok=True)
    clock = ReplayClock(scenario.rows[0].at)
    desks: dict[str, Intake] = {}
    for symbol, given in scenario.ledgers.items():
        store = SqliteStore(folder / f"{symbol}.sqlite")
        ledgers.callback(store.close)
        desks[symbol] = Intake(store, FreshKey.make(), clock, given["origin"])
    keys = {actor: FreshKey.make() for actor in scenario.actors}
    stages: list[Stage] = []
    told: list[Event] = []

    def tell(event: Event) -> None:
        told.append(event)
        if event.planned is None or event.planned is event.row.acts[-1]:
            teller.tell(event.row, told)
            told.clear()

    teller.begin()
    play(
        scenario,
        desks,
        keys=keys.__getitem__,
        clock=clock,
        chance=Dice(),
        on_event=tell,
        on_proof=lambda played: stages.append(Stage(played, desks, clock)),
    )
    return stages[0]


# --- the end ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch of the bundle's bytes, and what they are."""

    start: int
    end: int
    what: str


class Finale:
    """The evidence put to the test: as it is, with a byte changed, with an act left out; as often as one likes."""

    def __init__(self, screen: words.Screen, stage: Stage, folder: Path, language: str) -> None:
        self.screen = screen
        self.stage = stage
        self.folder = folder
        self.language = language
        self.data = stage.data
        self.regions = list(regions(stage.bundle, stage.data))
        self.last: Report | None = None
        self.trusted: Mapping[bytes, str] = {}

    def say(self, name: str, **parts: object) -> str:
        return words.Figures(self.language).format(SAYINGS[name][self.language], **parts)

    def aside(self) -> bool:
        """Show what becomes of the claim in a reading that ends otherwise; return whether it is what it must be."""
        reading = self.stage.played.scenario.reading
        self.screen.line()
        self.screen.rule()
        self.claimed()
        report = self.judge(f"-{reading}", self.data)
        self.show(0, self.say("as-it-is", party=self.stage.party.hex()[:16]), report)
        return report.verdict is self.stage.expected

    def run(self, *, interactive: bool) -> int:
        screen = self.screen
        screen.line()
        screen.rule(self.say("title"))
        screen.line()
        screen.line(self.say("export", size=len(self.data), at=words.date_time(self.stage.at)))
        self.claimed()
        verdicts = [self.as_it_is(), self.one_byte_changed(), self.one_act_left_out()]
        answered = [self.ask(*asked) for asked in enumerate(self.stage.also, 1)]
        self.later()
        self.figures()
        self.command()
        if interactive:
            self.keys()
        as_it_must = verdicts == [self.stage.expected, Verdict.INVALID, Verdict.CANNOT_TELL]
        return 0 if as_it_must and all(answered) else FAILED

    def claimed(self) -> None:
        """Print what the scenario says of the claim."""
        if said := self.stage.played.scenario.claim.get("says"):
            self.screen.line()
            self.screen.line(said[self.language])

    # The three tests.

    def judge(self, name: str, data: bytes, at: int | None = None) -> Report:
        """Write a file and verify it as `pourparler verify` does, knowing nothing but the council's party id."""
        path = self.folder / f"{self.stage.played.scenario.id}{name}.evidence"
        path.write_bytes(data)
        started = time.perf_counter()
        examined = verify.examine(str(path), trust=[self.stage.trust()], at=str(self.stage.at if at is None else at))
        self.milliseconds = (time.perf_counter() - started) * 1000
        self.last, self.trusted = examined.report, examined.known.parties
        return examined.report

    def show(self, number: int, title: str, report: Report) -> Verdict:
        self.screen.line()
        self.screen.line((title, "bold"), lead=f" {number}. " if number else "    ")
        words.print_verdict(self.screen, report, self.trusted)
        words.print_strip(self.screen, report)
        return report.verdict

    def as_it_is(self) -> Verdict:
        report = self.judge("", self.data)
        self.verified_in = self.milliseconds
        return self.show(1, self.say("as-it-is", party=self.stage.party.hex()[:16]), report)

    def one_byte_changed(self) -> Verdict:
        """Change a byte of what binds: of the last ratification, where the scenario chooses no other act."""
        entry = self.stage.ledger.entry(self.stage.index_of("change", "ratify"))
        return self.change(self.data.index(entry) + len(entry) // 2, number=2)

    def one_act_left_out(self) -> Verdict:
        """Leave out what somebody might like to lose: a dismissal, where the scenario chooses no other act."""
        return self.leave_out(self.stage.index_of("leave_out", "urgent-dismiss", "dismiss"), number=3)

    def ask(self, number: int, asked: tuple[Proof, bytes]) -> bool:
        """Put another claim of the scenario's to the same ledgers; return whether the verdict is the one that it must
        meet."""
        proof, data = asked
        report = self.judge(f"-also-{number}", data)
        return self.show(3 + number, proof.says[self.language], report).value == proof.expect

    def later(self) -> None:
        """The same claim, exported when the whole story is over: a verdict is always as of an index."""
        data = self.stage.export(self.stage.proof).encoded()
        self.show(4 + len(self.stage.also), self.say("later"), self.judge("-later", data, at=self.stage.clock.now()))

    def change(self, position: int, number: int = 0) -> Verdict:
        bit = 1 << secrets.randbelow(8)
        data = self.data[:position] + bytes([self.data[position] ^ bit]) + self.data[position + 1 :]
        what = next((region.what for region in self.regions if region.start <= position < region.end), "the frame")
        title = self.say("changed", position=position, size=len(self.data), what=what)
        return self.show(number, title, self.judge("-changed", data))

    def leave_out(self, index: int, number: int = 0) -> Verdict:
        title = self.say("left-out", index=index, kind=noun(self.stage.acts[index].kind, self.language))
        return self.show(number, title, self.judge("-short", self.stage.without(index)))

    # Figures, and how to do it again.

    def figures(self) -> None:
        answers = [event.outcome for event in self.stage.played.events if event.outcome]
        counted = {verdict: sum(answer.verdict is verdict for answer in answers) for verdict in Answer}
        entries = [entry for shown in self.stage.bundle.ledgers for _, entry in shown.entries]
        rows = (
            ("acts", len(answers)),
            ("accepted", counted[Answer.ACCEPTED]),
            ("void", counted[Answer.VOID]),
            ("refused", counted[Answer.REFUSED]),
            ("entries", sum(ledger.size for ledger in self.stage.ledgers.values())),
            ("bytes", len(self.data)),
            ("signatures", sum(len(parse_act(entry).envelope.signatures) for entry in entries)),
            ("milliseconds", round(self.verified_in)),
        )
        self.screen.line()
        self.screen.rule()
        for name, number in rows:
            self.screen.line(self.say(name), lead=words.Figures(self.language).format("{:>10,}  ", number))

    def command(self) -> None:
        path = self.folder / f"{self.stage.played.scenario.id}.evidence"
        self.screen.line()
        self.screen.line(self.say("again"), lead="   ")
        at = words.iso(self.stage.at)
        self.screen.raw(f"   ./run pourparler verify {shlex.quote(str(path))} --at {at} \\")
        self.screen.raw(f"     --trust {shlex.quote(self.stage.trust())}")
        self.screen.line(self.say("beside"), lead="   ")

    # Whoever watches may try.

    def keys(self) -> None:
        """Answer keys until q, the end of input, or Ctrl-C."""
        with suppress(KeyboardInterrupt), single_keys() as read_key:
            while True:
                self.screen.line()
                self.screen.line((self.say("keys"), "bold"), lead="   ")
                match read_key():
                    case "v":
                        self.show(0, self.say("as-it-is", party=self.stage.party.hex()[:16]), self.judge("", self.data))
                    case "t":
                        self.change(secrets.randbelow(len(self.data)))
                    case "d":
                        self.leave_out(secrets.choice(list(self.stage.acts)))
                    case "s" if self.last:
                        words.print_steps(self.screen, self.last)
                    case "q" | "":
                        return


@contextmanager
def single_keys() -> Iterator[Callable[[], str]]:
    """Let the terminal hand over each key at once, also those pressed before they are asked for; give what reads one:
    the key in lower case, or nothing at the end of input."""
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    try:
        tty.setcbreak(terminal, termios.TCSANOW)
        yield lambda: os.read(terminal, 1).decode("ascii", "replace").lower()
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def regions(bundle: Bundle, data: bytes) -> Iterator[Region]:
    """Yield what the bytes of a bundle are, in their order within each kind."""
    for shown in bundle.ledgers:
        at = 0
        for index, entry in shown.entries:
            at = data.index(entry, at)
            yield Region(at, at + len(entry), f"entry {index} ({parse_act(entry).kind}) of {shown.depositary.origin}")
        for what, pieces in (("the checkpoint", (shown.checkpoint,)), ("the proof", shown.hashes)):
            for piece in pieces:
                at = data.index(piece)
                yield Region(at, at + len(piece), f"{what} of {shown.depositary.origin}")
    for number, text in enumerate(bundle.texts, 1):
        at = data.index(text)
        yield Region(at, at + len(text), f"text {number}")
    claim = encode(bundle.claim.encoded())
    at = data.index(claim)
    yield Region(at, at + len(claim), "the claim")
