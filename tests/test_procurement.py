"""The second job: procurement under a ceiling through the real core, into real SQLite ledgers, in both its readings.

Each of the fourteen points of the plot is a test that names its number and the step at which the core answers. Nothing
here looks at the scenario's expectations alone: the player has compared each with the core's real answer, and these
tests ask the core's own state.
"""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pourparler.core.act import Power, parse_act
from pourparler.core.authority import Moment
from pourparler.core.clauses import date_of_effect
from pourparler.core.dossier import ConsentState, EffectState, TextState
from pourparler.core.encoding import ALGORITHM_ED25519, ALGORITHM_PASSKEY_ED25519
from pourparler.core.evidence import Claim, Trust, verify
from pourparler.core.evidence import Verdict as Judged
from pourparler.core.redline import Answer, parse_text, text_digest
from pourparler.service.export import assemble
from pourparler.service.guard import Opening, private_answers
from pourparler.service.replay import (
    Differs,
    Event,
    Nature,
    Played,
    ReplayClock,
    Scenario,
    Verdict,
    play,
    read_readings,
    read_scenario,
)
from pourparler.testing.keys import Key
from tests import playing
from tests.playing import NOW, SCENARIOS, Dice, at, open_desks

SCENARIO = SCENARIOS / "procurement.toml"
READINGS = ("ratified", "refused")


class Run(playing.Run):
    """A played reading."""

    table = "exchange"
    us = "buyer"
    talks = "castings"

    def terms(self, text: str) -> dict[str, Any]:
        return dict(parse_text(self.played.text_bytes[self.played.texts[text]]).terms)

    def trust(self) -> Trust:
        return Trust({self.played.parties["buyer"]: "handed over"})


NEW_YEAR = at("2026-01-01T00:00:00+00:00")
LATEST = Moment(NOW, at("2026-12-31T00:00:00+00:00"))


def load(reading: str = "") -> Scenario:
    return read_scenario(SCENARIO.read_text("utf-8"), reading)


def perform(scenario: Scenario, folder: Path) -> Run:
    clock = ReplayClock(scenario.rows[0].at)
    desks = open_desks(scenario, folder, clock)
    run = Run(Played(scenario), desks)

    def look(played: Played) -> None:
        proof = played.proof
        assert proof is not None
        bound = Claim("bound", desks["exchange"].depositary, 0, (proof.party,), proof.dossier, proof.text)
        in_force = replace(bound, kind="in-force", parties=tuple(sorted((proof.party, proof.other))))
        ledgers = list(desks.values())
        for name, claim in (("bound", bound), ("in-force", in_force)):
            run.evidence[name] = assemble(claim, ledgers).encoded()
        run.evidence["without Northmill"] = assemble(bound, [desks["exchange"], desks["castor"]]).encoded()
        run.evidence["without texts"] = replace(assemble(bound, ledgers), texts=()).encoded()
        index = desks["exchange"].registry.outcomes[played.acts[scenario.claim["leave_out"]].id].moment.index
        run.evidence["without an act"] = assemble(bound, ledgers, exclude=frozenset({index})).encoded()

    run.played = play(scenario, desks, keys=Key.from_name, clock=clock, chance=Dice(), on_proof=look)
    return run


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Run]]:
    played = {reading: perform(load(reading), tmp_path_factory.mktemp(reading)) for reading in READINGS}
    yield played
    for run in played.values():
        run.close()


@pytest.fixture
def run(runs: dict[str, Run]) -> Run:
    return runs["ratified"]


@pytest.fixture
def refused(runs: dict[str, Run]) -> Run:
    """The variant: the board refuses."""
    return runs["refused"]


# --- the fourteen points ----------------------------------------------------------------------------------------------


def test_point_01_both_sides_open_under_mandates_that_the_other_reads(run: Run) -> None:
    ours, theirs = run["castings"].chain[-1], run["castings-joined"].chain[-1]
    assert ours.powers == ("open", "propose", "adopt", "initial", "sign-ad-referendum")
    assert "conclude" in theirs.powers
    assert ours.lines == (
        "unit_price is at most EUR 92.00",
        "total is at most EUR 240000.00",
        "payment_days is at least 45",
        "liability_cap_months is at least 12",
        "auto_renew is false",
        "supplier is one of “Castor Foundry”, “Delta Castings”",
    )
    assert (ours.private_lines, ours.scope, ours.limit) == (1, ("supply",), "total is at most EUR 400000.00")
    assert ours.until == run["mandate"].row.at + 30 * 86_400
    for symbol, ledgers in (("mandate", ["northmill", "exchange"]), ("seller-mandate", ["castor", "exchange"])):
        assert [answer.ledger for answer in run[symbol].logged] == ledgers  # in the exchange the other side reads it
    organ = run.register("northmill").spines.organ(run.played.organs["council"])
    assert Power.CONCLUDE not in organ.powers  # what the council lacks it cannot give


def test_point_01_whoever_deals_with_the_agent_can_check_alone_what_it_may_do(tmp_path: Path) -> None:
    """The mandate as evidence, as it stood when talks began: the seller knows the buyer's party id, nothing else."""
    scenario = load()
    early = replace(scenario, rows=tuple(row for row in scenario.rows if row.at < at("2025-12-15T10:00:00+00:00")))
    clock = ReplayClock(scenario.rows[0].at)
    desks = open_desks(scenario, tmp_path, clock)
    played = play(
        replace(early, claim={**scenario.claim, "after": ""}), desks, keys=Key.from_name, clock=clock, chance=Dice()
    )
    buyer, mandate = played.parties["buyer"], played.acts["mandate"]
    holder = Key.from_name("agent").public_key
    for power, verdict in ((Power.PROPOSE, Judged.VALID), (Power.CONCLUDE, Judged.INVALID)):
        may = Claim("may", desks["northmill"].depositary, 0, (buyer,), mandate=mandate.id, holder=holder, power=power)
        report = verify(assemble(may, list(desks.values())).encoded(), Trust({buyer: "on its letterhead"}))
        assert report.verdict is verdict


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_order_of_ids_is_that_of_the_story_whatever_chance_says(seed: int, tmp_path: Path) -> None:
    """A claim's parties and the streams that evidence lacks are told by id; they were told otherwise in each run."""
    scenario = load()
    clock = ReplayClock(scenario.rows[0].at)
    desks = open_desks(scenario, tmp_path, clock)
    played = play(scenario, desks, keys=Key.from_name, clock=clock, chance=Dice(seed))
    begun = [played.parties["buyer"], played.parties["supplier"], played.acts["castings"].id]
    assert begun == sorted(begun)
    assert [made[0] >> 3 for made in begun] == [1, 2, 3]


def test_point_02_the_first_offer_is_a_proposal_and_binds_nobody(run: Run) -> None:
    assert run.terms("first-offer")["unit_price"] == ["EUR", "80.00"]
    assert run.state("first-offer", "text", "first-offer") == TextState.PROPOSED.value
    assert run.state("first-offer", "consent", "buyer: first-offer") == ConsentState.NONE.value


def test_point_03_a_counter_offer_kills_the_offer_it_answers(run: Run) -> None:
    assert run.terms("high-counter")["unit_price"] == ["EUR", "101.50"]
    assert run.state("high-counter", "text", "first-offer") == TextState.SUPERSEDED.value
    assert run.state("high-counter", "text", "high-counter") == TextState.PROPOSED.value


def test_point_04_an_offer_over_the_line_is_refused_before_it_leaves(run: Run) -> None:
    terms = run.terms("offer-at-96")
    assert terms["unit_price"] == ["EUR", "96.00"]
    assert run.fate("propose-96") == ("refused", 9, "line.crossed")
    assert not run.is_logged("propose-96")
    assert run.played.texts["offer-at-96"] not in run.dossier().papers
    assert "92" not in run.answer("propose-96").detail  # the answer names no limit


def test_point_04_it_is_the_price_that_stopped_it(tmp_path: Path) -> None:
    """The same offer at 92.00 exactly passes: nothing else in it crosses a line."""
    written = SCENARIO.read_text("utf-8")
    written = written.replace('"96.00"], total = ["EUR", "249600.00"]', '"92.00"], total = ["EUR", "239200.00"]')
    scenario = read_scenario(written)
    clock = ReplayClock(scenario.rows[0].at)
    with pytest.raises(Differs, match="propose-96.*answers accepted"):
        play(scenario, open_desks(scenario, tmp_path, clock), keys=Key.from_name, clock=clock, chance=Dice())


def test_point_04_a_private_target_stops_the_agent_at_its_own_signer(run: Run) -> None:
    answer = run.answer("propose-88")
    assert (answer.verdict, answer.step, answer.reason) == (Verdict.REFUSED, 9, "line.private")
    assert answer.ledger == ""  # no ledger was asked
    assert run["propose-88"].act is None  # and nothing was signed
    assert "propose-88" not in run.played.acts
    assert "84" not in answer.detail
    mandate = run.played.acts["mandate"]
    (committed,) = mandate["private"]
    logged = b"".join(desk.entry(index) for desk in run.desks.values() for index in range(desk.size))
    assert committed in logged
    assert b"84.00" not in logged  # the target itself left the desk in no act
    opening = run.played.openings["target"]  # what the council and the agent hold
    assert opening.commitment == committed
    assert Opening(opening.line, bytes(16)).commitment != committed  # the salt keeps others from guessing


def test_point_05_a_better_offer_keeps_every_line(run: Run) -> None:
    assert run.terms("second-offer")["unit_price"] == ["EUR", "91.50"]
    assert run.fate("propose-91")[0] == "accepted"
    assert run.state("second-offer", "text", "high-counter") == TextState.SUPERSEDED.value


def test_point_06_an_offer_that_renews_itself_is_recorded_and_cannot_be_accepted(run: Run) -> None:
    assert run.terms("renewing")["unit_price"] == ["EUR", "90.00"]
    assert run.answer("counter-renewing").verdict is Verdict.ACCEPTED
    assert run.fate("accept-renewing") == ("refused", 9, "line.crossed")
    assert run.state("renewing", "text", "renewing") == TextState.PROPOSED.value
    assert run.dossier().papers[run.played.texts["renewing"]].adopted_by == set()


def test_point_06_a_total_that_is_not_the_product_is_not_adopted(run: Run) -> None:
    terms = run.terms("slip")
    assert Decimal(terms["unit_price"][1]) * terms["qty"] != Decimal(terms["total"][1])
    assert run.fate("accept-slip") == ("refused", 9, "text.check")


def test_point_07_the_counter_without_renewal_supersedes_it(run: Run) -> None:
    assert run.terms("accepted")["auto_renew"] is False
    assert run.state("without-renewal", "text", "renewing") == TextState.SUPERSEDED.value
    assert run.state("without-renewal", "text", "accepted") == TextState.PROPOSED.value


def test_point_08_accepted_initialled_and_signed_subject_to_approval(run: Run) -> None:
    paper = run.dossier().papers[run.played.texts["accepted"]]
    both = {run.played.parties["buyer"], run.played.parties["supplier"]}
    assert paper.adopted_by == paper.authenticated_by == both
    signed = "signed", "consent"
    assert run.state(*signed, "buyer: accepted") == ConsentState.SIGNED_AD_REFERENDUM.value
    assert run.state(*signed, "supplier: accepted") == ConsentState.SIGNED_DEFINITIVELY.value
    assert run.state("signed", "effect", "buyer-supplier: accepted") == EffectState.NONE.value
    signature = run.played.acts["signature"]
    assert signature["organ"] == run.played.organs["council"]
    assert signature["total"] == ["EUR", "234000.00"]
    assert signature.get("previous") is None


def test_point_09_an_injected_message_raises_no_limit(run: Run) -> None:
    assert run.answer("injected").verdict is Verdict.ACCEPTED  # words: recorded, without effect
    for forged in ("forged-mandate", "own-mandate"):
        assert run.fate(forged) == ("refused", 6, "decision.insufficient")
        assert not run.is_logged(forged)
        assert run.played.acts[forged].id not in run.register("northmill").mandates
    assert run.fate("persuaded") == ("refused", 9, "line.private")
    assert run.fate("persuaded-unguarded") == ("refused", 9, "line.crossed")
    assert run.fate("persuaded-concludes") == ("refused", 7, "power.missing")
    assert run.state("injected", "text", "high-counter") == TextState.SUPERSEDED.value
    assert run.state("injected", "consent", "buyer: accepted") == ConsentState.SIGNED_AD_REFERENDUM.value


def test_point_10_two_of_three_ratify_by_vote_one_of_them_by_passkey(run: Run) -> None:
    algorithms = {
        symbol: run.played.acts[symbol].envelope.signatures[0].algorithm
        for symbol in ("vote-finance", "vote-counsel", "vote-operations")
    }
    assert algorithms == {
        "vote-finance": ALGORITHM_PASSKEY_ED25519,
        "vote-counsel": ALGORITHM_ED25519,
        "vote-operations": ALGORITHM_ED25519,
    }
    assert run.fate("early-result") == ("refused", 6, "vote.open")
    ratification = run.played.acts["ratified"]
    assert set(ratification["votes"]) == {run.played.acts[symbol].id for symbol in algorithms}
    poll = run.register("northmill").spines.polls[run.played.acts["call"].id]
    assert poll.tally(ratification["votes"]) == {"yes": 2, "no": 1, "abstain": 0, "recuse": 0}
    assert run.state("voted-in-train", "consent", "buyer: accepted") == ConsentState.SIGNED_AD_REFERENDUM.value
    assert run.state("ratified", "consent", "buyer: accepted") == ConsentState.RATIFIED.value


def test_point_10_the_vote_from_the_train_is_small_and_needs_no_trusted_messenger(run: Run) -> None:
    vote = run.played.acts["vote-operations"].envelope.encoded()
    assert len(vote) <= 271  # one QR code of version 10 (level L), in bytes
    assert parse_act(vote).id == run.played.acts["vote-operations"].id
    report = verify(run.evidence["bound"], run.trust())
    assert "1 of 3 votes are signed with passkeys" in report.notes


@pytest.mark.parametrize("what", ["relying_party", "origin"])
def test_point_10_a_passkey_made_for_another_site_does_not_vote(tmp_path: Path, what: str) -> None:
    """A phished assertion: the device signs for a site that only looks like the registered one."""
    scenario = load()
    clock = ReplayClock(scenario.rows[0].at)
    desks = open_desks(scenario, tmp_path, clock)
    actors = dict(scenario.actors)
    scenario = replace(scenario, actors=actors)
    passkey = actors["finance-passkey"]
    assert passkey.passkey is not None
    phished = {**passkey.passkey, what: "https://vote.northmill.example.org"}

    def phish(event: Event) -> None:
        if event.planned and event.planned.id == "call":  # the passkey is registered long since
            actors["finance-passkey"] = replace(passkey, passkey=phished)

    reason = "passkey.origin" if what == "origin" else "passkey.relying-party"
    with pytest.raises(Differs, match=f"vote-finance.*{reason.replace('.', '[.]')}"):
        play(scenario, desks, keys=Key.from_name, clock=clock, chance=Dice(), on_event=phish)


def test_point_11_in_force_at_the_later_of_ratification_and_new_year(run: Run) -> None:
    assert run.state("ratified", "effect", "buyer-supplier: accepted") == EffectState.PENDING.value
    assert run.state("in-force", "effect", "buyer-supplier: accepted") == EffectState.IN_FORCE.value
    effect = run.dossier().effect(
        run.played.texts["accepted"], run.played.parties["buyer"], run.played.parties["supplier"], LATEST
    )
    assert effect.since == NEW_YEAR
    steps = run.dossier().clauses(run.played.texts["accepted"]).steps
    ratified = run.desks["exchange"].registry.outcomes[run.played.acts["ratified"].id].moment.time
    assert date_of_effect(ratified, steps) == NEW_YEAR
    assert date_of_effect(NEW_YEAR + 5, steps) == NEW_YEAR + 5  # had it been ratified later


def test_point_12_the_second_dossier_overruns_the_cumulative_line(run: Run) -> None:
    assert run.fate("housings-signature") == ("void", 11, "limit.exceeded")
    assert run.played.acts["housings-signature"]["total"] == ["EUR", "414000.00"]
    assert run.played.acts["housings-signature"]["previous"] == run.played.acts["signature"].id
    assert run.fate("forgetful") == ("void", 11, "limit.misstated")
    assert run.state("second-dossier", "consent", "buyer: housings") == ConsentState.NONE.value
    assert Decimal(run.terms("housings")["total"][1]) <= 240_000  # each line was kept: only the sum is too much
    assert run.fate("expired") == ("void", 10, "standing.expired")


def test_point_13_late_delivery_ten_days_to_cure_and_the_agreed_rebate(run: Run) -> None:
    registry = run.desks["exchange"].registry
    alleged, taken = (registry.outcomes[run.played.acts[symbol].id].moment.time for symbol in ("breach", "remedy"))
    assert run.fate("remedy-too-early") == ("void", 12, "dossier.cure-time")
    assert taken == alleged + 10 * 86_400  # to the second
    assert run.answer("remedy").verdict is Verdict.ACCEPTED
    paper = run.dossier().papers[run.played.texts["accepted"]]
    (applied,) = paper.remedies
    remedy = run.dossier().clauses(paper.digest).remedies[applied.act["remedy"]]
    assert (remedy.does, remedy.cure_days, remedy.article) == ("publish", 10, "3")
    assert run.state("remedy", "effect", "buyer-supplier: accepted") == EffectState.IN_FORCE.value  # it ends nothing


def test_point_13_the_rebate_follows_from_the_agreed_terms_and_the_ledgers_time(run: Run) -> None:
    agreed, note = run.terms("accepted"), run.terms("credit-note")
    delivered = run.desks["exchange"].registry.outcomes[run.played.acts["delivered"].id].moment.time
    days = (delivered - at(agreed["delivery"] + "T00:00:00+00:00")) // 86_400
    rate = min(days * Decimal(agreed["rebate_per_day"]), Decimal(agreed["rebate_at_most"]))
    assert (days, rate) == (note["days_late"], Decimal(note["rebate_rate"]))
    assert rate * Decimal(agreed["total"][1]) == Decimal(note["rebate"][1]) == 21_060
    assert (note["total"], note["rebate_per_day"]) == (agreed["total"], agreed["rebate_per_day"])
    assert run.fate("wrong-note-adopted") == ("refused", 9, "text.check")
    supplier, buyer = run.played.parties["supplier"], run.played.parties["buyer"]
    assert run.dossier().bound(run.played.texts["credit-note"], supplier, LATEST)
    assert not run.dossier().bound(run.played.texts["credit-note"], buyer, LATEST)


def test_point_14_who_has_left_votes_no_more_by_key_or_passkey(run: Run) -> None:
    for vote in ("vote-after-leaving", "key-after-leaving"):
        assert run.fate(vote) == ("refused", 6, "decision.no-seat")
        assert not run.is_logged(vote)
    assert run.fate("vote-new-member") == ("refused", 6, "vote.not-on-roll")
    council = run.register("northmill").spines.organ(run.played.organs["council"])
    seats = {Key.from_name(name).public_key for name in ("operations", "counsel", "new-finance")}
    assert set(council.members.seats) == seats
    assert council.lines  # the ceiling stays where it was, whoever sits
    assert len(run.played.acts["election"].envelope.signatures) == 3  # who came signed it; who left did not


def test_point_14_what_he_decided_before_stands(run: Run) -> None:
    poll = run.register("northmill").spines.polls[run.played.acts["call"].id]
    assert (run.played.acts["vote-finance"].id, "yes") in poll.cast.values()
    assert run.dossier().bound(run.played.texts["accepted"], run.played.parties["buyer"], LATEST)


# --- above the ceiling ------------------------------------------------------------------------------------------------


def test_above_250_000_the_council_may_not_ratify_and_the_board_may(run: Run) -> None:
    assert run.terms("next-year")["total"] == ["EUR", "299200.00"]
    poll = run.register("northmill").spines.polls[run.played.acts["next-call"].id]
    assert poll.tally(run.played.acts["council-ratifies-above"]["votes"])["yes"] == 2  # the vote itself was carried
    assert run.fate("council-ratifies-above") == ("void", 9, "line.crossed")
    assert run.state("above-the-ceiling", "consent", "buyer: next-year") == ConsentState.SIGNED_AD_REFERENDUM.value
    assert run.fate("board-ratifies-short") == ("refused", 6, "decision.insufficient")
    assert run.answer("board-ratifies").verdict is Verdict.ACCEPTED
    assert run.state("board-ratifies", "effect", "buyer-supplier: next-year") == EffectState.IN_FORCE.value


def test_the_ceiling_stands_in_the_councils_power_and_not_in_the_boards(run: Run) -> None:
    spines = run.register("northmill").spines
    council, board = (spines.organ(run.played.organs[name]) for name in ("council", "board"))
    assert [(line.operator, line.path, line.wanted) for line in council.lines] == [
        ("at-most", "total", ["EUR", "250000.00"])
    ]
    assert board.lines == ()
    assert (council.members.needs, board.members.needs) == (2, 3)
    assert council.superior == board.id


# --- the variant: the board refuses -----------------------------------------------------------------------------------


def test_variant_a_refused_text_is_dead_and_a_new_one_has_a_new_digest(refused: Run) -> None:
    assert refused.answer("refused").verdict is Verdict.ACCEPTED
    assert refused.fate("ratified-too-late") == ("void", 12, "dossier.overtaken")
    assert refused.fate("same-again") == ("void", 12, "dossier.repeated")
    assert refused.fate("signed-again") == ("void", 12, "dossier.overtaken")
    assert refused.state("new-text", "consent", "buyer: accepted") == ConsentState.REFUSED.value
    assert refused.state("new-text", "text", "new-text") == TextState.PROPOSED.value
    assert refused.played.texts["new-text"] != refused.played.texts["accepted"]
    again = refused.played.text_bytes[refused.played.texts["accepted"]]
    assert text_digest(again) == refused.played.texts["accepted"]  # the same bytes are the same, dead, text


def test_variant_the_supplier_proves_offline_that_it_never_had_a_contract(refused: Run) -> None:
    report = verify(refused.evidence["bound"], refused.trust())
    assert report.verdict is Judged.INVALID
    (failed,) = [step for step in report.steps if step.verdict is not Judged.VALID]
    assert (failed.number, failed.reason) == (10, "claim.not-bound")
    assert "refused" in failed.detail
    assert verify(refused.evidence["in-force"], refused.trust()).verdict is Judged.INVALID


def test_variant_the_supplier_s_own_signature_stands_and_it_is_alone_with_it(refused: Run) -> None:
    text, dossier = refused.played.texts["accepted"], refused.dossier()
    assert dossier.bound(text, refused.played.parties["supplier"], LATEST)
    assert not dossier.bound(text, refused.played.parties["buyer"], LATEST)


def test_variant_the_refusal_releases_what_the_signature_had_reserved(refused: Run) -> None:
    assert refused.answer("housings-signature").verdict is Verdict.ACCEPTED
    assert refused.played.acts["housings-signature"]["total"] == ["EUR", "180000.00"]
    assert refused.played.acts["housings-signature"]["previous"] == refused.played.acts["signature"].id


def test_variant_hiding_the_refusal_gains_nobody_anything(refused: Run) -> None:
    assert verify(refused.evidence["without an act"], refused.trust()).verdict is Judged.CANNOT_TELL


# --- the evidence -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("claim", ["bound", "in-force"])
def test_the_evidence_is_valid_knowing_nothing_but_the_buyers_party_id(run: Run, claim: str) -> None:
    report = verify(run.evidence[claim], run.trust())
    assert report.verdict is Judged.VALID, report.steps[-1]
    assert report.time == NEW_YEAR


def test_one_changed_bit_makes_it_invalid(run: Run) -> None:
    bundle = run.evidence["in-force"]
    ratified = run.played.acts["ratified"].envelope.payload
    where = bundle.index(ratified) + len(ratified) // 2
    changed = bundle[:where] + bytes([bundle[where] ^ 1]) + bundle[where + 1 :]
    report = verify(changed, run.trust())
    assert (report.verdict, report.reason) == (Judged.INVALID, "proof.root")


@pytest.mark.parametrize("piece", ["without Northmill", "without texts", "without an act"])
def test_a_missing_piece_leaves_it_open(run: Run, piece: str) -> None:
    assert verify(run.evidence[piece], run.trust()).verdict is Judged.CANNOT_TELL


def test_a_verdict_is_as_of_an_index(run: Run) -> None:
    """A year later the same claim is disproven: the text's own term is over, and nobody gave notice."""
    proof = run.played.proof
    assert proof is not None
    parties = tuple(sorted((proof.party, proof.other)))
    claim = Claim("in-force", run.desks["exchange"].depositary, 0, parties, proof.dossier, proof.text)
    report = verify(assemble(claim, list(run.desks.values())).encoded(), run.trust())
    assert (report.verdict, report.reason) == (Judged.INVALID, "claim.not-in-force")
    assert "its term is over" in report.steps[-1].detail


# --- the scenario -----------------------------------------------------------------------------------------------------


def test_the_private_line_lets_the_agreed_text_pass_and_the_drafts_not(run: Run) -> None:
    """What the council's members evaluate before they vote, with the opening that they hold."""
    opening = run.played.openings["target"]
    texts = ("first-offer", "offer-at-88", "second-offer", "accepted", "high-counter")
    answers = {
        name: private_answers(
            run.played.acts["mandate"], [opening], parse_text(run.played.text_bytes[run.played.texts[name]])
        )
        for name in texts
    }
    kept = {name for name, found in answers.items() if found == {opening.commitment: Answer.KEPT}}
    assert kept == {"first-offer", "second-offer", "accepted"}


@pytest.mark.parametrize("reading", READINGS)
def test_every_act_meets_the_fate_that_the_scenario_expects(runs: dict[str, Run], reading: str) -> None:
    tried = 0
    for event in runs[reading].played.events:
        if event.planned:
            tried += 1
            outcome = event.outcome
            assert outcome is not None
            assert (outcome.verdict.value, outcome.reason) == (event.planned.expect.word, event.planned.expect.reason)
    assert tried > 45


@pytest.mark.parametrize("reading", READINGS)
def test_it_is_told_in_two_languages_and_every_point_has_its_row(reading: str) -> None:
    scenario = load(reading)
    for row in scenario.rows:
        assert row.what["en"]
        assert row.what["fr"]
        assert row.nature in Nature
    assert read_readings(SCENARIO.read_text("utf-8")) == list(READINGS)
    told = set(scenario.facts())
    assert told == (set(range(1, 15)) if reading == "ratified" else {*range(1, 11), 12})
    assert {lesson.fact for lesson in load().lessons} <= set(range(1, 15))


def test_the_player_tells_no_story_that_the_core_does_not_bear_out(tmp_path: Path) -> None:
    written = SCENARIO.read_text("utf-8").replace('most = ["EUR", "400000.00"]', 'most = ["EUR", "414000.00"]')
    scenario = read_scenario(written)
    clock = ReplayClock(scenario.rows[0].at)
    with pytest.raises(Differs, match="housings-signature.*answers accepted"):
        play(scenario, open_desks(scenario, tmp_path, clock), keys=Key.from_name, clock=clock, chance=Dice())


def test_a_reading_that_there_is_not_is_named() -> None:
    with pytest.raises(ValueError, match="the readings are ratified, refused"):
        load("perhaps")
