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
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from nacl.signing import SigningKey

from pourparler.cli import verify, words
from pourparler.cli.tell import Teller, say
from pourparler.core.act import Act, parse_act
from pourparler.core.encoding import encode
from pourparler.core.evidence import Bundle, Claim, Report, Verdict
from pourparler.ports import StoreError
from pourparler.service.export import assemble
from pourparler.service.intake import Intake
from pourparler.service.replay import Differs, Played, Proof, Reading, ReplayClock, Scenario, play, read_scenario
from pourparler.service.replay import Verdict as Answer
from pourparler.store.sqlite import SqliteStore

FAILED = 1
EXPECTED = (Verdict.VALID, Verdict.INVALID, Verdict.CANNOT_TELL)

SAYINGS: dict[str, Mapping[str, str]] = {
    "title": {"en": "The evidence", "fr": "La preuve"},
    "export": {
        "en": "All of this leaves the ledger as one file of {size:,} bytes. Whoever gets it asks nobody: it is "
        "verified offline, knowing nothing but the council's party id.",
        "fr": "Tout ceci quitte le registre en un fichier de {size:,} octets. Qui le reçoit n'interroge personne : il "
        "se vérifie hors ligne, sans rien connaître que l'identifiant de la partie du conseil.",
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
    "acts": {"en": "acts were tried", "fr": "actes tentés"},
    "accepted": {"en": "of them accepted", "fr": "acceptés"},
    "void": {"en": "void: logged, without effect", "fr": "nuls : inscrits, sans effet"},
    "refused": {"en": "refused: never logged", "fr": "refusés : jamais inscrits"},
    "entries": {"en": "entries in the ledgers, their stamps included", "fr": "inscriptions, horodatages compris"},
    "bytes": {"en": "bytes of evidence", "fr": "octets de preuve"},
    "signatures": {"en": "signatures checked", "fr": "signatures vérifiées"},
    "milliseconds": {"en": "milliseconds to check all of it", "fr": "millisecondes pour tout vérifier"},
    "again": {"en": "To check it yourself, as often as you like:", "fr": "Pour vérifier vous-même, autant de fois :"},
    "keys": {
        "en": "[v]erify again   [t]amper with a byte   [d]rop an act   [s]how the steps   [q]uit",
        "fr": "[v]érifier   [t]oucher à un octet   [d]ôter un acte   [s] voir les étapes   [q]uitter",
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


@dataclass(frozen=True, slots=True)
class Stage:
    """A played scenario with its open ledgers; ``at`` is the instant that the evidence is to be as of."""

    played: Played
    ledgers: Mapping[str, Intake]
    at: int

    @property
    def scenario(self) -> Scenario:
        return self.played.scenario

    @property
    def proof(self) -> Proof:
        assert self.played.proof is not None
        return self.played.proof

    @property
    def party(self) -> bytes:
        """The council's party."""
        return self.proof.party

    @property
    def ledger(self) -> Intake:
        """The ledger of the claim."""
        return self.ledgers[self.proof.ledger]

    def trust(self) -> str:
        """Return all that the verifier is told beforehand, as it stands on a command line."""
        return f"{self.party.hex()}=handed over by the council"

    def export(self, without: frozenset[int] = frozenset()) -> Bundle:
        """Return the evidence; ``without`` leaves entries of the claim's ledger out."""
        parties = tuple(sorted((self.party, self.proof.other)))
        claim = Claim("in-force", self.ledger.depositary, 0, parties, self.proof.dossier, self.proof.text)
        return assemble(claim, list(self.ledgers.values()), texts=self.played.text_bytes.values(), exclude=without)

    def acts(self, bundle: Bundle) -> list[tuple[int, Act]]:
        """Return the acts that a bundle shows of the claim's ledger; the ledger's own entries are none."""
        found = [(index, parse_act(entry)) for index, entry in bundle.ledgers[0].entries]
        return [(index, act) for index, act in found if act.kind not in ("ledger", "stamp")]


def run(name: str, *, once: bool, reading: str, pace: float | None, language: str, keep: Path | None) -> int:
    """Play, tell, export, verify; then let whoever watches break it. Return the exit code."""
    screen = words.Screen()
    interactive = not once and sys.stdin.isatty() and sys.stdout.isatty()
    slow = pace if pace is not None else (0.1 if interactive else 0.0)
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
            return verify.complain(verify.Problem(verify.INPUT, f"the demo could not keep its ledger: {error}"))
        except Differs as difference:
            return verify.complain(verify.Problem(FAILED, f"the core does not bear the story out: {difference}"))
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
    import os

    return read_scenario(Path(os.environ["MINI"]).read_text("utf-8"), reading)


def perform(scenario: Scenario, reading: Reading, folder: Path, teller: Teller, ledgers: ExitStack) -> Stage:
    """Play one reading through ledgers in a folder, telling it on the way."""
    folder.mkdir(exist_ok=True)
    clock = ReplayClock(scenario.rows[0].at)
    desks: dict[str, Intake] = {}
    for symbol, given in scenario.ledgers.items():
        store = SqliteStore(folder / f"{symbol}.sqlite")
        ledgers.callback(store.close)
        desks[symbol] = Intake(store, FreshKey.make(), clock, given.get("origin", f"{symbol}.example"))
    keys = {actor: FreshKey.make() for actor in scenario.actors}
    teller.begin(reading)
    played = play(
        scenario,
        desks,
        keys=keys.__getitem__,
        clock=clock,
        chance=Dice(),
        reading=reading,
        on_event=teller.tell,
    )
    assert played.proof is not None
    clock.time = played.proof.at
    return Stage(played, desks, clock.time)


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
        self.bundle = stage.export()
        self.data = self.bundle.encoded()
        self.regions = list(regions(self.bundle, self.data))
        self.last: Report | None = None

    def say(self, name: str, **parts: object) -> str:
        return SAYINGS[name][self.language].format(**parts)

    def run(self, *, interactive: bool) -> int:
        screen = self.screen
        screen.line()
        screen.rule(self.say("title"))
        screen.line()
        screen.line(self.say("export", size=len(self.data)))
        verdicts = [self.as_it_is(), self.one_byte_changed(), self.one_act_left_out()]
        self.figures()
        self.command()
        if interactive:
            self.keys()
        return 0 if verdicts == list(EXPECTED) else FAILED

    # The three tests.

    def judge(self, name: str, data: bytes) -> Report:
        """Write a file and verify it as `pourparler verify` does, knowing nothing but the council's party id."""
        path = self.folder / f"{self.stage.scenario.id}{name}.evidence"
        path.write_bytes(data)
        started = time.perf_counter()
        examined = verify.examine(str(path), trust=[self.stage.trust()], at=str(self.stage.at))
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
        decisions = [index for index, act in self.stage.acts(self.bundle) if act.kind == "ratify"]
        index = decisions[-1] if decisions else self.stage.acts(self.bundle)[-1][0]
        start = self.data.index(self.stage.ledger.entry(index))
        return self.change(start + len(self.stage.ledger.entry(index)) // 2, number=2)

    def one_act_left_out(self) -> Verdict:
        """Leave a dismissal out, where there is one: the piece that somebody might like to lose."""
        acts = self.stage.acts(self.bundle)
        wanted = [index for index, act in acts if act.kind in ("dismiss", "urgent-dismiss")] or [acts[0][0]]
        return self.leave_out(wanted[0], number=3)

    def change(self, position: int, number: int = 0) -> Verdict:
        bit = 1 << secrets.randbelow(8)
        data = self.data[:position] + bytes([self.data[position] ^ bit]) + self.data[position + 1 :]
        what = next((region.what for region in self.regions if region.start <= position < region.end), "the frame")
        title = self.say("changed", position=position, size=len(self.data), what=what)
        return self.show(number, title, self.judge("-changed", data))

    def leave_out(self, index: int, number: int = 0) -> Verdict:
        act = dict(self.stage.acts(self.bundle))[index]
        data = self.stage.export(frozenset({index})).encoded()
        return self.show(number, self.say("left-out", index=index, kind=act.kind), self.judge("-short", data))

    # Figures, and how to do it again.

    def figures(self) -> None:
        answers = [event.outcome for event in self.stage.played.events if event.outcome]
        counted = {verdict: sum(answer.verdict is verdict for answer in answers) for verdict in Answer}
        entries = [entry for shown in self.bundle.ledgers for _, entry in shown.entries]
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
        path = self.folder / f"{self.stage.scenario.id}.evidence"
        self.screen.line()
        self.screen.line(self.say("again"), lead="   ")
        at = words.iso(self.stage.at)
        self.screen.raw(f"   ./run pourparler verify {shlex.quote(str(path))} --at {at} \\")
        self.screen.raw(f"     --trust {shlex.quote(self.stage.trust())}")

    # Whoever watches may try.

    def keys(self) -> None:
        """Wait for keys until q, the end of input, or Ctrl-C."""
        while True:
            self.screen.line()
            self.screen.line((self.say("keys"), "bold"), lead="   ")
            with suppress(KeyboardInterrupt):
                key = read_key()
                match key:
                    case "v":
                        self.show(0, self.say("as-it-is", party=self.stage.party.hex()[:16]), self.judge("", self.data))
                    case "t":
                        self.change(secrets.randbelow(len(self.data)))
                    case "d":
                        self.leave_out(secrets.choice(self.stage.acts(self.bundle))[0])
                    case "s" if self.last:
                        words.print_steps(self.screen, self.last)
                    case "q" | "":
                        return
                continue
            return


def read_key() -> str:
    """Return the key that was pressed, in lower case, or nothing at the end of input."""
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    try:
        tty.setcbreak(fd)
        return os.read(fd, 1).decode("ascii", "replace").lower()
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


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
