"""The main job: November 1917 through the real core, into real SQLite ledgers, in both readings of the class mandate.

Each of the fourteen facts that the chronology ends with is a test that names its number. Nothing here looks at the
scenario's expectations alone: the player has compared each with the core's real answer, and these tests ask the core's
own state.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

import pytest

from pourparler.core.act import Power
from pourparler.core.authority import Moment
from pourparler.core.clauses import parse_clauses
from pourparler.core.dossier import ConsentState, Dossier, DossierState, Effect, EffectState, TextState
from pourparler.core.errors import Malformed, Refused
from pourparler.core.evidence import Claim, Trust, verify
from pourparler.core.evidence import Verdict as Judged
from pourparler.core.redline import parse_text
from pourparler.service.export import assemble
from pourparler.service.intake import Intake
from pourparler.service.replay import (
    Differs,
    Event,
    Logged,
    Nature,
    Played,
    ReplayClock,
    Scenario,
    Verdict,
    play,
    read_scenario,
)
from pourparler.store.sqlite import SqliteStore
from pourparler.testing.keys import Key

SCENARIO = Path(__file__).parent.parent / "scenarios" / "november-1917.toml"


class Reading(StrEnum):
    """The two readings of the mandate to every elected committee, after the two documents that report it."""

    OPEN = "open"
    SIGN = "sign"


NOW = 2**62  # an index past every entry


class Dice:
    """Chance from a seed."""

    def __init__(self) -> None:
        self.random = random.Random(1917)

    def bytes(self, count: int) -> bytes:
        return self.random.randbytes(count)


@dataclass
class Run:
    """A played reading: its ledgers, and what was asked of the core while the armistice had just begun."""

    played: Played
    desks: dict[str, Intake]
    effects: dict[int, Effect]
    evidence: dict[str, bytes]

    def __getitem__(self, symbol: str) -> Event:
        return self.played.event(symbol)

    def answer(self, symbol: str) -> Logged:
        answer = self.played.event(symbol).outcome
        assert answer is not None
        return answer

    def dossier(self, symbol: str) -> Dossier:
        return self.desks["neutral"].registry.dossiers[self.played.acts[symbol].id]

    def state(self, row: str, what: str, about: str) -> str:
        """Return a state as it was when the last act of a row had been played."""
        last = [event for event in self.played.events if event.row.id == row][-1]
        return next(state.word for state in last.states if (state.what, state.about) == (what, about))

    def register(self, ledger: str = "neutral", party: str = "russia"):
        return self.desks[ledger].registry.register(self.played.parties[party])

    def row_time(self, symbol: str) -> int:
        """Return when the ledger says that an act was logged."""
        return self.desks["neutral"].registry.outcomes[self.played.acts[symbol].id].moment.time


def at(text: str) -> int:
    return int((datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())


BEGINS = at("1917-12-17T11:00:00+00:00")


def load(reading: Reading) -> Scenario:
    return read_scenario(SCENARIO.read_text("utf-8"), reading)


def open_desks(scenario: Scenario, folder: Path, clock: ReplayClock) -> dict[str, Intake]:
    return {
        name: Intake(SqliteStore(folder / f"{name}.sqlite"), Key.from_name(f"ledger {name}"), clock, given["origin"])
        for name, given in scenario.ledgers.items()
    }


def perform(reading: Reading, folder: Path) -> Run:
    scenario = load(reading)
    clock = ReplayClock(scenario.rows[0].at)
    desks = open_desks(scenario, folder, clock)
    run = Run(Played(scenario), desks, {}, {})

    def look(played: Played) -> None:
        proof = played.proof
        assert proof is not None
        desk = desks[proof.ledger]
        dossier = desk.registry.dossiers[proof.dossier]
        for time in (BEGINS - 1, BEGINS):
            run.effects[time] = dossier.effect(proof.text, proof.party, proof.other, Moment(NOW, time))
        parties = tuple(sorted((proof.party, proof.other)))
        bound = Claim("bound", desk.depositary, 0, (proof.party,), proof.dossier, proof.text)
        in_force = replace(bound, kind="in-force", parties=parties)
        for name, claim in (("bound", bound), ("in-force", in_force)):
            run.evidence[name] = assemble(claim, list(desks.values())).encoded()
        russian = assemble(in_force, [desks["smolny"], desks["neutral"]])
        run.evidence["without Berlin"] = russian.encoded()
        whole = assemble(in_force, list(desks.values()))
        run.evidence["without texts"] = replace(whole, texts=()).encoded()
        notice = desk.registry.outcomes[played.acts["dismissal"].id].moment.index
        left_out = frozenset({notice})
        run.evidence["without the dismissal"] = assemble(in_force, list(desks.values()), exclude=left_out).encoded()

    run.played = play(scenario, desks, keys=Key.from_name, clock=clock, chance=Dice(), on_proof=look)
    return run


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Reading, Run]]:
    """Both readings, one after the other."""
    played = {reading: perform(reading, tmp_path_factory.mktemp(reading.value)) for reading in Reading}
    yield played
    for run in played.values():
        for desk in run.desks.values():
            desk.close()


@pytest.fixture
def run(runs) -> Run:
    return runs[Reading.SIGN]


@pytest.fixture
def first(runs) -> Run:
    """The other reading: committees may only open."""
    return runs[Reading.OPEN]


# --- the fourteen facts -----------------------------------------------------------------------------------------------


def test_fact_01_a_mandate_to_open_is_not_one_to_conclude(run):
    shown = run["order"].grants
    assert shown.powers == ("open", "propose")
    assert shown.report_seconds == 6 * 3600
    answer = run.answer("dukhonin-concludes")
    assert (answer.verdict, answer.step, answer.reason) == (Verdict.REFUSED, 7, "power.missing")
    assert run.played.acts["dukhonin-concludes"].id not in run.desks["neutral"].registry.outcomes


def test_fact_02_an_order_is_checked_alone_and_a_query_suspends_nothing(run):
    order = run.played.acts["order"]
    assert len(order.id) == 32  # its number
    assert order["at"] == at("1917-11-21T01:00:00+00:00")  # its instant
    assert len(order.envelope.signatures) == 3  # its issuer's keys
    query = run.played.acts["query"]
    assert query["to"] == run.played.organs["technical-office"] != order["organ"]
    assert run.answer("query").verdict is Verdict.ACCEPTED
    register = run.register()
    asked = run["query"].logged[-1].index
    register.check_standing(register.mandate(order.id), Power.OPEN, Moment(asked + 1, run.row_time("query") + 1))
    assert run.answer("too-late").reason == "standing.duty-missed"  # the time for his duty ran on all the same


def test_fact_02_the_receiver_needs_nobody_to_check_an_order(tmp_path):
    """The order, as evidence, on the night it arrives: the receiver knows the council's party id and nothing else."""
    scenario = load(Reading.SIGN)
    clock = ReplayClock(scenario.rows[0].at)
    desks = open_desks(scenario, tmp_path, clock)
    until_delivery = replace(scenario, rows=tuple(row for row in scenario.rows if row.at < at("1917-11-21T02:00:00Z")))
    early = replace(until_delivery, claim=MappingProxyType({**scenario.claim, "after": "none"}))
    played = play(early, desks, keys=Key.from_name, clock=clock, chance=Dice())
    russia, order = played.parties["russia"], played.acts["order"]
    holder = Key.from_name("dukhonin").public_key
    for power, verdict in ((Power.OPEN, Judged.VALID), (Power.CONCLUDE, Judged.INVALID)):
        may = Claim("may", desks["smolny"].depositary, 0, (russia,), mandate=order.id, holder=holder, power=power)
        bundle = assemble(may, list(desks.values())).encoded()
        assert verify(bundle, Trust({russia: "printed in the newspaper"})).verdict is verdict


def test_fact_03_a_dismissal_works_towards_others_from_notice(run):
    dismissed = run["dismissal"].logged
    assert [answer.ledger for answer in dismissed] == ["smolny"]
    assert run["protest"].act["to"] == run.played.acts["command"].id  # addressed to the dismissed man
    assert run["protest"].row.at > run["dismissal"].row.at
    assert run.answer("receipt").verdict is Verdict.ACCEPTED
    knows = {side.side: side for side in run["receipt"].knowledge}
    assert "dismissal" in knows["missions"].lacks
    assert "dismissal" in knows["council"].knows
    notice, again = run.answer("notice-dismissal"), run.answer("second-receipt")
    assert run.answer("receipt").index < notice.index < again.index
    assert (again.verdict, again.step, again.reason) == (Verdict.VOID, 10, "standing.dismissed")
    assert "dismissal" in {side.side: side for side in run["notice-dismissal"].knowledge}["missions"].knows


def test_fact_04_hold_over_keeps_supplies_and_order_and_stops_talks_at_once(run):
    dismissal = run.played.acts["dismissal"]
    assert dismissal["duties"] == ["order", "supplies"]
    assert dismissal["until"] == run["austria-joins"].row.at  # Krylenko's arrival
    assert dismissal.get("holds") is None
    home = run.register("smolny")
    command = home.mandate(run.played.acts["command"].id)
    order = home.mandate(run.played.acts["order"].id)
    at_once = Moment(home.endings[command.id][0].moment.index + 2, dismissal["at"] + 1)
    for mandate, power in ((command, Power.PROPOSE), (order, Power.OPEN), (order, Power.PROPOSE)):
        with pytest.raises(Refused, match=r"standing\.dismissed"):
            home.check_standing(mandate, power, at_once)


def test_fact_05_one_mandate_and_an_unknown_number_of_holders(run):
    broadcast = run.register().mandate(run.played.acts["broadcast"].id)
    assert broadcast.holder is None
    certificates = [m for m in run.register().mandates.values() if m.parent is broadcast]
    assert len(certificates) == 3
    assert sorted(len(m.holder.seats) for m in certificates) == [1, 1, 12]
    assert run.answer("unelected").reason == "signature.invalid"  # not elected: the certificate names another key
    assert run.answer("self-certified").reason == "signature.invalid"  # nobody certifies himself
    assert run.answer("classless").reason == "chain.custody"  # the class mandate alone is nobody's


def test_fact_06_in_neither_reading_does_a_local_truce_bind_before_approval(run, first):
    for each in (run, first):
        assert each.answer("novoselki-concludes").reason == "power.missing"
        assert each.state("novoselki-signs", "effect", "russia-germany: novoselki-truce") == EffectState.NONE.value
    for symbol in ("novoselki-signature", "soly-signature"):
        refused = first.answer(symbol)
        assert (refused.verdict, refused.step, refused.reason) == (Verdict.REFUSED, 7, "power.missing")
        assert run.answer(symbol).verdict is Verdict.ACCEPTED
    assert first["broadcast"].grants.powers == ("open", "propose")
    assert "sign-ad-referendum" in run["broadcast"].grants.powers
    assert "conclude" not in run["broadcast"].grants.powers
    signed = "consent", "russia: novoselki-truce"
    assert run.state("novoselki-signs", *signed) == ConsentState.SIGNED_AD_REFERENDUM.value
    assert run.state("twentieth-corps", "effect", "russia-germany: novoselki-truce") == EffectState.NONE.value
    assert run.answer("novoselki-ratified-short").reason == "decision.insufficient"
    assert run.state("novoselki-ratified", *signed) == ConsentState.RATIFIED.value
    assert run.state("novoselki-ratified", "effect", "russia-germany: novoselki-truce") == EffectState.IN_FORCE.value


def test_fact_07_wider_texts_supersede_local_ones_by_extent_and_not_by_list(run):
    local = "effect", "russia-germany: novoselki-truce"
    assert run.state("note-to-allies", *local) == EffectState.IN_FORCE.value
    assert run.state("soly-in-force", *local) == EffectState.ENDED.value
    assert run.state("soly-in-force", "effect", "russia-germany: soly-truce") == EffectState.IN_FORCE.value
    assert run.state("truce-in-force", "effect", "russia-germany: soly-truce") == EffectState.ENDED.value
    assert run.state("truce-in-force", "effect", "russia-germany: brest-truce") == EffectState.IN_FORCE.value
    digests = {name: run.played.texts[name] for name in ("novoselki-truce", "soly-truce", "brest-truce")}
    for wider in ("soly-truce", "brest-truce", "armistice"):
        written = run.played.text_bytes[run.played.texts[wider]]
        assert not any(digest in written for name, digest in digests.items() if name != wider)
    last = [event for event in run.played.events if event.row.id == "soly-in-force"][-1]
    reason = next(state.reason for state in last.states if state.about == local[1])
    assert reason == "a wider text entered into force"


def test_fact_08_two_starts_one_expiry_and_one_instant_on_two_clocks(run):
    clauses = {
        name: parse_text(run.played.text_bytes[run.played.texts[name]]).parsed_clauses
        for name in ("soly-truce", "brest-truce", "armistice")
    }
    assert clauses["soly-truce"].steps != clauses["brest-truce"].steps
    assert clauses["soly-truce"].term.until == clauses["brest-truce"].term.until == BEGINS
    # 12 o'clock German time is 14 o'clock Russian time; 4 December on one calendar is 17 December on the other.
    assert at("1917-12-17T12:00:00+01:00") == at("1917-12-17T14:00:00+03:00") == BEGINS
    assert clauses["armistice"].steps == (("at", BEGINS),)
    assert run.effects[BEGINS - 1].state is EffectState.PENDING
    assert run.effects[BEGINS].state is EffectState.IN_FORCE
    assert run.effects[BEGINS].since == BEGINS
    row = next(row for row in run.played.scenario.rows if row.id == "armistice-in-force")
    assert (row.at, row.old_style[:5], row.new_style[:6]) == (BEGINS, "4 Dec", "17 Dec")


def test_fact_09_an_invitation_lapses_and_the_talks_proceed(run):
    dossier = run.dossier("general")
    (invitation,) = dossier.invitations
    assert invitation.by == at("1917-12-02T00:00:00+03:00")  # the end of 18 November of the old style
    assert run.played.parties["allies"] not in dossier.joined
    paper = dossier.papers[run.played.texts["invitation"]]
    assert dossier.text_state(paper, Moment(NOW, invitation.by - 1)) is TextState.PROPOSED
    assert dossier.text_state(paper, Moment(NOW, invitation.by)) is TextState.LAPSED
    states = [
        dossier.invitation_state(invitation, run.played.parties["allies"], Moment(NOW, invitation.by - s))
        for s in (1, 0)
    ]
    assert states == ["open", "lapsed"]
    late = run.answer("late-adoption")
    assert (late.verdict, late.reason) == (Verdict.VOID, "dossier.not-joined")
    assert run.state("deadline-passes", "consent", "allies: invitation") == ConsentState.NONE.value
    assert run.state("brest-opens", "dossier", "brest") == DossierState.OPEN.value


def test_fact_10_publication_lags_behind_signature(run):
    days = {}
    for dossier, signature, text in (
        ("soly-talks", "soly-signature", "soly-truce"),
        ("brest", "truce-signed-russia", "brest-truce"),
    ):
        printed = run.dossier(dossier).published[run.played.texts[text]]
        days[text] = (printed.time - run.row_time(signature)) / 86_400
    assert round(days["soly-truce"]) == 4
    assert round(days["brest-truce"]) == 2


def test_fact_11_tacit_renewal_seven_days_notice_and_its_breach(run):
    armistice = "effect", "russia-germany: armistice"
    assert run.answer("notice-too-early").reason == "dossier.too-early"
    assert run.state("tacit-renewal", *armistice) == EffectState.IN_FORCE.value
    assert run.state("notice", *armistice) == EffectState.NOTICE_RUNNING.value
    last = [event for event in run.played.events if event.row.id == "notice"][-1]
    running = next(state for state in last.states if state.about == armistice[1])
    given = run.row_time("notice")
    assert running.until == given + 7 * 86_400
    assert datetime.fromtimestamp(running.until, UTC).date().isoformat() == "1918-02-23"
    breach = run.played.acts["breach"]
    assert breach["attributed"] == run.played.parties["germany"]
    assert given < run.row_time("breach") < running.until  # the 18th: two days, not seven
    assert run.answer("remedy-suspend").verdict is Verdict.ACCEPTED
    assert run.state("advance", *armistice) == EffectState.SUSPENDED.value
    assert run.played.acts["private-breach"]["attributed"] is None
    assert run.answer("private-breach").verdict is Verdict.ACCEPTED  # recorded
    assert run.answer("private-remedy").reason == "dossier.private-breach"  # and it ends nothing
    assert run.state("too-early", *armistice) == EffectState.IN_FORCE.value


def test_fact_12_what_three_do_in_urgency_needs_confirming(run):
    for symbol in ("dismissal-order", "dismissal", "successor"):
        assert len(run.played.acts[symbol].envelope.signatures) == 3
    home = run.register("smolny")
    council = home.spines.organ(run.played.organs["council"])
    assert council.urgency.lapse_seconds == 3 * 86_400
    assert council.superior == run.played.organs["cec"]
    for symbol in ("dismissal-order", "dismissal"):
        (ending,) = home.endings[run.played.acts[symbol]["mandate"]]
        answered = home.answered(ending)
        assert answered.answer
        assert answered.moment.time < ending.lapses
        after = Moment(NOW, ending.lapses + 1)
        assert home.works(ending, Power.PROPOSE, after)
        assert not ending.works(Power.PROPOSE, after, None)  # unconfirmed, it would have lapsed
    confirmed = home.confirmed(run.played.acts["successor"].id, council.id)
    assert confirmed.answer
    assert confirmed.moment.time - run["successor"].row.at < 2 * 86_400  # reported to the superior body the next day
    question = home.questions[run.played.acts["question"].id]
    assert question.answered is not None


def test_fact_13_the_counterpartys_credentials_limit_it_too(run):
    shown = run["hoffmann-mandate"].grants
    assert shown.lines == ("matters is “military”",)
    assert shown.private_lines == 1
    assert run.answer("hoffmann-cannot").reason == "line.crossed"
    assert run.answer("limits-shown").verdict is Verdict.ACCEPTED
    assert run.answer("hoffmann-cannot-either").reason == "line.crossed"
    for symbol in ("hoffmann-cannot", "hoffmann-cannot-either"):
        assert run.answer(symbol).step == 9
        assert "absent" not in run.answer(symbol).detail  # a refusal tells nobody the limit


def test_fact_14_a_remedy_is_a_consequence_for_the_agreement_and_nothing_else(run):
    for name in ("local-terms", "armistice"):
        text = parse_text(encode_of(run, name))
        remedies = text.parsed_clauses.remedies
        assert remedies
        assert {remedy.does for remedy in remedies} <= {"suspend", "end", "publish", "revoke"}
        words = " ".join(text.articles["en"]).lower()
        assert not any(harm in words for harm in ("shoot", "shot", "kill", "punish", "execut", "arrest", "harm"))
    for harm in ("shoot", "punish", "arrest"):
        with pytest.raises(Malformed, match=r"text\.clause"):
            parse_clauses({"remedies": [{"article": "1", "does": harm}]})


def encode_of(run: Run, name: str) -> bytes:
    return run.played.text_bytes[run.played.texts[name]]


# --- the whole story --------------------------------------------------------------------------------------------------

# The chronology, row by row: old style, new style, the row that plays it.
CHRONOLOGY = [
    ("12 Oct", "25 Oct", "mrc-created"),
    ("26 Oct", "8 Nov", "decree"),
    ("7 Nov", "20 Nov", "note-to-ambassadors"),
    ("7-8 Nov", "20-21 Nov", "order"),
    ("8 Nov", "21 Nov", "delivered"),
    ("8 Nov", "21 Nov", "wrong-authority"),
    ("8 Nov", "21 Nov", "three-empowered"),
    ("9 Nov", "22 Nov", "direct-wire"),
    ("9 Nov", "22 Nov", "dismissal"),
    ("9 Nov", "22 Nov", "broadcast"),
    ("undated", "undated", "links"),
    ("by 10 Nov", "23 Nov", "published"),
    ("10 Nov", "23 Nov", "account"),
    ("10 Nov", "23 Nov", "remedy-clause"),
    ("10 Nov", "23 Nov", "protest"),
    ("11 Nov", "24 Nov", "rebuttal"),
    ("13 Nov", "26 Nov", "krylenko-order"),
    ("13 Nov", "26 Nov", "parliamentarians"),
    ("13 Nov", "26 Nov", "white-flag"),
    ("13 Nov", "26 Nov", "novoselki"),
    ("14 Nov", "27 Nov", "order-no-3"),
    ("15 Nov", "28 Nov", "appeal"),
    ("16 Nov", "29 Nov", "twentieth-corps"),
    ("18 Nov", "1 Dec", "deadline-passes"),
    ("19 Nov", "2 Dec", "joffe-crosses"),
    ("20 Nov", "3 Dec", "brest-opens"),
    ("20-22 Nov", "3-5 Dec", "russian-terms"),
    ("21 Nov", "4 Dec", "soly"),
    ("22 Nov", "5 Dec", "brest-truce"),
    ("23 Nov", "6 Dec", "note-to-allies"),
    ("2 Dec", "15 Dec", "armistice-signed"),
    ("4 Dec", "17 Dec", "armistice-in-force"),
    ("5 Dec", "18 Dec", "mrc-dissolved"),
    ("5 Dec", "18 Dec", "erzincan"),
    ("days after", "", "three-courses"),
    ("3 Feb", "16 Feb", "notice"),
    ("5 Feb", "18 Feb", "advance"),
    ("", "3 Mar", "peace-signed"),
    ("", "15-16 Mar", "peace-ratified"),
    ("", "13 Nov", "peace-annulled"),
]


@pytest.mark.parametrize("reading", list(Reading))
def test_every_row_of_the_chronology_is_told(runs, reading):
    rows = {row.id: row for row in runs[reading].played.scenario.rows}
    told = {event.row.id for event in runs[reading].played.events}
    for old_style, new_style, name in CHRONOLOGY:
        assert name in told
        assert rows[name].old_style.startswith(old_style)
        assert rows[name].new_style.startswith(new_style)
        assert rows[name].sources
        assert rows[name].nature in (Nature.HISTORY, Nature.OUTSIDE)
    assert {name for name, row in rows.items() if row.nature is Nature.OUTSIDE} == {"three-courses", "peace-annulled"}


@pytest.mark.parametrize("reading", list(Reading))
def test_the_two_calendars_are_thirteen_days_apart_and_the_instant_is_one(reading):
    """Where a row is dated on both calendars, both are the day of its instant in Russia."""
    for row in load(reading).rows:
        if row.nature is Nature.HISTORY and row.new_style[:1].isdigit() and "-" not in row.new_style.split()[0]:
            day, month, year = row.new_style.split(",")[0].split()[:3]
            local = datetime.fromtimestamp(row.at + 3 * 3600, UTC)
            stated = datetime.strptime(f"{day} {month} {year}", "%d %b %Y").replace(tzinfo=UTC)
            # A night, and a deadline at the end of a day, belong to the evening before.
            assert 0 <= (local - stated).total_seconds() <= 86_400, row.id


@pytest.mark.parametrize("reading", list(Reading))
def test_every_act_meets_the_fate_that_the_scenario_expects(runs, reading):
    tried = 0
    for event in runs[reading].played.events:
        if event.planned:
            tried += 1
            outcome = event.outcome
            assert (outcome.verdict.value, outcome.reason) == (event.planned.expect.word, event.planned.expect.reason)
    assert tried > 170


@pytest.mark.parametrize("reading", list(Reading))
def test_all_that_matters_above_all_is_there(runs, reading):
    run = runs[reading]
    assert {event.planned.kind for event in run.played.events if event.planned} >= {
        "grant", "query", "urgent-dismiss", "urgent-grant", "confirm", "suspend", "question", "answer", "certify",
        "delegate", "revoke", "invite", "reveal", "acknowledge", "publish", "sign-ad-referendum", "conclude", "ratify",
        "denounce", "breach", "remedy", "deliberate", "hand-over", "dissolve", "suspend-talks",
    }  # fmt: skip
    fates = {
        "order": "accepted",  # the mandate to open and not conclude
        "query": "accepted",  # the query to the wrong authority
        "too-late": "void standing.duty-missed",  # the missed duty and the succession
        "dismissal": "accepted",  # on the wire, with hold-over
        "protest": "accepted",  # addressed to the dismissed man
        "broadcast": "accepted",  # the class mandate
        "under-guard": "accepted",  # generals under guard: a suspension
        "guarded-general-speaks": "void standing.suspended",
        "publish-talks": "accepted",  # the talks and the secret treaties
        "motion": "refused decision.insufficient",  # judged too weak
        "motion-amended": "accepted",
        "question": "accepted",  # the superior body's, and its answer
        "answer": "accepted",
        "confirm-dismissal": "accepted",  # what was urgent, afterwards
        "invite": "accepted",  # lapses
        "late-adoption": "void dossier.not-joined",
        "backdated-signature": "void standing.duty-missed",
        "backdated-offer": "void standing.dismissed",
        "limits-shown": "accepted",  # the counterparty's own credentials
        "three-courses": "accepted",
        "notice": "accepted",  # seven days
        "breach": "accepted",
        "mrc-hands-over": "accepted",
        "mrc-dissolved": "accepted",
        "council-ratifies-peace": "void line.crossed",
        "congress-ratifies-peace": "accepted",
    }
    for symbol, fate in fates.items():
        answer = run.answer(symbol)
        assert f"{answer.verdict.value} {answer.reason}".strip() == fate, symbol


def test_a_suspension_nobody_confirms_lapses(run):
    register = run.register()
    guarded = register.mandate(run.played.acts["front-command"].id)
    (ending,) = register.endings[guarded.id]
    with pytest.raises(Refused, match=r"standing\.suspended"):
        register.check_standing(guarded, Power.PROPOSE, Moment(NOW, ending.lapses - 1))
    register.check_standing(guarded, Power.PROPOSE, Moment(NOW, ending.lapses))


def test_the_organ_that_ends_has_handed_over_its_powers(run):
    spines = run.register("smolny").spines
    assert spines.organ(run.played.organs["mrc"]).dissolved
    assert run.answer("mrc-after").reason == "decision.dissolved"


def test_who_signs_for_one_party_binds_no_other(run):
    assert run.answer("in-russias-name").reason == "chain.custody"
    dossier = run.dossier("erzincan-talks")
    moment = Moment(NOW, BEGINS + 10 * 86_400)
    assert dossier.bound(run.played.texts["erzincan"], run.played.parties["transcaucasia"], moment)
    assert run.played.parties["russia"] not in dossier.papers[run.played.texts["erzincan"]].consents


def test_events_say_who_did_what_under_which_mandate(run):
    credential = run["brest"]
    assert credential.speakers == ("shneur", "sagalovich", "meren")
    assert [link.name for link in credential.chain] == ["commander", "credential"]
    assert credential.chain[-1].lines == ("fronts is “all”",)
    assert run["order"].grants.duty == "open by 1917-11-22T01:00:00Z, else krylenko-command"
    assert run["armistice-ratified"].speaks_for == "council"
    assert run["protest"].party == "allies"


@pytest.mark.parametrize("reading", list(Reading))
def test_a_scenario_is_told_in_two_languages_with_sources(reading):
    scenario = load(reading)
    for row in scenario.rows:
        assert row.what["en"]
        assert row.what["fr"]
        assert set(row.sources) <= scenario.sources.keys()
    assert set(scenario.facts()) == set(range(1, 15))


def test_the_player_tells_no_story_that_the_core_does_not_bear_out(tmp_path):
    written = SCENARIO.read_text("utf-8").replace('expect = "void standing.duty-missed"', 'expect = "accepted"')
    scenario = read_scenario(written)
    clock = ReplayClock(scenario.rows[0].at)
    with pytest.raises(Differs, match="too-late"):
        play(scenario, open_desks(scenario, tmp_path, clock), keys=Key.from_name, clock=clock, chance=Dice())


# --- the evidence -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reading", list(Reading))
@pytest.mark.parametrize("claim", ["bound", "in-force"])
def test_the_evidence_is_valid_knowing_nothing_but_the_councils_party_id(runs, reading, claim):
    run = runs[reading]
    trust = Trust({run.played.parties["russia"]: "handed over"})
    report = verify(run.evidence[claim], trust)
    assert report.verdict is Judged.VALID, report.steps[-1]
    assert report.time == BEGINS
    assert "void" in next(step.detail for step in report.steps if step.number == 6)


def test_one_changed_byte_makes_it_invalid(run):
    trust = Trust({run.played.parties["russia"]: "handed over"})
    bundle = run.evidence["in-force"]
    ratified = run.played.acts["armistice-ratified"].envelope.payload
    where = bundle.index(ratified) + len(ratified) // 2
    changed = bundle[:where] + bytes([bundle[where] ^ 1]) + bundle[where + 1 :]
    assert verify(changed, trust).verdict is Judged.INVALID


@pytest.mark.parametrize("piece", ["without Berlin", "without texts", "without the dismissal"])
def test_a_missing_piece_leaves_it_open(run, piece):
    trust = Trust({run.played.parties["russia"]: "handed over"})
    assert verify(run.evidence[piece], trust).verdict is Judged.CANNOT_TELL


def test_another_party_id_proves_nothing(run):
    assert verify(run.evidence["bound"], Trust({bytes(32): "made up"})).verdict is Judged.CANNOT_TELL


def test_the_secret_treaties_are_sealed_first_and_opened_later(run):
    neutral, played = run.desks["neutral"], run.played
    dossier = run.dossier("treaties")
    assert dossier.sealed
    digest = played.texts["secret-treaties"]
    laid, opened = (
        neutral.registry.outcomes[played.acts[id_].id].moment for id_ in ("lay-treaties", "publish-treaties")
    )
    assert laid.index < opened.index
    assert dossier.published[digest].index == opened.index
    words = parse_text(played.text_bytes[digest]).articles["en"][0].encode()
    assert not any(words in neutral.entry(index) for index in range(neutral.size))  # the entries never say them
    assert neutral.text(digest) == played.text_bytes[digest]  # the ledger hands out what was published
