"""A replay told in a terminal: a row at a time, with its dates, one or two lines for each act.

The words of the story are the scenario's; here is only how they stand on the page, and what the reader is shown of the
machine: who spoke under which mandate, what the ledger answered, what changed, who did not know yet. Where the story
turns, a line in the margin says what that shows.
"""

import re
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from pourparler.cli.words import EPOCH, MARKS, MONTHS, NARROW, STYLES, Part, Screen, clean, date_time
from pourparler.core.evidence import Verdict as Colour
from pourparler.service.replay import Clocks, Event, Logged, Nature, Played, Row, Scenario, Shown, State, Verdict

Words = Mapping[str, str]
LEAD = 18  # columns for the two dates
ANSWERS = {Verdict.ACCEPTED: Colour.VALID, Verdict.VOID: Colour.CANNOT_TELL, Verdict.REFUSED: Colour.INVALID}

SAYINGS: dict[str, Words] = {
    "and": {"en": "and", "fr": "et"},
    "under": {"en": "under", "fr": "en vertu de"},
    "may": {"en": "may", "fr": "peut"},
    "not-conclude": {"en": "not conclude", "fr": "non conclure"},
    "line": {"en": "red line", "fr": "ligne rouge"},
    "same-lines": {"en": "the same {number} red lines", "fr": "les mêmes {number} lignes rouges"},
    "private": {"en": "{number} more, known to the two of them only", "fr": "{number} de plus, connues d'eux seuls"},
    "together": {"en": "all it signs together: {line}", "fr": "tout ce qu'il signe, ensemble : {line}"},
    "until": {"en": "until {instant}", "fr": "jusqu'au {instant}"},
    "scope": {"en": "for", "fr": "pour"},
    "report": {"en": "must report within {hours} h", "fr": "rend compte sous {hours} h"},
    "duty": {"en": "duty: {kind} by {instant}, else {then}", "fr": "devoir : {kind} avant le {instant}, sinon {then}"},
    "refused": {"en": "REFUSED", "fr": "REFUSÉ"},
    "void": {"en": "VOID", "fr": "NUL"},
    "refused-how": {"en": "never logged", "fr": "jamais inscrit"},
    "void-how": {"en": "logged at {index}, without effect", "fr": "inscrit sous {index}, sans effet"},
    "at-step": {"en": "at step {step}", "fr": "à l'étape {step}"},
    "missed": {"en": "who has not heard of {news}: {sides}", "fr": "qui ne connaît pas encore {news} : {sides}"},
    "heard": {"en": "who has now heard of {news}: {sides}", "fr": "qui connaît désormais {news} : {sides}"},
    "dossier": {"en": "talks", "fr": "pourparlers"},
    "since": {"en": "since {instant}", "fr": "depuis le {instant}"},
    "staging": {"en": "staging", "fr": "mise en scène"},
    "history": {"en": "history", "fr": "histoire"},
    "what-if": {"en": "what if", "fr": "et si"},
    "outside": {"en": "afterwards", "fr": "plus tard"},
    "interrupted": {"en": "Interrupted.", "fr": "Interrompu."},
    "legend": {
        "en": "✓ accepted   ✗ REFUSED, never logged   ? VOID, logged without effect   "
        "#20 {ledger}: entry 20 of that ledger{source}",
        "fr": "✓ accepté   ✗ REFUSÉ, jamais inscrit   ? NUL, inscrit sans effet   "
        "#20 {ledger} : inscription 20 de ce registre{source}",
    },
    "sources": {"en": "   [{source}]: source", "fr": "   [{source}] : source"},
    "unsigned": {
        "en": "the speaker's own signer refuses: it never leaves the desk",
        "fr": "refusé par son propre signataire",
    },
}


def say(name: str, language: str, **parts: object) -> str:
    return SAYINGS[name][language].format(**parts)


TURNING_KINDS = frozenset({"dismiss", "urgent-dismiss", "ratify", "breach"})
TELLING_KINDS = TURNING_KINDS | {"query", "reply", "suspend", "denounce", "remedy", "dissolve"}


STEPS_FR = {
    1: "les octets sont une enveloppe du profil",
    2: "genre et champs sont connus et bornés",
    3: "la forme est celle de l'émetteur",
    4: "partie, organe, mandat et antécédent sont connus",
    5: "les signatures sont bonnes",
    6: "la décision suffit, la chaîne est entière",
    7: "les pouvoirs suffisent, aucun maillon n'élargit",
    8: "dossier, partenaires et étendue sont dans les bornes",
    9: "les lignes rouges sont respectées",
    10: "la chaîne tient",
    11: "la limite cumulée tient",
    12: "l'acte convient au dossier",
}
POWERS_FR = {
    "open": "ouvrir", "propose": "proposer", "adopt": "adopter", "initial": "parapher",
    "sign-ad-referendum": "signer ad referendum", "conclude": "conclure", "ratify": "ratifier",
    "delegate": "déléguer", "dismiss": "révoquer", "denounce": "dénoncer", "urgent": "agir d'urgence",
}  # fmt: skip
POWERS_EN = {"sign-ad-referendum": "sign ad referendum"}
STATES_FR = {
    "invited": "invité", "open": "ouvert", "closed: agreed": "clos : accord", "closed: failed": "clos : échec",
    "closed: lapsed": "clos : caduc", "closed: withdrawn": "clos : retiré", "proposed": "proposé",
    "superseded": "dépassé", "rejected": "rejeté", "withdrawn": "retiré", "lapsed": "caduc", "adopted": "adopté",
    "authenticated": "authentifié", "open for consent": "ouvert au consentement", "none": "aucun",
    "signed ad referendum": "signé ad referendum", "ratified": "ratifié", "refused": "refusé",
    "signed definitively": "signé définitivement", "acceded": "adhésion", "withdrawing": "en retrait",
    "applying provisionally": "appliqué à titre provisoire", "applied provisionally": "appliqué à titre provisoire",
    "pending": "en attente", "in force": "en vigueur", "suspended": "suspendu", "notice running": "préavis en cours",
    "ended": "terminé",
}  # fmt: skip
# What a red line says is, must be. The first that fits is said.
LINES: dict[str, tuple[tuple[str, str], ...]] = {
    "en": ((" is not ", " must not be "), (" is ", " must be ")),
    "fr": (
        (" is not stated", " ne doit pas y figurer"), (" is stated", " doit y figurer"),
        (" is not ", " ne doit pas être "), (" is at least ", " doit être au moins "),
        (" is at most ", " doit être au plus "), (" is none of ", " ne doit être aucun de "),
        (" is one of ", " doit être l'un de "), (" is before ", " doit être avant "),
        (" is after ", " doit être après "), (" is ", " doit être "),
    ),
}  # fmt: skip

NOUNS: dict[str, tuple[str, str]] = {
    "found": ("founding", "fondation"),
    "constitute": ("new organ", "nouvel organe"),
    "elect": ("election", "élection"),
    "appoint": ("keys appointed", "clés désignées"),
    "hand-over": ("powers handed over", "pouvoirs transmis"),
    "dissolve": ("dissolution", "dissolution"),
    "move-home": ("new home ledger", "nouveau registre"),
    "recover": ("recovery of keys", "remplacement de clés"),
    "grant": ("mandate", "mandat"),
    "urgent-grant": ("mandate in urgency", "mandat d'urgence"),
    "dismiss": ("dismissal", "révocation"),
    "urgent-dismiss": ("dismissal in urgency", "révocation d'urgence"),
    "lift": ("red line lifted", "ligne rouge levée"),
    "suspend": ("suspension", "suspension"),
    "confirm": ("confirmation", "confirmation"),
    "decide": ("decision", "décision"),
    "deliberate": ("deliberation", "délibération"),
    "object": ("objection", "objection"),
    "call": ("call to vote", "appel au vote"),
    "vote": ("vote", "vote"),
    "question": ("question", "question"),
    "answer": ("answer", "réponse"),
    "dissent": ("dissent", "désaccord"),
    "delegate": ("mandate passed on", "mandat délégué"),
    "revoke": ("delegation withdrawn", "délégation retirée"),
    "query": ("query", "demande de vérification"),
    "reply": ("reply", "réponse"),
    "certify": ("certificate of election", "certificat d'élection"),
    "withdraw-certificate": ("certificate withdrawn", "certificat retiré"),
    "beacon": ("sign of life", "signe de vie"),
    "open": ("talks opened", "pourparlers ouverts"),
    "join": ("talks joined", "pourparlers rejoints"),
    "say": ("statement", "déclaration"),
    "acknowledge": ("receipt", "accusé de réception"),
    "reveal": ("red line shown", "ligne rouge montrée"),
    "invite": ("invitation", "invitation"),
    "suspend-talks": ("talks suspended", "pourparlers suspendus"),
    "resume-talks": ("talks resumed", "pourparlers repris"),
    "close": ("talks closed", "pourparlers clos"),
    "publish": ("publication", "publication"),
    "propose": ("proposal", "proposition"),
    "reject": ("rejection", "rejet"),
    "withdraw": ("withdrawal", "retrait"),
    "adopt": ("adoption", "adoption"),
    "initial": ("initials", "paraphe"),
    "sign-ad-referendum": ("signature ad referendum", "signature ad referendum"),
    "conclude": ("definitive signature", "signature définitive"),
    "withdraw-signature": ("signature withdrawn", "signature retirée"),
    "ratify": ("ratification", "ratification"),
    "refuse": ("refusal", "refus"),
    "accede": ("accession", "adhésion"),
    "apply": ("provisional application", "application provisoire"),
    "stop-applying": ("provisional application ended", "fin de l'application provisoire"),
    "object-reservation": ("objection to a reservation", "objection à une réserve"),
    "denounce": ("notice of termination", "dénonciation"),
    "withdraw-denunciation": ("notice withdrawn", "dénonciation retirée"),
    "breach": ("allegation of breach", "allégation de violation"),
    "remedy": ("remedy", "remède"),
    "notice": ("notice", "notification"),
}
LANGUAGES = ("en", "fr")


# --- pieces of sentences ----------------------------------------------------------------------------------------------


def listed(items: Sequence[str], language: str) -> str:
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {say('and', language)} {items[-1]}"


def powers_in_words(powers: Sequence[str], language: str) -> str:
    words = POWERS_FR if language == "fr" else POWERS_EN
    return listed([words.get(power, power) for power in powers], language)


def line_in_words(line: str, language: str) -> str:
    """Return a red line as a sentence that demands; the path and the value stand as they are."""
    for operator, demand in LINES[language]:
        if operator in line:
            return line.replace(operator, demand, 1)
    return line


def on_clocks(seconds: int, clocks: Clocks | None, language: str) -> str:
    """Return an instant as the clocks of its time showed it, such as
    ``4 (17) Dec 1917, 12:00 in Berlin = 14:00 in Petrograd``; in UTC where there are none."""
    if clocks is None or seconds >= clocks.until:
        return date_time(seconds)
    at = EPOCH + timedelta(seconds=seconds)
    new = at + timedelta(hours=clocks.places[-1][1])
    old = new - timedelta(days=clocks.behind)
    month = MONTHS[new.month - 1]
    days = f"{old.day} ({new.day}) {month}" if clocks.behind else f"{new.day} {month}"
    if old.month != new.month:
        days = f"{old.day} {MONTHS[old.month - 1]} ({new.day} {month})"
    shown = (f"{at + timedelta(hours=hours):%H:%M} {place[language]}" for place, hours in clocks.places)
    return f"{days} {new.year}, {' = '.join(shown)}"


# --- the teller -------------------------------------------------------------------------------------------------------


class Teller:
    """Tells the rows of one run as they come. With ``before``, an earlier run, only the rows that differ from it."""

    def __init__(
        self, screen: Screen, scenario: Scenario, language: str, pace: float, before: Played | None = None
    ) -> None:
        self.screen = screen
        self.scenario = scenario
        self.language = language
        self.pace = pace
        self.before = {row.id: gist(events) for row, events in by_row(before.events)} if before else None
        self.news = {act.id: act.news for row in scenario.rows for act in row.acts if act.news}
        self.news |= {symbol: text["name"] for symbol, text in scenario.texts.items() if "name" in text}
        self.chapter = -1
        self.facts_told: set[int] = set()
        self.year = f" {(EPOCH + timedelta(seconds=scenario.rows[0].at)).year}"
        self.turns = {lesson.fact for lesson in scenario.lessons if lesson.turns}
        self.lines_told: tuple[str, ...] = ()
        self.lacks: dict[str, frozenset[str]] = {}
        self.owed: set[tuple[str, str]] = set()  # side and news: said to be missing, and not yet to have come

    def say(self, name: str, **parts: object) -> str:
        return say(name, self.language, **parts)

    # Before and between.

    def begin(self) -> None:
        """Print the title page, or which reading is told now."""
        screen, scenario, language = self.screen, self.scenario, self.language
        reading = scenario.readings.get(scenario.reading, {}).get(language, "")
        screen.line()
        if self.before is not None:
            screen.rule()
            screen.line((scenario.differs[language], "bold"), lead="   ")
            screen.line(reading, lead="   ")
            return
        screen.line((scenario.title[language], "bold"), lead="   ")
        screen.line()
        screen.line(scenario.about[language], lead="   ")
        screen.line()
        source = self.say("sources", source=next(iter(scenario.sources))) if scenario.sources else ""
        legend = self.say("legend", ledger=next(iter(scenario.ledgers)), source=source)
        for words in (scenario.calendars.get(language), legend, reading):
            if words:
                screen.line((words, "dim"), lead="   ")

    def turn_page(self, row: Row) -> None:
        chapters = self.scenario.chapters
        reached = sum(chapter.since <= row.at for chapter in chapters) - 1
        if reached > self.chapter:
            self.chapter = reached
            self.screen.line()
            self.screen.rule(f"{reached + 1}. {chapters[reached].title[self.language]}")
        self.screen.line()

    # A row.

    def tell(self, row: Row, events: Sequence[Event]) -> None:
        """Print one row of the story with all that was tried in it."""
        missed, heard = self.learn(events[-1])
        if self.before is not None and self.before.get(row.id) == gist(events):
            return
        turning = is_turn(row, events, self.turns)
        self.turn_page(row)
        self.tell_row(row, turning=turning)
        quiet: list[Event] = []
        for event in events:
            if not event.planned:
                continue
            if is_quiet(event):
                quiet.append(event)
            else:
                self.tell_together(quiet)
                quiet = []
                self.tell_act(event)
        self.tell_together(quiet)
        self.tell_changes(events)
        self.tell_knowledge(missed, heard)
        self.tell_facts(row)
        time.sleep(self.pace)

    def tell_row(self, row: Row, *, turning: bool) -> None:
        parts: list[Part] = []
        if row.nature is not Nature.HISTORY:
            parts.append((f"({self.say(row.nature.value)}) ", "italic magenta"))
        style = "bold" if turning else "dim" if row.nature is Nature.STAGING else ""
        parts.append((row.what[self.language], style))
        if row.sources:
            parts.append((" " + "".join(f"[{source}]" for source in row.sources), "dim cyan"))
        given = [row.old_style, row.new_style]
        if not self.scenario.calendars:  # nobody says how the days were called: the ledger's time is all there is
            given = [date_time(row.at).removesuffix(" UTC")]
        dates = list(dict.fromkeys(date.replace(self.year, "") for date in given if date))
        self.screen.entry(dates, parts, width=self.indent, marked=turning)

    def indented(self, *parts: Part, lead: Part = "") -> None:
        text, style = (lead, "") if isinstance(lead, str) else lead
        self.screen.line(*parts, lead=(f"{text:>{self.indent}}  ", style))

    @property
    def indent(self) -> int:
        return LEAD if self.screen.width >= NARROW else 2

    # Acts.

    def tell_together(self, events: Sequence[Event]) -> None:
        """Print ordinary acts: one or two on a line each, more of them counted on one line."""
        if len(events) <= 2:
            for event in events:
                self.tell_act(event)
            return
        counted = Counter(noun(event.planned.kind, self.language) for event in events if event.planned)
        said = ", ".join(f"{kind} \u00d7{number}" if number > 1 else kind for kind, number in counted.items())
        self.indented(said, (f"  {self.places(events)}", "dim"), lead=("✓", "green"))

    def tell_act(self, event: Event) -> None:
        """Print who did what, under which mandate, and what the ledger answered."""
        planned, answer = event.planned, event.outcome
        assert planned is not None
        assert answer is not None
        colour = ANSWERS[answer.verdict]
        parts: list[Part] = []
        if planned.nature is not event.row.nature:
            parts.append((f"({self.say(planned.nature.value)}) ", "italic magenta"))
        if planned.what:
            parts.append(f"{planned.what[self.language]} ")
            parts.append((f"({self.spoken(event)})", "dim"))
        else:
            parts.append(self.spoken(event))
        if answer.verdict is Verdict.ACCEPTED:
            parts.append((f"  {self.places([event])}", "dim"))
        self.indented(*parts, lead=(MARKS[colour], f"bold {STYLES[colour]}"))
        if answer.verdict is not Verdict.ACCEPTED:
            self.tell_refusal(answer)
        elif event.grants and event.planned and event.planned.nature is Nature.HISTORY:
            self.tell_mandate(event.grants)

    def spoken(self, event: Event) -> str:
        """Return the act in the product's words: what, of what, by whom, under which mandate, to whom."""
        planned = event.planned
        assert planned is not None
        said = noun(planned.kind, self.language)
        of = planned.of or planned.fields.get("text") or planned.fields.get("of") or planned.fields.get("mandate")
        if isinstance(of, str):
            said += f"{':' if of in self.news else ''} {self.called(of)}"
        if who := self.speakers(event):
            said += f", {who}"
        if event.chain:
            under = f", {self.say('under')} {self.called(event.chain[-1].name)}"
            said += under.replace(" de le ", " du ").replace(" de les ", " des ")
        if event.grants:
            said += f" → {self.holder(event.grants)}"
        return said

    def called(self, symbol: str) -> str:
        """Return what a thing is called: by the words in which it is news, or by its symbol in quotation marks."""
        return self.news[symbol][self.language] if symbol in self.news else f"“{name_of(symbol)}”"

    def speakers(self, event: Event) -> str:
        """Return who spoke: a holder's own name, or those who signed for an organ, or their number."""
        names = self.gathered(event.speakers)
        if event.chain or not names or len(event.speakers) == 1 or self.language != "en":
            return listed(names, self.language)
        several = listed(names, self.language) if len(names) <= 3 else f"{len(event.speakers)} signatures"
        return several if len(names) == 1 else f"{name_of(event.speaks_for) or self.party(event.party)} ({several})"

    def actors(self, symbols: Sequence[str]) -> str:
        return listed(self.gathered(symbols), self.language)

    def gathered(self, symbols: Sequence[str]) -> list[str]:
        """Return the names of actors; those that differ by a number only as one: with how many there are.
        What is no actor's symbol stands as it is."""
        known = self.scenario.actors
        names = [known[symbol].name[self.language] if symbol in known else symbol for symbol in symbols]
        counted = Counter(re.sub(r" \(\d+\)$", "", name) for name in names)
        return [f"{name} \u00d7{number}" if number > 1 else name for name, number in counted.items()]

    def holder(self, mandate: Shown) -> str:
        """Return who holds a mandate: actors, or in words whoever belongs to a class."""
        symbols = mandate.holder.split(", ")
        return self.actors(symbols) if set(symbols) <= self.scenario.actors.keys() else mandate.holder

    def places(self, events: Sequence[Event]) -> str:
        """Return where acts were logged: ``#20 smolny #50 neutral``, or ``#30…#44`` for several."""
        found: dict[str, list[int]] = {}
        for event in events:
            for answer in event.logged:
                if answer.index is not None:
                    found.setdefault(answer.ledger, []).append(answer.index)
        return " ".join(
            f"#{indexes[0]}{f'…{indexes[-1]}' if len(indexes) > 1 else ''} {name_of(ledger)}"
            for ledger, indexes in found.items()
        )

    def tell_refusal(self, answer: Logged) -> None:
        step = self.say("at-step", step=answer.step)
        name = STEPS_FR.get(answer.step, answer.step_name) if self.language == "fr" else answer.step_name
        how = self.say(f"{answer.verdict.value}-how" if answer.ledger else "unsigned", index=answer.index)
        style = STYLES[ANSWERS[answer.verdict]]
        parts: list[Part] = [(self.say(answer.verdict.value), f"bold {style}"), f" {step}, {name} "]
        self.indented(*parts, (f"[{answer.reason}]", style))
        detail = f"{clean(answer.detail)}; " if self.language == "en" and answer.detail else ""
        self.indented((detail + how, "dim"))

    def tell_mandate(self, mandate: Shown) -> None:
        language = self.language
        parts: list[Part] = [f"{self.say('may')} ", (powers_in_words(mandate.powers, language), "bold")]
        if "conclude" not in mandate.powers:
            parts.append((f", {self.say('not-conclude')}", "bold"))
        if mandate.scope:
            parts.append(f", {self.say('scope')} {', '.join(map(name_of, mandate.scope))}")
        if mandate.until is not None:
            parts.append(f", {self.say('until', instant=date_time(mandate.until))}")
        if mandate.report_seconds is not None:
            parts.append(f"; {self.say('report', hours=mandate.report_seconds // 3600)}")
        if found := re.fullmatch(r"(\S+) by (\S+), else (.+)", mandate.duty):
            by = date_time(int((datetime.fromisoformat(found[2]) - EPOCH).total_seconds()))
            kind = noun(found[1], language)
            parts.append(f"; {self.say('duty', kind=kind, instant=by, then=self.actors([found[3]]))}")
        self.indented(*parts)
        if mandate.lines and mandate.lines == self.lines_told:
            self.indented((self.say("same-lines", number=len(mandate.lines)), "red"))
        elif mandate.lines:
            lines = [line_in_words(line, language) for line in mandate.lines]
            self.indented((f"{self.say('line')}: ", "red"), listed(lines, language))
            self.lines_told = mandate.lines
        if mandate.limit:
            together = self.say("together", line=line_in_words(mandate.limit, language))
            self.indented((f"{self.say('line')}: ", "red"), together)
        if mandate.private_lines:
            self.indented((f"{self.say('line')}: ", "red"), self.say("private", number=mandate.private_lines))

    # What follows.

    def tell_changes(self, events: Sequence[Event]) -> None:
        """Print what the row changed: where talks, texts and consents stand; then what is in force, line by line."""
        last: dict[tuple[str, str], State] = {}
        for event in events:
            for state in event.changes:
                last.pop((state.what, state.about), None)
                last[state.what, state.about] = state
        changes = [state for state in last.values() if state.word not in ("none", "pending")]
        found: dict[str, dict[str, list[str]]] = {}  # what it is about -> how it stands -> for which parties
        for state in changes:
            who, _, text = state.about.rpartition(": ")
            if state.what != "effect":
                about = f"{self.say('dossier')} “{name_of(text)}”" if state.what == "dossier" else self.called(text)
                parties = found.setdefault(about, {}).setdefault(self.word(state.word), [])
                parties += [self.party(who)] if who else []
        for about, words in found.items():
            said = [
                f"{word} ({listed(parties, self.language)})" if parties else word for word, parties in words.items()
            ]
            self.indented(f"{about}: {'; '.join(said)}", lead=("→", "blue"))
        for state in changes:
            if state.what == "effect":
                self.indented((self.state(state), "bold"), lead=("→", "bold blue"))

    def state(self, state: State) -> str:
        """Return whether a text is in force, between whom, since or until when."""
        who, _, what = state.about.rpartition(": ")
        parties = listed([self.party(symbol) for symbol in who.split("-")], self.language)
        said = f"{self.called(what)}, {parties}: {self.word(state.word).upper()}"
        if state.word == "in force" and state.since is not None:
            said += f" {self.say('since', instant=on_clocks(state.since, self.scenario.clocks, self.language))}"
        elif state.word == "notice running" and state.until is not None:
            said += f" {self.say('until', instant=date_time(state.until))}"
        return said + (f" ({clean(state.reason)})" if state.reason and self.language == "en" else "")

    def word(self, word: str) -> str:
        """Return a state as the reader's language has it."""
        if self.language != "fr":
            return word
        return ", ".join(STATES_FR.get(part, part) for part in word.split(", "))

    def party(self, symbol: str) -> str:
        return str(self.scenario.parties[symbol][self.language])

    # Who knows what.

    def learn(self, event: Event) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        """Return which news some sides have just missed, and which they have heard at last: by news, the sides.

        What only those miss who read no ledger at all is the ordinary state of the world, and not told.
        """
        missed: dict[str, list[str]] = {}
        heard: dict[str, list[str]] = {}
        for known in event.knowledge:
            before = self.lacks.get(known.side, frozenset())
            now = self.lacks[known.side] = frozenset(known.lacks)
            for symbol in sorted(now - before):
                missed.setdefault(symbol, []).append(known.side)
            for symbol in sorted(before - now):
                if (known.side, symbol) in self.owed:
                    heard.setdefault(symbol, []).append(known.side)
        readers = {side.id for side in self.scenario.sides.values() if side.reads}
        missed = {symbol: sides for symbol, sides in missed.items() if readers & set(sides)}
        self.owed |= {(side, symbol) for symbol, sides in missed.items() for side in sides}
        return missed, heard

    def tell_knowledge(self, missed: Mapping[str, Sequence[str]], heard: Mapping[str, Sequence[str]]) -> None:
        for name, found in (("missed", missed), ("heard", heard)):
            by_sides: dict[tuple[str, ...], list[str]] = {}
            for symbol, sides in found.items():
                by_sides.setdefault(tuple(sides), []).append(self.called(symbol))
            for sides, symbols in by_sides.items():
                names = [self.scenario.sides[side].name[self.language] for side in sides]
                said = self.say(name, sides=listed(names, self.language), news=listed(symbols, self.language))
                self.indented((said, "italic"), lead=("○" if name == "missed" else "●", "dim"))

    def tell_facts(self, row: Row) -> None:
        for lesson in self.scenario.lessons:
            here = lesson.row == row.id if lesson.row else lesson.fact in row.facts
            if here and lesson.fact not in self.facts_told:
                self.facts_told.add(lesson.fact)
                self.indented((lesson.words[self.language], "italic yellow"), lead=("│", "yellow"))
        if row.note:
            self.indented((row.note[self.language], "italic yellow"), lead=("│", "yellow"))


def by_row(events: Iterable[Event]) -> list[tuple[Row, list[Event]]]:
    """Return the events gathered by their rows."""
    found: dict[str, tuple[Row, list[Event]]] = {}
    for event in events:
        found.setdefault(event.row.id, (event.row, []))[1].append(event)
    return list(found.values())


def gist(events: Sequence[Event]) -> list[object]:
    """Return what makes a row another one in another reading: its words, its acts, what became of them."""
    return [
        (
            sorted(event.row.what.items()),
            event.planned.id if event.planned else "",
            (event.outcome.verdict, event.outcome.reason) if event.outcome else None,
            event.grants.powers if event.grants else (),
        )
        for event in events
    ]


def is_quiet(event: Event) -> bool:
    """Return whether an act is ordinary: accepted, without a sentence of its own, and not where a story turns."""
    planned, answer = event.planned, event.outcome
    assert planned is not None
    assert answer is not None
    if answer.verdict is not Verdict.ACCEPTED or planned.what or planned.kind in TELLING_KINDS:
        return False
    return not (event.grants and planned.nature is Nature.HISTORY and planned.kind != "certify")


def is_turn(row: Row, events: Sequence[Event], turns: Collection[int]) -> bool:
    """Return whether the story turns here, so that the row is to stand out: at a fact where it does, by an act of a
    kind that turns stories, or by what enters into force or stops."""
    return bool(
        row.nature is not Nature.STAGING
        and (
            set(turns) & set(row.facts)
            or any(act.kind in TURNING_KINDS for act in row.acts)
            or any(
                state.what == "effect" and state.word in ("in force", "notice running", "suspended")
                for event in events
                for state in event.changes
            )
        )
    )


def noun(kind: str, language: str) -> str:
    return NOUNS.get(kind, (kind, kind))[LANGUAGES.index(language)]


def name_of(symbol: str) -> str:
    return symbol.replace("-", " ").replace("_", " ")
