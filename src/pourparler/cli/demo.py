"""``pourparler demo``: a negotiation of 1917 through the real core, told in a terminal, and then put to the test.

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

from pourparler.cli import verify, words
from pourparler.cli.tell import Teller, noun, say
from pourparler.cli.trouble import INPUT, Problem, complain
from pourparler.core.act import parse_act
from pourparler.core.encoding import encode
from pourparler.core.errors import PourparlerError
from pourparler.core.evidence import Bundle, Claim, Report, Verdict
from pourparler.core.ledger import multiproof
from pourparler.ports import StoreError
from pourparler.service.export import assemble, size_of
from pourparler.service.intake import Intake
from pourparler.service.replay import Differs, Event, Played, Reading, ReplayClock, Scenario, play, read_scenario
from pourparler.service.replay import Verdict as Answer
from pourparler.store.sqlite import SqliteStore

FAILED = 1
EXPECTED = (Verdict.VALID, Verdict.INVALID, Verdict.CANNOT_TELL)

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
        self.party = played.proof.party  # the council's
        self.ledger = ledgers[played.proof.ledger]
        self.clock = clock
        self.at = clock.now()
        self.bundle = self.export()
        self.data = self.bundle.encoded()
        shown = ((index, parse_act(entry)) for index, entry in self.bundle.ledgers[0].entries)
        # The acts that it shows of the claim's ledger, by index; the ledger's own entries are none.
        self.acts = {index: act for index, act in shown if act.kind not in ("ledger", "stamp")}

    def trust(self) -> str:
        """Return all that the verifier is told beforehand, as it stands on a command line."""
        return f"{self.party.hex()}=handed over by the council"

    def export(self) -> Bundle:
        """Return the evidence for the scenario's claim, as of now."""
        parties = tuple(sorted((self.party, self.proof.other)))
        claim = Claim("in-force", self.ledger.depositary, 0, parties, self.proof.dossier, self.proof.text)
        return assemble(claim, list(self.ledgers.values()), texts=self.played.text_bytes.values())

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
    with ExitStack() as ledgers:
        try:
            folder = open_folder(keep)
            stage: Stage | None = None
            for one in Reading if reading == "both" else [Reading(reading)]:
                scenario = load_scenario(name, one)
                teller = Teller(screen, scenario, language, slow, before=stage.played if stage else None)
                place = folder / one.value if reading == "both" else folder
                stage = perform(scenario, one, place, teller, ledgers)
            assert stage is not None
            return Finale(screen, stage, folder, language).run(interactive=interactive)
        except (OSError, StoreError) as error:
            return complain(Problem(INPUT, f"the demo could not keep its ledger: {error}"))
        except (Differs, PourparlerError) as difference:
            return complain(Problem(FAILED, f"the core does not bear the story out: {difference}"))
        except KeyboardInterrupt:
            screen.line()
            screen.line(say("interrupted", language))
            return 130


def open_folder(keep: Path | None) -> Path:
    if keep is None:
        return Path(tempfile.mkdtemp(prefix="pourparler-demo-"))
    keep.mkdir(parents=True, exist_ok=True)
    if any(keep.iterdir()):
        raise OSError(f"{keep} is not empty, and a ledger begins in an empty folder")
    return keep


def load_scenario(name: str, reading: Reading) -> Scenario:
    """Return a scenario that comes with the package, or that lies beside its source."""
    places = (Path(__file__).parents[1] / "scenarios", Path(__file__).parents[3] / "scenarios")
    for place in places:
        with suppress(FileNotFoundError):
            return read_scenario((place / f"{name}.toml").read_text("utf-8"), reading)
    raise FileNotFoundError(f"the scenario {name} is not installed")


def perform(scenario: Scenario, reading: Reading, folder: Path, teller: Teller, ledgers: ExitStack) -> Stage:
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

    teller.begin(reading)
    play(
        scenario,
        desks,
        keys=keys.__getitem__,
        clock=clock,
        chance=Dice(),
        reading=reading,
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

    def say(self, name: str, **parts: object) -> str:
        return SAYINGS[name][self.language].format(**parts)

    def run(self, *, interactive: bool) -> int:
        screen = self.screen
        screen.line()
        screen.rule(self.say("title"))
        screen.line()
        screen.line(self.say("export", size=len(self.data), at=words.date_time(self.stage.at)))
        verdicts = [self.as_it_is(), self.one_byte_changed(), self.one_act_left_out()]
        self.later()
        self.figures()
        self.command()
        if interactive:
            self.keys()
        return 0 if verdicts == list(EXPECTED) else FAILED

    # The three tests.

    def judge(self, name: str, data: bytes, at: int | None = None) -> Report:
        """Write a file and verify it as `pourparler verify` does, knowing nothing but the council's party id."""
        path = self.folder / f"{self.stage.played.scenario.id}{name}.evidence"
        path.write_bytes(data)
        started = time.perf_counter()
        examined = verify.examine(str(path), trust=[self.stage.trust()], at=str(self.stage.at if at is None else at))
        self.milliseconds = (time.perf_counter() - started) * 1000
        self.last = examined.report
        return examined.report

    def show(self, number: int, title: str, report: Report) -> Verdict:
        self.screen.line()
        self.screen.line((title, "bold"), lead=f" {number}. " if number else "    ")
        words.print_verdict(self.screen, report)
        words.print_strip(self.screen, report)
        return report.verdict

    def as_it_is(self) -> Verdict:
        report = self.judge("", self.data)
        self.verified_in = self.milliseconds
        return self.show(1, self.say("as-it-is", party=self.stage.party.hex()[:16]), report)

    def one_byte_changed(self) -> Verdict:
        """Change a byte of the last decision that the evidence holds: a ratification, where there is one."""
        entry = self.stage.ledger.entry(self.last_of("ratify"))
        return self.change(self.data.index(entry) + len(entry) // 2, number=2)

    def one_act_left_out(self) -> Verdict:
        """Leave a dismissal out, where there is one: the piece that somebody might like to lose."""
        return self.leave_out(self.last_of("urgent-dismiss", "dismiss"), number=3)

    def later(self) -> None:
        """The same claim, exported when the whole story is over: a verdict is always as of an index."""
        data = self.stage.export().encoded()
        self.show(4, self.say("later"), self.judge("-later", data, at=self.stage.clock.now()))

    def last_of(self, *kinds: str) -> int:
        acts = self.stage.acts
        return max((index for index, act in acts.items() if act.kind in kinds), default=max(acts))

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
            self.screen.line(self.say(name), lead=f"{number:>10,}  ")

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
