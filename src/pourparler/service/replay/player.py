"""The player: takes a scenario through the real core, act by act, and checks that each has the fate it should have.

The player is given everything that is not a rule: desks (one intake for each ledger), keys, chance and a clock that it
sets to each row's instant. It turns symbols into ids, fills what every real speaker would fill from what he sees (the
spine's head, the heads of streams, the votes cast, what a limit has left, nonces, his clock), signs, and hands the
bytes to the desks. A holder signs with his guard: where a text crosses a private line, his own signer refuses, and no
desk hears of it. What becomes of the rest is the core's answer. Where that differs from what the scenario expects,
:class:`Differs` is raised: a story that the core does not bear out is not told.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Protocol

from pourparler.core.act import KINDS, Act, Issuer, power_words
from pourparler.core.authority import Mandate, Moment, Register
from pourparler.core.council import organ_id
from pourparler.core.dossier import SIGNING, Dossier
from pourparler.core.encoding import Value
from pourparler.core.errors import STEPS, PourparlerError, step_of
from pourparler.core.redline import Amount, Line, amount, exact, look_up, parse_text, sentence
from pourparler.core.registry import Registry
from pourparler.ports import Chance, Signer
from pourparler.service.drafting import Draft, draft
from pourparler.service.guard import GUARDED, sign_guarded
from pourparler.service.replay.authenticator import signed_by_passkey
from pourparler.service.replay.scenario import EPOCH, PlannedAct, Row, Scenario
from pourparler.service.replay.story import (
    Differs,
    Event,
    Knowledge,
    Logged,
    Played,
    Proof,
    Shown,
    State,
    Verdict,
    decisive,
)
from pourparler.service.replay.symbols import Symbols

LATEST = 2**62  # an index past every entry: "as of now"
BEGINNINGS = ("found", "open")  # whose ids are those of streams
LAST_BEGUN = 31  # what five bits hold
MOST_DRAWS = 4_096  # where one in 32 is enough, no chance fails so often


class Desk(Protocol):
    """One ledger's intake, as far as the player needs it."""

    @property
    def registry(self) -> Registry: ...

    def submit(self, data: bytes, texts: Sequence[bytes] = ()) -> object:
        """Log an act. Raises :class:`PourparlerError` where it is refused."""


class ReplayClock:
    """A clock that stands still until the player sets it."""

    def __init__(self, time: int = 0) -> None:
        self.time = time

    def now(self) -> int:
        return self.time


def play(
    scenario: Scenario,
    desks: Mapping[str, Desk],
    *,
    keys: Callable[[str], Signer],
    clock: ReplayClock,
    chance: Chance,
    on_event: Callable[[Event], None] | None = None,
    on_proof: Callable[[Played], None] | None = None,
) -> Played:
    """Play the whole scenario; ``on_event`` hears each event as it happens.

    ``on_proof`` is called once, when the row has been played after which the scenario's claim holds: evidence is as of
    a stamp, so whoever wants it asks the ledgers then. Without such a row it is called at the end.

    Raises :class:`Differs` where an act has another fate than expected, and :class:`KeyError` for a symbol that the
    scenario does not define.
    """
    player = Player(scenario, desks, keys, clock, chance)
    for row in scenario.rows:
        for event in player.play_row(row):
            player.played.events.append(event)
            if on_event:
                on_event(event)
        if row.id == scenario.claim.get("after", scenario.rows[-1].id):
            player.prepare_proof()
            if on_proof:
                on_proof(player.played)
    player.played.registries = {name: desk.registry for name, desk in desks.items()}
    return player.played


class Player:
    """One run. Everything that has a symbol is kept in :class:`Played`."""

    def __init__(
        self,
        scenario: Scenario,
        desks: Mapping[str, Desk],
        keys: Callable[[str], Signer],
        clock: ReplayClock,
        chance: Chance,
    ) -> None:
        self.scenario = scenario
        self.desks = desks
        self.clock = clock
        self.chance = chance
        self.played = Played(scenario)
        self.played.signers = {name: keys(name) for name in scenario.actors}
        self.played.depositaries = {name: desk.registry.ledger for name, desk in desks.items()}
        self.symbols = Symbols(self.played, chance)
        self.names: dict[bytes, str] = {}  # act id -> symbol
        self.actors: dict[bytes, str] = {signer.public_key: name for name, signer in self.played.signers.items()}
        self.where: dict[str, str] = {}  # dossier's symbol -> ledger
        self.sizes: dict[str, int] = dict.fromkeys(desks, 0)
        self.known: dict[str, dict[str, None]] = {side: {} for side in scenario.sides}
        self.news: list[str] = []
        self.states: dict[tuple[str, str], State] = {}
        self.begun = 0  # parties and dossiers so far

    # A row.

    def play_row(self, row: Row) -> Iterator[Event]:
        """Yield the events of a row: one for each of its acts, or one that is only shown."""
        if row.at < self.clock.time:
            raise ValueError(f"{row.id} begins before the row before it has ended")
        self.clock.time = row.at
        if not row.acts:
            self.hear(row)
            yield Event(self.number, row, knowledge=self.knowledge(), states=self.look())
        for planned in row.acts:
            yield self.play_act(row, planned)

    @property
    def number(self) -> int:
        return len(self.played.events) + 1

    def play_act(self, row: Row, planned: PlannedAct) -> Event:
        self.clock.time = max(self.clock.time, planned.when or self.clock.time)
        act = self.speak(planned)
        logged = self.log(planned, act) if isinstance(act, Act) else (refused("", act),)
        self.check(planned, logged)
        self.note(planned, logged)
        if planned is row.acts[-1]:
            self.hear(row)
        event = Event(
            number=self.number,
            row=row,
            planned=planned,
            speakers=planned.who,
            logged=logged,
            knowledge=self.knowledge(),
            states=self.look(),
        )
        return self.attributed(event, act) if isinstance(act, Act) else self.unsigned(event, planned)

    def speak(self, planned: PlannedAct) -> Act | PourparlerError:
        """Return the act, signed; or why its own signer did not sign it."""
        if planned.kind == "notice":
            return self.played.acts[planned.of]
        try:
            act = self.make(planned)
        except PourparlerError as refusal:
            if refusal.reason != "line.private":
                raise
            return refusal
        self.remember(planned, act)
        return act

    def attributed(self, event: Event, act: Act) -> Event:
        """Return the event with whose act it is, and under which mandate."""
        mandate = self.mandate_of(act)
        return replace(
            event,
            act=act,
            speaks_for=self.speaks_for(act),
            party=self.party_of(act),
            chain=tuple(map(self.show, mandate.chain())) if mandate else (),
            grants=self.granted(act),
        )

    def unsigned(self, event: Event, planned: PlannedAct) -> Event:
        """Return the event of an act that was never signed, with the mandate that it would have named."""
        mandate = self.mandate(self.symbols.act(planned.fields["by"]))
        assert mandate is not None
        return replace(event, chain=tuple(map(self.show, mandate.chain())))

    # Making an act.

    def make(self, planned: PlannedAct) -> Act:
        """Return the signed act. What every real speaker would fill from what he sees is filled here.

        Ids differ from run to run, and what is sorted by id (a claim's parties, the streams of which evidence lacks an
        act) would be told in another order each time. So whoever founds a party or opens a dossier draws its nonce
        until the id's first bits say which beginning it is: the order of ids is that of the story.
        """
        made = self.made(planned)
        if planned.kind in BEGINNINGS:
            self.begun += 1
            for _ in range(MOST_DRAWS):
                if made.id[0] >> 3 == min(self.begun, LAST_BEGUN):
                    break
                made = self.made(planned)
        return made

    def made(self, planned: PlannedAct) -> Act:
        """Return the signed act once, with chance as it falls."""
        kind = KINDS[planned.kind]
        fields: dict[str, Value] = {"at": self.clock.time}
        for name, value in planned.fields.items():
            if name == "private-line":
                opening = self.played.openings[value]
                fields["line"], fields["salt"] = opening.line, opening.salt
            else:
                fields[name] = self.symbols.resolve(planned.kind, name, value)
        if "nonce" in kind.required:
            fields["nonce"] = self.chance.bytes(16)
        if kind.spine and "organ" in fields:
            register, organ = self.home_of(planned.fields["organ"]), fields["organ"]
            fields.setdefault("prior", register.spines.heads[organ])
            if other := fields.get("of"):
                fields.setdefault("theirs", register.spines.heads[other])
        if planned.kind in ("ratify", "accede"):
            fields.setdefault("seen", self.heads_seen(planned))
        if "call" in fields and kind.issuer[0] is Issuer.ORGAN:
            fields.setdefault("votes", self.votes_cast(planned))
        if planned.kind in SIGNING:
            fields = {**self.running_total(fields), **fields}
        several = kind.issuer[-1] is Issuer.HOLDER and len(planned.who) > 1
        return self.sign(planned, draft(planned.kind, fields, several=several), fields)

    def sign(self, planned: PlannedAct, drafted: Draft, fields: Mapping[str, Value]) -> Act:
        """Return the act signed by all who speak: a holder by his guarded signer, a passkey by its assertion."""
        signers = [self.played.signers[name] for name in planned.who]
        passkey = self.scenario.actors[planned.who[0]].passkey if planned.who else None
        if passkey:
            return signed_by_passkey(drafted, signers[0], passkey)
        guarded = drafted.kind in GUARDED and len(signers) == 1 and not planned.unguarded
        mandate = self.mandate(fields["by"]) if guarded else None
        if mandate is None:
            return drafted.signed_by(*signers)
        chain = [link.act for link in mandate.chain()]
        text = parse_text(self.played.text_bytes[fields["text"]])
        return sign_guarded(drafted, signers[0], chain, self.played.openings.values(), text)

    def votes_cast(self, planned: PlannedAct) -> Value:
        """Return the votes cast so far, as the organ's home has counted them."""
        poll = self.home_of(planned.fields["organ"]).spines.polls[self.symbols.act(planned.fields["call"])]
        return sorted(vote for vote, _ in poll.cast.values())

    def running_total(self, fields: Mapping[str, Value]) -> dict[str, Value]:
        """Return what a signature under a cumulative limit states: the running total, and the signature before it."""
        mandate = self.mandate(fields["by"])
        limited = [link for link in mandate.chain() if link.limit] if mandate else []
        if not limited:
            return {}
        link, limit = limited[0], limited[0].limit
        assert limit is not None
        registry = next(registry for registry in self.registries() if registry.ledger == limit.ledger)
        spent = amount(look_up(parse_text(self.played.text_bytes[fields["text"]]).terms, limit.path))
        assert spent is not None
        before = registry.spending(link.id)
        total = spent.number
        for entry in before:
            if entry.reserved(Moment(LATEST, self.clock.time)):
                total = exact(total, entry.spent.number, "sum")
        stated: dict[str, Value] = {"total": written(Amount(spent.currency, total))}
        return {**stated, "previous": before[-1].signature.act.id} if before else stated

    def heads_seen(self, planned: PlannedAct) -> Value:
        """Return the heads of the dossier and of the party's stream that the council has before its eyes."""
        dossier, organ = planned.fields["dossier"], planned.fields["organ"]
        registry = self.registry(self.where[dossier])
        party = self.played.parties[self.scenario.organs[organ][0]]
        return {
            name: registry.heads([stream])[0][1:]
            for name, stream in (("dossier", self.played.acts[dossier].id), ("party", party))
        }

    def remember(self, planned: PlannedAct, act: Act) -> None:
        """Give what the act creates its symbols."""
        self.played.acts[planned.id] = act
        self.names[act.id] = planned.id
        for symbol, (party, by) in self.scenario.organs.items():
            if by == planned.id:
                if planned.kind == "found":
                    self.played.parties[party] = act.id
                self.played.organs[symbol] = organ_id(act.id, symbol)
        if planned.kind == "open":
            self.where[planned.id] = planned.fields["ledger"]

    def registry(self, ledger: str) -> Registry:
        return self.desks[ledger].registry

    def registries(self) -> Iterator[Registry]:
        yield from map(self.registry, self.desks)

    # Logging.

    def log(self, planned: PlannedAct, act: Act) -> tuple[Logged, ...]:
        """Hand the act to its ledgers, in order; the first refusal ends the round. Return what each answered."""
        texts = [self.played.text_bytes[digest] for digest in texts_in(act) if digest in self.played.text_bytes]
        texts = [] if act.kind != "publish" and self.is_sealed(act) else texts
        answers: list[Logged] = []
        for ledger in planned.ledgers or self.ledgers_for(planned, act):
            answers.append(self.submit(ledger, act, texts))
            if answers[-1].verdict is Verdict.REFUSED:
                break
        return tuple(answers)

    def is_sealed(self, act: Act) -> bool:
        """Return whether the act belongs to a dossier whose texts stay with the parties."""
        found = (registry.dossiers.get(act.get("dossier") or b"") for registry in self.registries())
        return any(dossier is not None and dossier.sealed for dossier in found)

    def submit(self, ledger: str, act: Act, texts: Sequence[bytes]) -> Logged:
        desk = self.desks[ledger]
        try:
            desk.submit(act.envelope.encoded(), texts)
        except PourparlerError as error:
            return refused(ledger, error)
        outcome = desk.registry.outcomes[act.id]
        index = outcome.moment.index
        self.sizes[ledger] = index + 1
        if outcome.void is None:
            return Logged(ledger, Verdict.ACCEPTED, index)
        step = step_of(outcome.void.reason)
        return Logged(ledger, Verdict.VOID, index, step, STEPS[step], outcome.void.reason, outcome.void.detail)

    def ledgers_for(self, planned: PlannedAct, act: Act) -> list[str]:
        """Return where an act is logged: an organ's at home and where its party gives notice, talk in its dossier."""
        in_dossier = [planned.fields["ledger"]] if act.kind == "open" else []
        if act.row.dossier and act.kind != "open":
            in_dossier = [self.where[planned.fields["dossier"]]]
        if act.issuer is Issuer.HOLDER and in_dossier:
            return in_dossier
        party = self.scenario.parties[self.party_of(act)]
        return list(dict.fromkeys([party["home"], *party.get("notice", ()), *in_dossier]))

    def check(self, planned: PlannedAct, logged: tuple[Logged, ...]) -> None:
        """Raise :class:`Differs` unless the act met the fate that the scenario expects."""
        answer = decisive(logged)
        if (planned.expect.word, planned.expect.reason) != (answer.verdict.value, answer.reason):
            found = f"{answer.verdict.value} {answer.reason}".strip()
            raise Differs(
                f"{planned.id} ({planned.kind}): expected {planned.expect}; {answer.ledger} answers {found}"
                f" at step {answer.step}: {answer.detail}"
            )

    # What each side knows.

    def note(self, planned: PlannedAct, logged: tuple[Logged, ...]) -> None:
        symbol = planned.of or planned.id
        if planned.news and symbol not in self.news:
            self.news.append(symbol)
        ledgers = {answer.ledger for answer in logged if answer.verdict is not Verdict.REFUSED}
        for side in self.scenario.sides.values():
            if ledgers & set(side.reads) and symbol in self.news:
                self.known[side.id][symbol] = None

    def hear(self, row: Row) -> None:
        for side, acts in row.tells.items():
            self.known[side].update(dict.fromkeys(acts))

    def knowledge(self) -> tuple[Knowledge, ...]:
        return tuple(
            Knowledge(
                side.id,
                {ledger: self.sizes[ledger] for ledger in side.reads},
                tuple(symbol for symbol in self.news if symbol in self.known[side.id]),
                tuple(symbol for symbol in self.news if symbol not in self.known[side.id]),
            )
            for side in self.scenario.sides.values()
        )

    # What people read of authority.

    def party_of(self, act: Act) -> str:
        """Return whose act it is, as far as anybody can tell."""
        if act.kind == "found":
            return next(party for party, id_ in self.played.parties.items() if id_ == act.id)
        for registry in self.registries():
            try:
                found = registry.party_of(act)
            except PourparlerError:
                continue
            return next(party for party, id_ in self.played.parties.items() if id_ == found)
        return ""

    def home_of(self, organ: str) -> Register:
        party = self.scenario.organs[organ][0]
        home = self.scenario.parties[party]["home"]
        return self.registry(home).register(self.played.parties[party])

    def mandate_of(self, act: Act) -> Mandate | None:
        """Return the mandate that a holder's act names, from whichever ledger has it."""
        named = act.get("by") or act.get("class")
        return self.mandate(named) if isinstance(named, bytes) else None

    def mandate(self, id_: bytes) -> Mandate | None:
        for registry in self.registries():
            for register in registry.registers.values():
                if id_ in register.mandates:
                    return register.mandates[id_]
        return None

    def speaks_for(self, act: Act) -> str:
        if isinstance(act.get("organ"), bytes) and act.issuer is not Issuer.HOLDER:
            return next((symbol for symbol, id_ in self.played.organs.items() if id_ == act["organ"]), "")
        named = act.get("by") or act.get("class")
        return self.names.get(named, "") if isinstance(named, bytes) else ""

    def granted(self, act: Act) -> Shown | None:
        mandate = self.mandate(act.id)
        return self.show(mandate) if mandate else None

    def show(self, mandate: Mandate) -> Shown:
        organ = next((symbol for symbol, id_ in self.played.organs.items() if id_ == mandate.organ), "")
        class_ = mandate.act.get("class")
        if mandate.holder is not None:
            holder = ", ".join(self.actors.get(key, "?") for key in mandate.holder.seats)
        else:
            holder = str(class_["name"])
        duty = ""
        if mandate.duty:
            instant = (EPOCH + timedelta(seconds=mandate.duty.by)).isoformat().replace("+00:00", "Z")
            duty = f"{mandate.duty.kind} by {instant}, else {self.actors.get(mandate.duty.then, '?')}"
        return Shown(
            name=self.names.get(mandate.id, ""),
            holder=holder,
            organ=organ,
            powers=tuple(power_words(mandate.powers)),
            lines=tuple(map(sentence, mandate.lines)),
            private_lines=len(mandate.private),
            until=mandate.until,
            scope=tuple(sorted(mandate.scope or ())),
            report_seconds=mandate.report_seconds,
            duty=duty,
            limit=sentence(Line("at-most", mandate.limit.path, mandate.limit.most)) if mandate.limit else "",
        )

    # Where we stand.

    def look(self) -> tuple[State, ...]:
        """Return the state of everything that the scenario watches, as of now; mark what changed since last time."""
        states: list[State] = []
        for what, about, word, since, until, reason in self.watched():
            before = self.states.get((what, about))
            now = State(what, about, word, before is None or before.word != word, since, until, reason)
            self.states[what, about] = now
            states.append(now)
        return tuple(states)

    def watched(self) -> Iterator[tuple[str, str, str, int | None, int | None, str]]:
        moment = Moment(LATEST, self.clock.time)
        for watch in self.scenario.watch:
            dossier = self.dossier(watch["dossier"])
            if dossier is None:
                continue
            talks = dossier.state(moment).value
            if dossier.talks_suspended(moment):
                talks += ", suspended"
            yield "dossier", watch["dossier"], talks, dossier.opened.time, None, ""
            for symbol in watch.get("texts", ()):
                paper = dossier.papers.get(self.played.texts.get(symbol, b""))
                if paper is None:
                    continue
                yield "text", symbol, dossier.text_state(paper, moment).value, None, paper.until, ""
                for party in watch.get("parties", ()):
                    state = dossier.consent_state(paper, self.played.parties[party], moment)
                    yield "consent", f"{party}: {symbol}", state.value, None, None, ""
                for first, second in watch.get("between", ()):
                    between = self.played.parties[first], self.played.parties[second]
                    effect = dossier.effect(paper.digest, *between, moment)
                    about = f"{first}-{second}: {symbol}"
                    yield "effect", about, effect.state.value, effect.since, effect.until, effect.reason

    def dossier(self, symbol: str) -> Dossier | None:
        if symbol not in self.where:
            return None
        return self.registry(self.where[symbol]).dossiers.get(self.symbols.act(symbol))

    def prepare_proof(self) -> None:
        """Say, now that it holds, what the evidence is to prove."""
        self.played.registries = dict(zip(self.desks, self.registries(), strict=True))
        self.played.proof = self.proof(self.scenario.claim)
        self.played.also = list(map(self.proof, self.scenario.also))

    def proof(self, claim: Mapping[str, Any]) -> Proof:
        return Proof(
            kind=claim.get("kind", "in-force"),
            ledger=self.where[claim["dossier"]],
            dossier=self.symbols.act(claim["dossier"]),
            text=self.symbols.text(claim["text"]),
            party=self.played.parties[claim["party"]],
            other=self.played.parties[claim["other"]] if "other" in claim else b"",
            expect=claim.get("expect", "VALID"),
            says=claim.get("says", {}),
        )


def refused(ledger: str, error: PourparlerError) -> Logged:
    step = step_of(error.reason)
    return Logged(ledger, Verdict.REFUSED, None, step, STEPS[step], error.reason, error.detail)


def written(total: Amount) -> Value:
    """Return an amount as terms state it."""
    return [total.currency, f"{total.number:f}"] if total.currency else f"{total.number:f}"


def texts_in(act: Act) -> list[bytes]:
    """Return the digests of the texts that an act names."""
    named = act.get("texts") or []
    return [*([act["text"]] if act.get("text") else []), *named]
