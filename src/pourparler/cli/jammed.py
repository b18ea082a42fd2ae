"""``pourparler demo jammed``: a dismissal goes over the general's head by jammed radio; a live picture of who knows.

Everything in it is real: nodes with databases, sockets, signatures, lost and forged frames. On a terminal the picture
is drawn again and again; elsewhere each step is a line, and the picture stands at the end.
"""

import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pourparler.cli.trouble import INPUT, USAGE, Problem, complain
from pourparler.cli.words import Figures, Part, Screen
from pourparler.ports import StoreError
from pourparler.service.node.nouns import Fresh
from pourparler.testing import jammed
from pourparler.testing.jammed import Happened, Row, Scene

FAILED = 1
DRAWN_SECONDS = 0.2
LEAST_SECONDS = 1.5  # how long a step is left to be read, on a terminal

STORY: Mapping[str, Mapping[str, str]] = {
    "title": {"en": "November 1917: over his head", "fr": "Novembre 1917 : par-dessus sa tête"},
    "about": {
        "en": "Real nodes, databases, sockets and signatures on this machine; the radio loses {loss:.0%} of all "
        "frames, "
        "and a jammer forges {forged:.0f} for each that is sent.",
        "fr": "De vrais nœuds, bases, sockets et signatures sur cette machine ; la radio perd {loss:.0%} des "
        "trames, et "
        "un brouilleur en forge {forged:.0f} pour chacune.",
    },
    "mandate": {
        "en": "The council has sent the general to open talks, and not to conclude them. By the only wire, which runs "
        "through his staff, {know} places know his mandate.",
        "fr": "Le conseil a chargé le général d'ouvrir des pourparlers, non de conclure. Par le seul fil, qui "
        "passe par "
        "son état-major, {know} postes connaissent son mandat.",
    },
    "dismissed": {
        "en": "He stalls. The council dismisses him: {bytes} bytes, three signatures. The order leaves by his "
        "own wire.",
        "fr": "Il temporise. Le conseil le révoque : {bytes} octets, trois signatures. L'ordre part par son "
        "propre fil.",
    },
    "stalled": {
        "en": "The staff takes the order and keeps it back, {kept} times so far. It lets the beacons through, and they "
        "tell on it: {held} of the {lack} places that lack it see that more was said than reaches them, or that "
        "nothing comes any more.",
        "fr": "L'état-major prend l'ordre et le retient, {kept} fois déjà. Il laisse passer les balises, et elles le "
        "trahissent : {held} des {lack} postes à qui il manque voient qu'on a dit plus qu'il ne leur parvient, ou "
        "que rien ne vient plus.",
    },
    "on-air": {
        "en": "The council goes on the air, in frames of {frame} bytes. A station in Austria hands on what it "
        "verifies: "
        "it holds no key of ours, and needs none.",
        "fr": "Le conseil prend les ondes, par trames de {frame} octets. Une station en Autriche retransmet ce qu'elle "
        "vérifie : elle n'a aucune de nos clés, et n'en a pas besoin.",
    },
    "heard": {
        "en": "They have it. {lost} frames were lost and {forged} were forged; {refused} were refused by those "
        "who heard "
        "them, and nothing false was taken.",
        "fr": "Ils l'ont. {lost} trames perdues, {forged} forgées ; {refused} refusées par qui les a entendues, "
        "et rien "
        "de faux n'a été pris.",
    },
    "courier": {
        "en": "The fleet hears nothing, and knows it: {alone}. Somebody walks there with a file of {bytes:,} bytes, in "
        "which the home ledger proves the dismissal.",
        "fr": "La flotte n'entend rien, et le sait : {alone}. Quelqu'un s'y rend avec un fichier de {bytes:,} "
        "octets, où le "
        "registre d'origine prouve la révocation.",
    },
    "reached": {
        "en": "Four committees have said, signed, that they know. After {seconds:.0f} seconds {refuse} of "
        "{places} places "
        "refuse the general, his own staff among them; the council sees {known} of {of} holders acknowledge it.",
        "fr": "Quatre comités ont dit, signature à l'appui, qu'ils savent. Après {seconds:.0f} secondes, "
        "{refuse} postes "
        "sur {places} refusent le général, son état-major compris ; le conseil voit {known} accusés sur {of}.",
    },
    "failed": {
        "en": "It did not come out as it must: see who does not know, above.",
        "fr": "Cela n'a pas fini comme il le faut : voir ci-dessus qui ne sait pas.",
    },
    "overdue": {
        "en": "In the last column, “cut off” is a place to which the council had said when its next beacon comes, and "
        "none came in time: the staff is no longer called by wire, and the air is silent now. It does not know what "
        "was said since; the dismissal it knows, and refuses.",
        "fr": "Dans la dernière colonne, « coupé » est un poste à qui le conseil avait dit quand viendrait "
        "sa prochaine balise, et rien n'est venu à temps : on n'appelle plus l'état-major par fil, et les "
        "ondes se taisent. Il ignore ce qui fut dit depuis ; la révocation, il la sait, et refuse.",
    },
    "knows": {"en": "knows", "fr": "sait"},
    "not": {"en": "does not know", "fr": "ne sait pas"},
    "by": {"en": "by {way}, after {seconds:.1f} s", "fr": "par {way}, après {seconds:.1f} s"},
}
NAMES = {
    "council": {"en": "Petrograd, the council", "fr": "Petrograd, le conseil"},
    "staff": {"en": "Mogilev, the staff", "fr": "Moguilev, l'état-major"},
    "fifth": {"en": "Fifth Army, committee", "fr": "5e armée, comité"},
    "corps": {"en": "Siberian Corps, committee", "fr": "Corps sibérien, comité"},
    "austria": {"en": "an Austrian station", "fr": "une station autrichienne"},
    "special": {"en": "Special Army, committee", "fr": "Armée spéciale, comité"},
    "fleet": {"en": "Black Sea Fleet, committee", "fr": "flotte, mer Noire, comité"},
}
WAYS = {
    "its own": {"en": "its own decision", "fr": "sa décision"},
    "wire": {"en": "wire", "fr": "fil"},
    "radio": {"en": "radio", "fr": "radio"},
    "courier": {"en": "courier", "fr": "courrier"},
}
FRESH = {"current": "à jour", "behind": "en retard", "being starved": "privé de nouvelles", "cut off": "coupé",
         "unknown": "inconnu"}  # fmt: skip
FLEET = FRESH | {"being starved": "privée de nouvelles", "cut off": "coupée", "unknown": "inconnue"}  # la flotte
MARKS = {True: ("●", "green"), False: ("○", "red")}


class Told:
    """The story as it goes: on a terminal with the picture under it, elsewhere in lines."""

    def __init__(self, screen: Screen, language: str, *, live: bool) -> None:
        self.screen, self.language, self.live = screen, language, live
        self.spoken: list[str] = []

    def say(self, key: str, **parts: Any) -> str:
        return Figures(self.language).format(STORY[key][self.language], **parts)

    def happened(self, what: Happened) -> None:
        parts = dict(what.parts)
        if what.key == "courier" and self.language == "fr":
            parts["alone"] = FLEET[parts["alone"]]
        if what.key == "stalled":
            parts["held"] = parts["starved"] + parts["cut"]
            parts["lack"] = len(jammed.PLACES) - parts["knows"]
        self.screen.line(self.say(what.key, **parts), lead="▸ ")
        self.screen.line()
        if self.live:
            time.sleep(LEAST_SECONDS)

    def name(self, row: Row) -> str:
        return NAMES[row.name][self.language]

    def line(self, row: Row) -> list[Part]:
        """Return what is drawn of a place."""
        french = self.language == "fr"
        mark = MARKS[row.knows]
        knows: list[Part] = [(f"{self.say('knows' if row.knows else 'not')}", mark[1])]
        if row.after_seconds is not None:
            way = WAYS[row.way][self.language] if row.way in WAYS else row.way
            knows.append(" " + self.say("by", way=way, seconds=row.after_seconds))
        fresh = FRESH.get(row.fresh, row.fresh) if french else row.fresh
        return [mark, f" {self.name(row):<28} ", *knows, (f"  {fresh}", "dim")]

    def picture(self, rows: list[Row]) -> Any:
        from rich.text import Text

        lines = [self.screen.styled(*self.line(row)) for row in rows]
        return Text("\n").join(lines)


def refuse_options(*, reading: str, pace: float | None) -> None:
    """Say which options do not belong to this demo, where one is given. Raises :class:`Problem`."""
    if reading != "all":
        raise Problem(USAGE, f"--reading {reading}: jammed is told in one way, so there is only all.")
    if pace is not None:
        raise Problem(USAGE, "--pace is of the other demos: jammed goes as fast as its order travels.", "Leave it out.")


def run(*, once: bool, language: str, keep: Path | None) -> int:
    """Play the scene; return 0 where everybody knows in the end."""
    lacking = [name for name in ("raptorq", "starlette", "uvicorn") if find_spec(name) is None]
    if lacking:
        what = f"this demo needs what is not installed: {', '.join(lacking)}."
        return complain(Problem(USAGE, what, "Install it: pip install 'pourparler[radio,serve]'"))
    screen = Screen()
    live = not once and sys.stdout.isatty()
    told = Told(screen, language, live=live)
    screen.rule(told.say("title"))
    screen.line(told.say("about", loss=jammed.LOSS, forged=jammed.FORGED))
    screen.line()
    with ExitStack() as opened:
        try:
            folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="pourparler-jammed-")))
            if keep is not None:
                keep.mkdir(parents=True, exist_ok=True)
                if any(keep.iterdir()):
                    return complain(Problem(INPUT, f"{keep} is not empty, and ledgers begin in an empty folder."))
                folder = keep
            scene = opened.enter_context(Scene(folder, tell=told.happened))
            good = watched(scene, told) if live else scene.play()
            if not live:
                draw(scene, told)
            if good and any(row.fresh == Fresh.CUT_OFF.value for row in scene.rows()):
                screen.line()
                screen.line((told.say("overdue"), "dim"))
        except (OSError, StoreError) as error:
            return complain(Problem(INPUT, f"the demo could not run: {error}"))
        except KeyboardInterrupt:
            return 130
    if not good:
        screen.line((told.say("failed"), "bold red"))
    return 0 if good else FAILED


def draw(scene: Scene, told: Told) -> None:
    for row in scene.rows():
        told.screen.line(*told.line(row))


def watched(scene: Scene, told: Told) -> bool:
    """Play the scene in a thread, and draw who knows as it changes."""
    from rich.live import Live

    came: list[bool | BaseException] = []

    def play() -> None:
        try:
            came.append(scene.play())
        except BaseException as error:  # noqa: BLE001  it is raised again, where somebody reads it
            came.append(error)

    playing = threading.Thread(target=play, daemon=True)
    with Live(console=told.screen.console, refresh_per_second=1 / DRAWN_SECONDS, transient=False) as picture:
        playing.start()
        while playing.is_alive():
            picture.update(told.picture(scene.rows()))
            time.sleep(DRAWN_SECONDS)
        picture.update(told.picture(scene.rows()))
    (end,) = came
    if isinstance(end, BaseException):
        raise end
    return end
