"""A replay told in a terminal: a row at a time, in both calendars, one or two lines for each act.

The words of the story are the scenario's; here is only how they stand on the page, and what the reader is shown of the
machine: who spoke under which mandate, what the ledger answered, what changed, who did not know yet. Where the story
turns, a line in the margin says what that shows.
"""

import re
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from pourparler.cli.words import EPOCH, MARKS, MONTHS, STYLES, Part, Screen, clean, date_time
from pourparler.core.evidence import Verdict as Colour
from pourparler.service.replay import Event, Logged, Nature, Played, Reading, Row, Scenario, Shown, State, Verdict

Words = Mapping[str, str]
LEAD = 19  # columns for the two dates
ANSWERS = {Verdict.ACCEPTED: Colour.VALID, Verdict.VOID: Colour.CANNOT_TELL, Verdict.REFUSED: Colour.INVALID}

SAYINGS: dict[str, Words] = {
    "and": {"en": "and", "fr": "et"},
    "by": {"en": "by", "fr": "par"},
    "to": {"en": "to", "fr": "à"},
    "under": {"en": "under", "fr": "en vertu de"},
    "entry": {"en": "entry", "fr": "inscription"},
    "may": {"en": "may", "fr": "peut"},
    "not-conclude": {"en": "not conclude", "fr": "non conclure"},
    "line": {"en": "red line", "fr": "ligne rouge"},
    "same-lines": {"en": "the same {number} red lines", "fr": "les mêmes {number} lignes rouges"},
    "private": {"en": "{number} more, known to the two of them only", "fr": "{number} de plus, connues d'eux seuls"},
    "until": {"en": "until", "fr": "jusqu'au"},
    "scope": {"en": "for", "fr": "pour"},
    "report": {"en": "must report within {hours} h", "fr": "rend compte sous {hours} h"},
    "duty": {"en": "duty: {kind} by {instant}, else {then}", "fr": "devoir : {kind} avant le {instant}, sinon {then}"},
    "refused": {"en": "REFUSED", "fr": "REFUSÉ"},
    "void": {"en": "VOID", "fr": "NUL"},
    "refused-how": {"en": "never logged", "fr": "jamais inscrit"},
    "void-how": {"en": "logged at {index}, without effect", "fr": "inscrit sous {index}, sans effet"},
    "at-step": {"en": "at step {step}", "fr": "à l'étape {step}"},
    "not-yet": {"en": "{side} does not know yet: {news}", "fr": "{side} ne sait pas encore : {news}"},
    "knows": {"en": "{side} now knows: {news}", "fr": "{side} sait désormais : {news}"},
    "dossier": {"en": "talks", "fr": "pourparlers"},
    "since": {"en": "since {instant}", "fr": "depuis le {instant}"},
    "staging": {"en": "staging", "fr": "mise en scène"},
    "history": {"en": "history", "fr": "histoire"},
    "what-if": {"en": "what if", "fr": "et si"},
    "outside": {"en": "afterwards", "fr": "plus tard"},
    "interrupted": {"en": "Interrupted.", "fr": "Interrompu."},
    "legend": {
        "en": "✓ accepted   ✗ REFUSED, never logged   ? VOID, logged without effect   [S1] source",
        "fr": "✓ accepté   ✗ REFUSÉ, jamais inscrit   ? NUL, inscrit sans effet   [S1] source",
    },
    "open": {
        "en": "Reading: the committees may open talks, and nothing more.",
        "fr": "Lecture : les comités peuvent ouvrir des pourparlers, rien de plus.",
    },
    "sign": {
        "en": "Reading: the committees may also sign a truce, subject to the council's approval.",
        "fr": "Lecture : les comités peuvent aussi signer une trêve, sous réserve d'approbation.",
    },
    "differs": {
        "en": "The same weeks in the other reading of the sources. Only what differs is told.",
        "fr": "Les mêmes semaines dans l'autre lecture des sources. Seul ce qui diffère est dit.",
    },
}


def say(name: str, language: str, **parts: object) -> str:
    return SAYINGS[name][language].format(**parts)


# What a numbered fact of the chronology shows, said once, where it first appears.
FACTS: dict[int, Words] = {
    1: {
        "en": "The mandate says what he may do. To conclude is not in it, whoever presses him.",
        "fr": "Le mandat dit ce qu'il peut. Conclure n'y est pas, qui que ce soit qui le presse.",
    },
    2: {
        "en": "An order carries its number, its instant and its key: the receiver checks it alone. Asking another office "
        "proves nothing and suspends nothing.",
        "fr": "Un ordre porte son numéro, son instant, sa clé : qui le reçoit le vérifie seul. Demander à un autre bureau "
        "ne prouve rien et ne suspend rien.",
    },
    3: {
        "en": "Whoever has no notice of a dismissal still writes to the old man. It works against each of them from its "
        "place in a ledger that they read.",
        "fr": "Qui n'a pas notification d'une révocation écrit encore à l'ancien. Elle vaut contre chacun dès sa place "
        "dans un registre qu'il lit.",
    },
    4: {
        "en": "What is stopped stops at once; what is held over goes on.",
        "fr": "Ce qui est arrêté s'arrête aussitôt ; ce qui est maintenu continue.",
    },
    5: {
        "en": "One mandate, its holders unknown: each shows the certificate of its election.",
        "fr": "Un seul mandat, des titulaires inconnus : chacun montre le certificat de son élection.",
    },
    6: {
        "en": "The sources read two ways. In neither does a local truce bind before the council approves.",
        "fr": "Les sources se lisent de deux façons. Dans aucune une trêve locale ne lie avant l'approbation.",
    },
    7: {
        "en": "A wider text will end the local ones by its scope: nobody has to list them.",
        "fr": "Un texte plus large mettra fin aux trêves locales par son étendue : nul n'a à les énumérer.",
    },
    8: {
        "en": "One instant: two clocks, two calendars. Entry into force is computed; nobody signs it.",
        "fr": "Un seul instant : deux horloges, deux calendriers. L'entrée en vigueur se calcule ; nul ne la signe.",
    },
    9: {
        "en": "Silence has consequences: by the ledger's time the invitation lapses, and nobody signs that.",
        "fr": "Le silence a des suites : à l'heure du registre l'invitation tombe, sans que nul ne le signe.",
    },
    10: {
        "en": "Signed, published, in force: three different days, each of them provable.",
        "fr": "Signé, publié, en vigueur : trois jours différents, chacun prouvable.",
    },
    11: {
        "en": "Seven days' notice were agreed. The ledger counts them, and so can anybody.",
        "fr": "Un préavis de sept jours était convenu. Le registre les compte, et chacun peut le faire.",
    },
    12: {
        "en": "Urgency can stop, and can start talks. It binds nobody, and must be confirmed.",
        "fr": "L'urgence peut arrêter, et ouvrir des pourparlers. Elle ne lie personne et doit être confirmée.",
    },
    13: {
        "en": "The other side's full powers have limits too, and they are as public as ours.",
        "fr": "Les pleins pouvoirs d'en face ont aussi des limites, aussi publiques que les nôtres.",
    },
    14: {
        "en": "A remedy is a recorded consequence for the agreement, and never an order to harm anyone.",
        "fr": "Un remède est une suite inscrite pour l'accord, jamais l'ordre de nuire à quiconque.",
    },
}
TURNS = frozenset({2, 3, 7, 8, 11})
TURNING_KINDS = frozenset({"dismiss", "urgent-dismiss", "ratify", "breach"})


def instant(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


# The chapters of a scenario, each from an instant on.
CHAPTERS: dict[str, tuple[tuple[float, Words], ...]] = {
    "november-1917": (
        (instant("1917-01-01"), {"en": "What may never be signed", "fr": "Ce qui ne se signera jamais"}),
        (instant("1917-11-20"), {"en": "An order to open, not to conclude", "fr": "Ordre d'ouvrir, non de conclure"}),
        (instant("1917-11-21T12:00"), {"en": "The wrong office is asked", "fr": "On interroge le mauvais bureau"}),
        (instant("1917-11-22T02:00"), {"en": "Over his head", "fr": "Par-dessus sa tête"}),
        (instant("1917-11-23"), {"en": "Letters to a dismissed man", "fr": "Lettres à un révoqué"}),
        (instant("1917-11-26"), {"en": "White flags", "fr": "Drapeaux blancs"}),
        (instant("1917-12-02"), {"en": "Brest-Litovsk", "fr": "Brest-Litovsk"}),
        (instant("1917-12-15"), {"en": "One armistice", "fr": "Un seul armistice"}),
        (instant("1918-02-01"), {"en": "Seven days' notice", "fr": "Sept jours de préavis"}),
    ),
}

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
LINES_FR = (
    (r" is not stated$", " n'y figure pas"), (r" is stated$", " y figure"), (r" is at least ", " est au moins "),
    (r" is at most ", " est au plus "), (r" is not ", " n'est pas "), (r" is none of ", " n'est aucun de "),
    (r" is one of ", " est l'un de "), (r" is before ", " est avant "), (r" is after ", " est après "), (r" is ", " est "),
)  # fmt: skip

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
    """Return a red line as a sentence; in French by its operator's words, the path as it stands."""
    if language == "fr":
        for english, french in LINES_FR:
            line, changed = re.subn(english, french, line)
            if changed:
                break
    return line


def state_word(word: str, language: str) -> str:
    if language != "fr":
        return word
    base, comma, rest = word.partition(", ")
    return STATES_FR.get(base, base) + comma + STATES_FR.get(rest, rest)


# The two clocks of the front; Petrograd kept summer time, three hours ahead of UTC, until the end of December.
BERLIN, PETROGRAD = timedelta(hours=1), timedelta(hours=3)
JULIAN = timedelta(days=13)


def on_both_clocks(seconds: int) -> str:
    """Return an instant of 1917 in both calendars and on both clocks."""
    at = EPOCH + timedelta(seconds=seconds)
    old, new = at + PETROGRAD - JULIAN, at + PETROGRAD
    old_style = f"{old.day} {MONTHS[old.month - 1]}" if old.month != new.month else f"{old.day}"
    clocks = f"{at + BERLIN:%H:%M} in Berlin = {at + PETROGRAD:%H:%M} in Petrograd"
    return f"{old_style} ({new.day}) {MONTHS[new.month - 1]} {new.year}, {clocks}"


# --- the teller -------------------------------------------------------------------------------------------------------


class Teller:
    """Tells the events of one run as they come. With ``before``, an earlier run, only what differs from it."""

    def __init__(
        self, screen: Screen, scenario: Scenario, language: str, pace: float, before: Played | None = None
    ) -> None:
        self.screen = screen
        self.scenario = scenario
        self.language = language
        self.pace = pace
        self.before = {key_of(event): gist(event, language) for event in before.events} if before else {}
        self.chapter = -1
        self.row = ""
        self.facts_told: set[int] = set()
        self.lines_told: tuple[str, ...] = ()
        self.lacks: dict[str, tuple[str, ...]] = {}

    def say(self, name: str, **parts: object) -> str:
        return say(name, self.language, **parts)

    # Before and between.

    def begin(self, reading: Reading) -> None:
        """Print the title page."""
        screen, scenario, language = self.screen, self.scenario, self.language
        screen.line()
        if self.before:
            screen.rule()
            screen.line((self.say("differs"), "bold"), lead="   ")
        else:
            screen.line((scenario.title[language], "bold"), lead="   ")
            screen.line()
            screen.line(scenario.about[language], lead="   ")
            screen.line((scenario.calendars[language], "dim"), lead="   ")
        screen.line((self.say(reading.value), "dim"), lead="   ")
        if not self.before:
            screen.line((self.say("legend"), "dim"), lead="   ")

    def turn_page(self, row: Row) -> None:
        chapters = CHAPTERS.get(self.scenario.id, ())
        reached = sum(since <= row.at for since, _ in chapters) - 1
        if reached > self.chapter:
            self.chapter = reached
            self.screen.line()
            self.screen.rule(f"{reached + 1}. {chapters[reached][1][self.language]}")
            self.screen.line()

    # A row.

    def tell(self, event: Event) -> None:
        """Print one event."""
        known = self.before.get(key_of(event))
        if known is None or known != gist(event, self.language):
            if event.row.id != self.row:
                self.row = event.row.id
                self.tell_row(event.row, turning=is_turn(event))
            if event.planned:
                self.tell_act(event)
            self.tell_changes(event)
        if self.row == event.row.id and (event.planned is None or event.planned is event.row.acts[-1]):
            self.tell_knowledge(event)
            self.tell_facts(event.row)
            time.sleep(self.pace)

    def tell_row(self, row: Row, *, turning: bool) -> None:
        self.turn_page(row)
        parts: list[Part] = []
        if row.nature is not Nature.HISTORY:
            parts.append((f"({self.say(row.nature.value)}) ", "italic magenta"))
        parts.append((row.what[self.language], "bold" if turning else ""))
        if row.sources:
            parts.append((" " + "".join(f"[{source}]" for source in row.sources), "dim cyan"))
        dates = [date for date in (row.old_style, row.new_style) if date]
        self.screen.entry(dates, parts, width=self.indent, marked=turning)

    def indented(self, *parts: Part, lead: Part = "") -> None:
        text, style = (lead, "") if isinstance(lead, str) else lead
        self.screen.line(*parts, lead=(f"{text:>{self.indent}}  ", style))

    @property
    def indent(self) -> int:
        return LEAD if self.screen.width >= 64 else 2

    # An act.

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
            parts += [planned.what[self.language], (f" ({self.spoken(event)})", "dim")]
        else:
            parts.append(self.spoken(event))
        if answer.verdict is Verdict.ACCEPTED:
            parts.append((f"  {self.places(event.logged)}", "dim"))
        self.indented(*parts, lead=(MARKS[colour], f"bold {STYLES[colour]}"))
        if answer.verdict is not Verdict.ACCEPTED:
            self.tell_refusal(answer)
        elif event.grants:
            self.tell_mandate(event.grants)

    def spoken(self, event: Event) -> str:
        """Return the act in the product's words: what, of which text, by whom, under which mandate, to whom."""
        planned = event.planned
        assert planned is not None
        said = NOUNS.get(planned.kind, (planned.kind, planned.kind))[LANGUAGES.index(self.language)]
        of = planned.of or planned.fields.get("text")
        if isinstance(of, str):
            said += f" “{name_of(of)}”"
        if who := self.speakers(event):
            said += f", {who}"
        if event.chain:
            said += f" {self.say('under')} “{name_of(event.chain[-1].name)}”"
        if event.grants:
            said += f" → {self.actors(event.grants.holder)}"
        return said

    def speakers(self, event: Event) -> str:
        names = listed([self.actors(actor) for actor in event.speakers], self.language)
        if event.chain or not event.speaks_for:
            return names
        return f"{name_of(event.speaks_for)} ({names})"

    def actors(self, symbols: str) -> str:
        """Return the names of actors, given by their symbols; what is no actor's symbol stands as it is."""
        names = [symbol.strip() for symbol in symbols.split(",")]
        known = self.scenario.actors
        return ", ".join(known[name].name[self.language] if name in known else name for name in names)

    def places(self, logged: Sequence[Logged]) -> str:
        several = len(self.scenario.ledgers) > 1
        return " ".join(
            f"#{answer.index} {name_of(answer.ledger)}" if several else f"#{answer.index}"
            for answer in logged
            if answer.index is not None
        )

    def tell_refusal(self, answer: Logged) -> None:
        step = self.say("at-step", step=answer.step)
        name = STEPS_FR.get(answer.step, answer.step_name) if self.language == "fr" else answer.step_name
        how = self.say(f"{answer.verdict.value}-how", index=answer.index)
        style = STYLES[ANSWERS[answer.verdict]]
        self.indented(
            (self.say(answer.verdict.value), f"bold {style}"), f" {step}, {name} ", (f"[{answer.reason}]", style)
        )
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
            parts.append(f", {self.say('until')} {date_time(mandate.until)}")
        if mandate.report_seconds is not None:
            parts.append(f"; {self.say('report', hours=mandate.report_seconds // 3600)}")
        if found := re.fullmatch(r"(\S+) by (\S+), else (.+)", mandate.duty):
            by = date_time(int((datetime.fromisoformat(found[2]) - EPOCH).total_seconds()))
            kind = NOUNS.get(found[1], (found[1], found[1]))[LANGUAGES.index(language)]
            parts.append(f"; {self.say('duty', kind=kind, instant=by, then=self.actors(found[3]))}")
        self.indented(*parts)
        if mandate.lines and mandate.lines == self.lines_told:
            self.indented((self.say("same-lines", number=len(mandate.lines)), "red"))
        else:
            for line in mandate.lines:
                self.indented((f"{self.say('line')}: ", "red"), line_in_words(line, language))
            self.lines_told = mandate.lines or self.lines_told
        if mandate.private_lines:
            self.indented((f"{self.say('line')}: ", "red"), self.say("private", number=mandate.private_lines))

    # What follows.

    def tell_changes(self, event: Event) -> None:
        """Print what changed; consent to a text after the text, and whether it is in force as a line of its own."""
        changes = [state for state in event.changes if state.word != "none"]
        ordinary = [self.state(state) for state in changes if state.what != "effect"]
        if ordinary:
            self.indented("; ".join(ordinary), lead=("→", "bold blue"))
        for state in changes:
            if state.what == "effect":
                self.indented((self.state(state), "bold blue"), lead=("→", "bold blue"))

    def state(self, state: State) -> str:
        who, colon, what = state.about.rpartition(": ")
        names = " – ".join(self.party(symbol) for symbol in who.split("-")) if colon else ""
        about = f"{names}, “{name_of(what)}”" if colon else f"“{name_of(what)}”"
        if state.what == "dossier":
            about = f"{self.say('dossier')} {about}"
        said = f"{about}: {state_word(state.word, self.language)}"
        if state.what == "effect" and state.since is not None and state.word != "ended":
            said += f" {self.say('since', instant=on_both_clocks(state.since))}"
        return said + (f" ({clean(state.reason)})" if state.reason else "")

    def party(self, symbol: str) -> str:
        name = self.scenario.parties.get(symbol, {}).get("name")
        return str(name[self.language]) if isinstance(name, Mapping) else name_of(symbol).capitalize()

    def tell_knowledge(self, event: Event) -> None:
        """Print which side has just missed news, or has heard at last what it had missed."""
        for known in event.knowledge:
            before = self.lacks.get(known.side, ())
            self.lacks[known.side] = known.lacks
            missed = [symbol for symbol in known.lacks if symbol not in before]
            heard = [symbol for symbol in before if symbol not in known.lacks]
            side = self.scenario.sides[known.side].name[self.language]
            side = side[:1].upper() + side[1:]
            for name, symbols in (("not-yet", missed), ("knows", heard)):
                if symbols:
                    news = listed([self.news(symbol) for symbol in symbols], self.language)
                    self.indented((self.say(name, side=side, news=news), "dim"))

    def news(self, symbol: str) -> str:
        for row in self.scenario.rows:
            for act in row.acts:
                if act.id == symbol and act.news:
                    return act.news[self.language]
        return name_of(symbol)

    def tell_facts(self, row: Row) -> None:
        for number in row.facts:
            if number in FACTS and number not in self.facts_told:
                self.facts_told.add(number)
                self.indented((FACTS[number][self.language], "italic yellow"), lead=("│", "yellow"))


def key_of(event: Event) -> tuple[str, str]:
    return event.row.id, event.planned.id if event.planned else ""


def gist(event: Event, language: str) -> tuple[object, ...]:
    """Return what makes an event another one in another reading."""
    answer = event.outcome
    return (
        event.row.what[language],
        (answer.verdict, answer.reason) if answer else None,
        event.grants.powers if event.grants else None,
        tuple((state.what, state.about, state.word) for state in event.changes),
    )


def name_of(symbol: str) -> str:
    return symbol.replace("-", " ").replace("_", " ")


def is_turn(event: Event) -> bool:
    """Return whether the story turns here, so that the row is to stand out."""
    row = event.row
    return bool(
        TURNS & set(row.facts)
        or any(act.kind in TURNING_KINDS or act.expect.word != "accepted" for act in row.acts)
        or any(state.what == "effect" and state.word in ("in force", "ended") for state in event.changes)
    )
