"""More evidence moves a verdict only away from CANNOT TELL (``spec/evidence.md`` 5).

Each test asks about one claim, as of one stamp, with two bundles. The smaller one lacks a text, a dossier, a part of a
home ledger or a cosignature; it must answer CANNOT TELL, and say why at which step. The larger one answers VALID in one
telling of the story and INVALID in its twin: what was left out alone decides, so that rounding up and rounding down
would both be seen. The sampled property at the end asks the same of ledgers that nobody thought of.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import pytest

from pourparler.core.act import Act, Power
from pourparler.core.authority import HomeView
from pourparler.core.council import organ_id
from pourparler.core.encoding import Value
from pourparler.core.errors import Missing, Refused
from pourparler.core.evidence import Claim, Report, Shown, Verdict
from pourparler.core.ledger import Policy, consistency_path, parse_policy
from pourparler.service.drafting import draft, powers
from tests import gaps
from tests.builder import (
    TALKS,
    Party,
    Talks,
    World,
    key,
    opening,
    organ,
    seats,
    speak,
    talks,
    witness_key,
)

VALID, INVALID, CANNOT_TELL = Verdict.VALID, Verdict.INVALID, Verdict.CANNOT_TELL
NO_DEARER = {"lines": [["at-most", "price", "10"]]}


# --- how it is asked --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """A claim, who is trusted, and what is shown of other ledgers; the rest of a bundle is said at each asking."""

    world: World
    claim: Claim
    trust: Party
    homes: tuple[Shown, ...] = ()
    policy: Policy | None = None
    earlier: tuple[tuple[int, bytes], ...] = ()  # sizes and cosigned checkpoints

    def report(
        self, *, texts: Iterable[bytes] = (), dossiers: Iterable[bytes] = (), without: Iterable[int] = ()
    ) -> Report:
        """Verify with everything but these texts, these whole dossiers and these entries."""
        held = [data for digest, data in self.world.text_bytes.items() if digest not in set(texts)]
        shown = self.world.shown(set(without) | hidden(self.world, dossiers))
        notes = tuple((note, self.world_path(size)) for size, note in self.earlier)
        return self.world.verify(
            self.claim,
            *self.homes,
            trust=[self.trust],
            shown=replace(shown, earlier=notes),
            texts=held,
            policy=self.policy,
        )

    def world_path(self, size: int) -> tuple[bytes, ...]:
        return consistency_path(size, len(self.world.entries), self.world.node)


def hidden(world: World, dossiers: Iterable[bytes]) -> set[int]:
    """Return the entries that are of these dossiers and of no other stream."""
    left_out, streams = set(dossiers), world.registry.streams
    others = {index for stream in streams.values() if stream.id not in left_out for index in stream.indexes}
    return {index for stream in left_out for index in streams[stream].indexes} - others


def ends(report: Report, verdict: Verdict, reason: str = "", step: int | None = None) -> None:
    """Assert the verdict, and where it is not VALID, why and at which step."""
    assert (report.verdict, report.reason) == (verdict, reason), report.steps[-1]
    if step is not None:
        assert report.steps[-1].number == step


def grows(less: Report, reason: str, step: int, more: Report, verdict: Verdict, why: str = "") -> None:
    """Assert that the smaller bundle cannot tell, why and at which step, and that the larger one says this."""
    ends(less, CANNOT_TELL, reason, step)
    ends(more, verdict, why)


def bound(k: Talks, text: bytes, party: Party | None = None, **more) -> Asked:
    party = party or k.buyer
    return Asked(k.world, k.world.claim("bound", parties=(party.id,), dossier=k.id, text=text), party, **more)


def in_force(k: Talks, text: bytes, first: Party | None = None, second: Party | None = None) -> Asked:
    pair = (first or k.buyer).id, (second or k.seller).id
    return Asked(k.world, k.world.claim("in-force", parties=pair, dossier=k.id, text=text), first or k.buyer)


def may(k: Talks, mandate: Act, who: str = "agent", power: Power = Power.CONCLUDE) -> Asked:
    named = {"mandate": mandate.id, "holder": key(who).public_key, "power": power}
    return Asked(k.world, k.world.claim("may", parties=(k.buyer.id,), **named), k.buyer)


def negotiating(*more_powers: str, party: dict[str, Value] | None = None, **fields: Value) -> Talks:
    """Return talks whose agent has these powers besides, within these bounds."""
    world = World()
    buyer = world.party("Buyer", "ann", "bob", "cay", **(party or {}))
    return talks(world, buyer, mandate=buyer.grant("agent", *TALKS, "conclude", *more_powers, **fields))


def further(k: Talks) -> Talks:
    """Return a second dossier between the same parties, under the same mandates."""
    opened = opening(k.world, k.mandate.id, k.buyer, k.seller)
    k.world.put(opened)
    k.world.put(speak("envoy", "join", k.theirs.id, dossier=opened.id))
    return replace(k, opening=opened)


def logged(k: Talks, *acts: Act) -> None:
    for act in acts:
        k.world.put(act)


def both_sign(k: Talks, text: bytes, **ours: Value) -> None:
    """Both sides adopt a text that has been proposed, and sign it definitively, as far as it still can be."""
    logged(k, k.ours("adopt", text=text), k.other("adopt", text=text))
    logged(k, k.ours("conclude", text=text, **ours), k.other("conclude", text=text))


# --- duties -----------------------------------------------------------------------------------------------------------

DUE = 50


def bound_to_act(kind: str, **fields: Value) -> Talks:
    """Return talks whose agent is replaced unless he does an act of this kind by the time that is due."""
    return negotiating(duty={"kind": kind, "by": DUE, "then": key("successor").public_key}, **fields)


def does(k: Talks, kind: str) -> Act:
    """Return our act of a kind, with what it needs before it logged; itself not logged."""
    text = k.adopted({"price": "1"}) if kind in ("initial", "conclude") else k.world.text({"price": "1"})
    match kind:
        case "adopt":
            logged(k, k.other("propose", text=text))
        case "say":
            return k.ours("say", words="Good morning.")
        case "close":
            return k.ours("close", **{"as": "failed"})
    return k.ours(kind, text=text)


@pytest.mark.parametrize("kind", ["say", "propose", "adopt", "initial", "conclude", "close"])
@pytest.mark.parametrize("at", [DUE - 1, DUE])
def test_a_duty_done_in_a_dossier_not_shown(kind: str, at: int) -> None:
    k = bound_to_act(kind)
    elsewhere = further(k)
    k.world.put(does(elsewhere, kind), at=at)
    k.world.time = 2 * DUE
    asked = may(k, k.mandate)
    verdict, why = (VALID, "") if at < DUE else (INVALID, "claim.not-holder")
    grows(asked.report(dossiers=[elsewhere.id]), "dossier.not-shown", 6, asked.report(), verdict, why)


@pytest.mark.parametrize("in_time", [True, False])
def test_a_signature_after_a_duty_done_in_a_dossier_not_shown(in_time: bool) -> None:
    k = bound_to_act("conclude")
    elsewhere = further(k)
    k.world.put(elsewhere.ours("conclude", text=elsewhere.adopted()), at=DUE - in_time)
    text = k.adopted({"price": "5"})
    k.world.put(k.ours("conclude", text=text), at=2 * DUE)
    asked = bound(k, text)
    verdict, why = (VALID, "") if in_time else (INVALID, "claim.not-bound")
    grows(asked.report(dossiers=[elsewhere.id]), "dossier.not-shown", 6, asked.report(), verdict, why)


def test_a_dossier_not_shown_is_no_matter_where_no_duty_asks_for_what_was_done_there() -> None:
    k = bound_to_act("say")
    elsewhere = further(k)
    logged(k, k.ours("say"))
    elsewhere.adopted()
    k.world.time = 2 * DUE
    asked = may(k, k.mandate)
    ends(asked.report(dossiers=[elsewhere.id]), VALID)


@pytest.mark.parametrize("price", ["5", "99"])
@pytest.mark.parametrize("kind", ["propose", "adopt"])
def test_a_duty_done_on_a_withheld_text(kind: str, price: str) -> None:
    # the act is void where the text crosses the line, and then the successor has taken over
    k = bound_to_act(kind, **NO_DEARER)
    kept = price == "5"
    withheld, text = k.world.text({"price": price}), k.world.text({"price": "5", "other": True})
    if kind == "adopt":
        logged(k, k.other("propose", text=withheld))
    k.world.put(k.ours(kind, text=withheld), at=DUE - 1)
    k.world.time = 2 * DUE
    k.world.put(k.other("propose", text=text))
    logged(k, k.other("adopt", text=text))
    by_another = k.buyer.grant("second", *TALKS)
    logged(k, k.ours("adopt", by_another.id, "second", text=text), k.ours("conclude", text=text))
    for asked, step, otherwise in (
        (bound(k, text), 6, "claim.not-bound"),
        (may(k, k.mandate), 6, "claim.not-holder"),
        (bound(k, text, k.seller), 6, "claim.not-bound"),
    ):
        whole = asked.report()
        if asked.trust is k.seller:
            ends(whole, INVALID, otherwise)  # the seller has not signed; what the buyer owes changes nothing of it
        else:
            ends(whole, VALID if kept else INVALID, "" if kept else otherwise)
        ends(asked.report(texts=[withheld]), CANNOT_TELL, "text.missing", step)


@pytest.mark.parametrize("price", ["5", "99"])
def test_what_the_holder_of_an_owing_mandate_may_do_where_its_text_is_withheld(price: str) -> None:
    # nobody has spoken since the duty was due: it is the claim itself that asks who may speak
    k = bound_to_act("propose", **NO_DEARER)
    withheld = k.world.text({"price": price})
    k.world.put(k.ours("propose", text=withheld), at=DUE - 1)
    k.world.time = 2 * DUE
    agent, successor = may(k, k.mandate), may(k, k.mandate, "successor")
    for asked, says in ((agent, price == "5"), (successor, price != "5")):
        verdict, why = (VALID, "") if says else (INVALID, "claim.not-holder")
        grows(asked.report(texts=[withheld]), "text.missing", 10, asked.report(), verdict, why)


def test_a_duty_done_once_more_on_a_text_that_is_here() -> None:
    k = bound_to_act("propose", **NO_DEARER)
    withheld, here = k.world.text({"price": "99"}), k.world.text({"price": "5"})
    logged(k, k.ours("propose", text=withheld), k.ours("propose", text=here))
    k.world.time = 2 * DUE
    asked = may(k, k.mandate)
    ends(asked.report(), VALID)
    ends(asked.report(texts=[withheld]), VALID)


def test_an_intake_goes_on_where_a_duty_was_done_on_a_text_that_it_does_not_hold() -> None:
    # an intake has no CANNOT TELL: a sealed dossier's holder is not silenced by the seal
    k = bound_to_act("propose")
    k.world.intake = True
    sealed = k.world.text({"price": "5"})
    k.world.texts.pop(sealed)
    logged(k, k.ours("propose", text=sealed))
    k.world.time = 2 * DUE
    assert k.world.put(k.ours("say")).void is None


# Words: they bind nobody, so that a home which is not shown silences no dossier; but they can be owed.


def hidden_home(kind: str | None) -> tuple[World, Talks, Act]:
    """Return a home ledger, talks in another, and a link below the agent's mandate, which may be owed words."""
    home, world = World("home"), World()
    duty = {"duty": {"kind": kind, "by": DUE, "then": key("successor").public_key}} if kind else {}
    buyer = home.party("Buyer", "ann", "bob", "cay")
    mandate = buyer.grant("agent", *TALKS, "conclude", "delegate", depth=2, **duty)
    logged_at = Party(world, buyer.founding, buyer.members, buyer.heads)
    link = speak("agent", "delegate", mandate.id, to=key("sub").public_key, powers=powers(*TALKS))
    for act in (buyer.founding, mandate, link):
        world.put(act)
    seller = Party.draft(world, "Seller", "dan")
    world.put(seller.founding)
    theirs = seller.grant("envoy", *TALKS, "conclude")
    opened = opening(world, mandate.id, logged_at, seller)
    world.put(opened)
    world.put(speak("envoy", "join", theirs.id, dossier=opened.id))
    return home, Talks(world, logged_at, seller, mandate, theirs, opened), link


def founded_at(home: World, k: Talks) -> Party:
    return Party(home, k.buyer.founding, k.buyer.members, k.buyer.heads)


@pytest.mark.parametrize("kind", ["say", "publish"])
@pytest.mark.parametrize("dismissed", [False, True])
def test_words_owed_under_a_home_not_shown(kind: str, dismissed: bool) -> None:
    # the sub was dismissed at home before his words; where the home is not shown so far, nobody knows
    home, k, link = hidden_home(kind)
    at_home = founded_at(home, k)
    home.stamp()
    short = home.shown()
    ended = at_home.dismiss(link.id) if dismissed else at_home.decide("decide")
    home.stamp()
    text = k.world.text({"price": "5"})
    logged(k, ended, k.other("propose", text=text))
    words = {"texts": [text]} if kind == "publish" else {}
    k.world.put(k.ours(kind, link.id, "sub", **words), at=DUE - 1)
    k.world.time = 2 * DUE
    logged(k, k.ours("adopt", text=text), k.other("adopt", text=text), k.ours("conclude", text=text))
    asked = bound(k, text)
    less, more = (replace(asked, homes=(shown,)).report() for shown in (short, home.shown()))
    if dismissed:
        grows(less, "home.not-shown", 6, more, INVALID, "claim.not-bound")
    else:
        assert (less.verdict, more.verdict) == (VALID, VALID)
    ends(asked.report(), CANNOT_TELL, "home.not-shown", 6)


@pytest.mark.parametrize("kind", ["say", "publish"])
@pytest.mark.parametrize("owed", [False, True])
def test_words_of_a_third_whose_home_is_not_shown(kind: str, owed: bool) -> None:
    far, world = World("far"), World()
    buyer, seller = world.party("Buyer", "ann", "bob", "cay"), world.party("Seller", "dan")
    third = far.party("Third", "eve")
    duty = {"duty": {"kind": kind, "by": DUE, "then": key("successor").public_key}} if owed else {}
    theirs = third.grant("third agent", *TALKS, **duty)
    for act in (third.founding, theirs):
        world.put(act)
    mandate, envoys = buyer.grant("agent", *TALKS, "conclude"), seller.grant("envoy", *TALKS)
    opened = opening(world, mandate.id, buyer, seller, third, rules={"adopt": "all", "begin": 2})
    world.put(opened)
    world.put(speak("envoy", "join", envoys.id, dossier=opened.id))
    k = Talks(world, buyer, seller, mandate, envoys, opened)
    text = k.adopted()
    words = {"texts": [text]} if kind == "publish" else {}
    logged(k, speak("third agent", kind, theirs.id, dossier=k.id, **words), k.ours("conclude", text=text))
    far.stamp()
    asked = bound(k, text)
    ends(replace(asked, homes=(far.shown(),)).report(), VALID)
    if owed:
        ends(asked.report(), CANNOT_TELL, "home.not-shown", 6)
    else:
        ends(asked.report(), VALID)


# --- limits, and wider texts, that rest on another dossier's text -----------------------------------------------------


@pytest.mark.parametrize("price", ["5", "99"])
def test_a_limit_spent_on_an_offer_that_answers_a_withheld_one(price: str) -> None:
    # where the withheld text crosses the line, it was never proposed, its answer neither, and nothing was spent
    world = World()
    limit = {"path": "price", "most": "100", "ledger": world.wire}
    buyer = world.party("Buyer", "ann", "bob", "cay")
    mandate = buyer.grant("agent", *TALKS, "conclude", limit=limit, lines=[["at-most", "price", "60"]])
    k = talks(world, buyer, mandate=mandate)
    elsewhere = further(k)
    withheld, answer = world.text({"price": price}), world.text({"price": "60"})
    logged(k, elsewhere.ours("propose", text=withheld), elsewhere.other("propose", text=answer, answers=withheld))
    logged(k, elsewhere.ours("adopt", text=answer), elsewhere.other("adopt", text=answer))
    spent = elsewhere.ours("conclude", text=answer, total="60")
    text = k.adopted({"price": "40"})
    logged(k, spent, k.ours("conclude", text=text, total="100", previous=spent.id))
    asked = bound(k, text)
    verdict, why = (VALID, "") if price == "5" else (INVALID, "claim.not-bound")
    grows(asked.report(texts=[withheld]), "text.missing", 6, asked.report(), verdict, why)


def test_a_limit_is_reckoned_where_what_is_withheld_is_of_a_dossier_without_signatures() -> None:
    world = World()
    limit = {"path": "price", "most": "100", "ledger": world.wire}
    buyer = world.party("Buyer", "ann", "bob", "cay")
    k = talks(world, buyer, mandate=buyer.grant("agent", *TALKS, "conclude", limit=limit))
    elsewhere = further(k)
    withheld = world.text({"price": "99"})
    logged(k, elsewhere.ours("propose", text=withheld))
    text = k.adopted({"price": "40"})
    logged(k, k.ours("conclude", text=text, total="40"))
    ends(bound(k, text).report(texts=[withheld]), VALID)


def wider(k: Talks, elsewhere: Talks, price: str) -> tuple[bytes, bytes, bytes]:
    """Both are bound by a local text; elsewhere a wider one, that a text of this price may have killed."""
    text = k.world.text({"price": "1"}, scopes=["north"])
    logged(k, k.other("propose", text=text))
    both_sign(k, text)
    k.world.time += 10
    wide = k.world.text({"price": "1"}, scopes=["north"], parties=sorted([k.buyer.id, k.seller.id]))
    counter = k.world.text({"price": price})
    logged(k, elsewhere.other("propose", text=wide), elsewhere.ours("propose", text=counter, answers=wide))
    both_sign(elsewhere, wide)
    k.world.time += 10
    return text, wide, counter


@pytest.mark.parametrize("price", ["5", "99"])
def test_a_wider_text_that_rests_on_a_withheld_counter(price: str) -> None:
    k = negotiating(**NO_DEARER)
    text, wide, counter = wider(k, further(k), price)
    asked = in_force(k, text)
    verdict, why = (VALID, "") if price == "5" else (INVALID, "claim.not-in-force")
    grows(asked.report(texts=[counter]), "text.missing", 10, asked.report(), verdict, why)
    ends(asked.report(texts=[wide]), CANNOT_TELL, "text.missing", 10)
    ends(bound(k, text).report(texts=[counter]), VALID)  # bound by it they are, whatever became of it


@pytest.mark.parametrize("price", ["5", "99"])
def test_a_wider_text_in_a_dossier_not_shown(price: str) -> None:
    k = negotiating(**NO_DEARER)
    elsewhere = further(k)
    text, _, _ = wider(k, elsewhere, price)
    asked = in_force(k, text)
    verdict, why = (VALID, "") if price == "5" else (INVALID, "claim.not-in-force")
    grows(asked.report(dossiers=[elsewhere.id]), "dossier.not-shown", 10, asked.report(), verdict, why)


def test_a_text_without_scopes_rests_on_no_other_dossier() -> None:
    k = negotiating(**NO_DEARER)
    elsewhere = further(k)
    _, _, counter = wider(k, elsewhere, "99")
    text = k.world.text({"price": "2"})
    logged(k, k.other("propose", text=text))
    both_sign(k, text)
    asked = in_force(k, text)
    for report in (asked.report(texts=[counter]), asked.report(dossiers=[elsewhere.id]), asked.report()):
        ends(report, VALID)


# --- witnesses --------------------------------------------------------------------------------------------------------

BOUND_SECONDS = 60
FAR = 1_000
WITNESS = key("witness")
POLICY = parse_policy(f"witness w {witness_key(WITNESS).text}\nquorum w\n".encode())


def subject_board() -> list[dict[str, Value]]:
    """A council, and a board that ratifies subject to it."""
    return [
        organ("council", "ann", "bob", "cay"),
        organ("board", "eve", superior="council", subject=int(Power.RATIFY)),
    ]


@pytest.mark.parametrize("answer", [True, False])
def test_a_superiors_confirmation_not_shown_at_home_under_a_policy_of_witnesses(answer: bool) -> None:
    home, world = World("home", bound=BOUND_SECONDS), World(bound=BOUND_SECONDS)
    at_home = home.party("Buyer", organs=subject_board(), signers=("ann", "bob", "cay", "eve"))
    mandate = at_home.grant("agent", *TALKS, organ="board")
    buyer = Party(world, at_home.founding, at_home.members, at_home.heads)
    for act in (buyer.founding, mandate):
        world.put(act)
    k = talks(world, buyer, mandate=mandate)
    text = k.adopted()
    signature = k.signed(text, organ=buyer.organ("board"))
    ratification = k.ratify(text, signature, organ="board")
    home.put(ratification)
    home.stamp()
    short = home.shown(cosigned=[(WITNESS, 1)])
    home.put(buyer.decide("confirm", about=ratification.id, answer=answer))
    home.stamp()
    asked, long = bound(k, text), home.shown(cosigned=[(WITNESS, 1)])
    cosigned = (len(world.entries), world.note(cosigned=[(WITNESS, 1)]))
    verdict, why = (VALID, "") if answer else (INVALID, "claim.not-bound")
    for policy in (None, POLICY):
        less, more = (
            replace(asked, homes=(shown,), policy=policy, earlier=(cosigned,)).report() for shown in (short, long)
        )
        grows(less, "home.not-shown", 10, more, verdict, why)
    unwitnessed = replace(asked, homes=(home.shown(),), policy=POLICY, earlier=(cosigned,)).report()
    ends(unwitnessed, CANNOT_TELL, "witness.quorum", 8)  # what is judged at home is judged by home time


class Witnessed:
    """A ledger in which each moment lies far from the one before, and is cosigned by the witness then."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.checkpoints: dict[str, tuple[int, bytes]] = {}

    def at(self, moment: str, *acts: Act) -> None:
        """Log acts at a time of their own, and have the ledger cosigned soon after."""
        self.world.time += FAR
        for act in acts:
            self.world.put(act)
        self.cosign(moment)

    def cosign(self, moment: str) -> None:
        note = self.world.note(cosigned=[(WITNESS, self.world.time + BOUND_SECONDS)])
        self.checkpoints[moment] = (len(self.world.entries), note)

    def asks_for(self, k: Talks, kind: str, parties: Iterable[Party], text: bytes, moments: set[str]) -> None:
        """Assert that a claim is VALID with every checkpoint, and that without one it is CANNOT TELL where that one is
        of these moments or of the claim's own stamp, and else VALID."""
        self.world.time += FAR
        claim = self.world.claim(kind, parties=tuple(party.id for party in parties), dossier=k.id, text=text)
        self.cosign("as of")
        asked = Asked(self.world, claim, k.buyer, policy=POLICY)
        ends(replace(asked, earlier=tuple(self.checkpoints.values())).report(), VALID)
        for left_out in self.checkpoints:
            rest = tuple(found for moment, found in self.checkpoints.items() if moment != left_out)
            report = replace(asked, earlier=rest).report()
            if left_out in moments | {"as of"}:
                ends(report, CANNOT_TELL, "witness.quorum", 8)
            else:
                ends(report, VALID)


def witnessed_talks(**council: Value) -> tuple[Witnessed, Talks]:
    world = World(bound=BOUND_SECONDS)
    buyer = world.party(
        "Buyer", organs=[organ("council", "ann", "bob", "cay", **council)], signers=("ann", "bob", "cay")
    )
    k = talks(world, buyer)
    seen = Witnessed(world)
    seen.cosign("opening")
    return seen, k


WAY_TO_A_TEXT = {"opening", "another offer", "offer", "our adoption", "their adoption", "signature", "conclusion"}
LATE = 100_000


def signed_in_time(seen: Witnessed, k: Talks, **clauses: Value) -> tuple[bytes, Act]:
    """Log an adopted text and both signatures, each at a time of its own, and words about another text."""
    text, other = k.world.text({}, **clauses), k.world.text({})
    signature = k.sign(text, deadline=LATE)
    seen.at("another offer", k.other("propose", text=other))
    seen.at("offer", k.other("propose", text=text, until=LATE))
    seen.at("our adoption", k.ours("adopt", text=text))
    seen.at("their adoption", k.other("adopt", text=text))
    seen.at("signature", signature)
    seen.at("conclusion", k.other("conclude", text=text))
    return text, signature


def test_moments_that_witnesses_must_have_seen() -> None:
    seen, k = witnessed_talks()
    text, signature = signed_in_time(seen, k, term={"notice_days": 1}, remedies=[{"article": "1", "does": "publish"}])
    seen.at("grant", k.buyer.signed("grant", to=key("x").public_key, powers=1))
    k.buyer.heads["council"] = next(reversed(k.world.registry.outcomes))
    seen.at("ratification", k.buyer.signed("ratify", **k.ratification(text, signature)))
    k.buyer.heads["council"] = next(reversed(k.world.registry.outcomes))
    bound_by = WAY_TO_A_TEXT | {"grant", "ratification"}
    seen.asks_for(k, "bound", [k.buyer], text, bound_by)
    breach = k.buyer.signed("breach", dossier=k.id, text=text, attributed=k.seller.id, article="1")
    seen.at("breach", breach)
    k.buyer.heads["council"] = breach.id
    seen.at("remedy", k.buyer.signed("remedy", dossier=k.id, text=text, breach=breach.id, remedy=0))
    seen.at("notice", k.seller.signed("denounce", dossier=k.id, text=text))
    seen.at("words", k.other("say"))
    in_force_by = bound_by | {"breach", "remedy", "notice", "words"}
    seen.asks_for(k, "in-force", [k.buyer, k.seller], text, in_force_by)


def test_moments_of_a_vote_that_witnesses_must_have_seen() -> None:
    ballot = {"open": 10, "quorum": 2, "share": [1, 2]}
    seen, k = witnessed_talks(ballot=ballot, votes=powers("ratify"))
    text, _ = signed_in_time(seen, k)
    member = k.buyer.member
    call = member("ann", "call", decides="ratify", closes=LATE, dossier=k.id, text=text)
    votes = [member(who, "vote", call=call.id, choice="yes") for who in ("ann", "bob")]
    seen.at("call", call)
    seen.at("vote", *votes)
    k.world.time = LATE
    resolved = k.ratification(text, k.sign(text, deadline=2 * LATE), call=call.id, votes=sorted(v.id for v in votes))
    again = k.sign(text, deadline=2 * LATE)
    seen.at("a later signature", again)
    resolved["seen"] = k.ratification(text, again)["seen"]
    seen.at("ratification", k.buyer.draft_decision("ratify", **resolved).signed_by(key("cay")))
    moments = WAY_TO_A_TEXT | {"call", "vote", "a later signature", "ratification"}
    seen.asks_for(k, "bound", [k.buyer], text, moments)


def test_the_moment_of_a_confirmation_that_witnesses_must_have_seen() -> None:
    world = World(bound=BOUND_SECONDS)
    buyer = world.party("Buyer", organs=subject_board(), signers=("ann", "bob", "cay", "eve"))
    k = talks(world, buyer)
    seen = Witnessed(world)
    seen.cosign("opening")
    text = world.text()
    seen.at("text", k.other("propose", text=text), k.ours("adopt", text=text), k.other("adopt", text=text))
    by_board = buyer.grant("second", *TALKS, organ="board")
    seen.cosign("grant")
    signature = k.sign(text, deadline=LATE, by=by_board.id, who="second", organ=buyer.organ("board"))
    seen.at("signature", signature)
    ratification = buyer.signed("ratify", "board", **k.ratification(text, signature))
    seen.at("ratification", ratification)
    seen.at("confirmation", buyer.signed("confirm", about=ratification.id, answer=True))
    seen.at("nothing")
    moments = {"opening", "grant", "signature", "ratification", "confirmation"}  # "grant" covers the text, too
    seen.asks_for(k, "bound", [buyer], text, moments)


def test_an_adoption_dated_back_into_the_time_of_the_offer() -> None:
    # the adoption was logged a year late, under a stamp that says it was in time; no witness dated it so
    world = World(bound=BOUND_SECONDS)
    k = talks(world)
    text = world.text({})
    logged(k, k.other("propose", text=text, until=100), k.ours("adopt", text=text))
    world.put(k.other("adopt", text=text), at=99)
    world.time = LATE
    k.ratify(text, k.signed(text, deadline=2 * LATE))
    asked = replace(bound(k, text), policy=POLICY)
    size, note = len(world.entries), world.note(cosigned=[(WITNESS, LATE)])
    ends(replace(asked, earlier=((size, note),)).report(), CANNOT_TELL, "witness.quorum", 8)
    ends(replace(asked, policy=None).report(), VALID)  # the depositary's word


def test_witnesses_without_the_ledgers_own_bound() -> None:
    seen, k = witnessed_talks()
    text, signature = signed_in_time(seen, k)
    k.ratify(text, signature)
    seen.cosign("ratification")
    claim = k.world.claim("bound", parties=(k.buyer.id,), dossier=k.id, text=text)
    seen.cosign("as of")
    asked = Asked(k.world, claim, k.buyer, policy=POLICY, earlier=tuple(seen.checkpoints.values()))
    grows(asked.report(without=[0]), "witness.no-bound", 8, asked.report(), VALID)


# --- dismissals at home that another ledger was never told of ---------------------------------------------------------


@pytest.mark.parametrize("granting", ["board", "council"])
def test_a_dismissal_at_home_counts_where_its_organ_governs_the_mandate(granting: str) -> None:
    # the board dismisses the sub at home; the council seats a new board, here and there, and ratifies having seen that,
    # and so the board's spine with the dismissal. It counts if the board gave the mandate, not if the council did.
    home, world = World("home"), World()
    organs = [organ("council", "ann", "bob", "cay"), organ("board", "eve", superior="council")]
    at_home = home.party("Buyer", organs=organs, signers=("ann", "bob", "cay", "eve"))
    mandate = at_home.grant("agent", *TALKS, "delegate", organ=granting, depth=2)
    link = speak("agent", "delegate", mandate.id, to=key("sub").public_key, powers=powers(*TALKS))
    before = dict(at_home.heads)
    home.stamp()
    untold = home.shown()
    at_home.dismiss(link.id, organ="board")
    seated = at_home.signed(
        "elect", of=at_home.organ("board"), theirs=before["board"], seats=seats("flo"), also=[key("flo")]
    )
    home.put(seated)
    buyer = Party(world, at_home.founding, at_home.members, {**before, "council": seated.id})
    for act in (buyer.founding, mandate, link, seated):
        world.put(act)
    k = talks(world, buyer, mandate=mandate)
    text = k.adopted()
    signature = k.signed(text, by=link.id, who="sub")
    ratification = k.ratify(text, signature, spines=[seated.id])
    assert k.bound(text)  # by what this ledger was told
    home.put(ratification)
    home.stamp()
    asked = bound(k, text)
    less, more = (replace(asked, homes=(shown,)).report() for shown in (untold, home.shown()))
    verdict, why = (INVALID, "claim.not-bound") if granting == "board" else (VALID, "")
    grows(less, "home.not-shown", 6, more, verdict, why)
    grows(asked.report(), "home.not-shown", 6, more, verdict, why)


# --- what follows a place that the home gave to another ---------------------------------------------------------------

WAIT = 100
RECOVERY: dict[str, Value] = {"keys": [key("safe").public_key], "needs": 1, "wait": WAIT}


@dataclass
class Rivals:
    """A buyer at home in one ledger, whose agent signed in another: what the other is told, the home may never take."""

    home: World
    at_home: Party
    world: World
    k: Talks
    text: bytes
    signature: Act
    last: str = "council"  # the organ whose spine ends with what the home judges

    @classmethod
    def begun(cls, *organs: dict[str, Value], by: str = "council", **more: Value) -> "Rivals":
        home, world = World("home"), World()
        listed = list(organs) or [organ("council", "ann", "bob", "cay")]
        at_home = home.party("Buyer", organs=listed, signers=("ann", "bob", "cay", "eve"), **more)
        mandate = at_home.grant("agent", *TALKS, organ=by)
        buyer = Party(world, at_home.founding, at_home.members, dict(at_home.heads))
        for act in (at_home.founding, mandate):
            world.put(act)
        k = talks(world, buyer, mandate=mandate)
        text = k.adopted()
        return cls(home, at_home, world, k, text, k.signed(text, organ=buyer.organ(by)))

    def told(self, kind: str, organ: str = "council", *, also: Iterable[str] = (), **fields: Value) -> Act:
        """A decision that only the other ledger is told of; what the buyer signs from now on follows it."""
        act = self.k.buyer.signed(kind, organ, also=map(key, also), **fields)
        self.world.put(act)
        self.k.buyer.heads[organ] = act.id
        return act

    def ratified(self, organ: str = "council") -> Act:
        return self.k.ratify(self.text, self.signature, organ=organ)

    def asked(self, *homes: World) -> Asked:
        for one in homes or (self.home,):
            one.stamp()
        return bound(self.k, self.text, homes=tuple(one.shown() for one in homes or (self.home,)))

    def settled_by(self, *acts: Act) -> None:
        """Nobody can tell until the home takes these; then the ratification is nothing, for good."""
        less = self.asked()
        for act in acts:
            self.home.put(act)
        self.is_nothing(less)

    def is_nothing(self, less: Asked, *homes: World) -> None:
        more = replace(less, homes=self.asked(*homes).homes)
        grows(less.report(), "home.not-shown", 6, more.report(), INVALID, "claim.not-bound")
        assert more.report().registry.outcomes[self.k.buyer.heads[self.last]].void.reason == "standing.sibling"


def test_what_follows_a_lost_sibling_is_nothing_at_any_distance() -> None:
    rivals = Rivals.begun()
    rival = rivals.at_home.signed("decide", words="the home's")
    for words in ("a sibling", "and after it", "and after that"):
        rivals.told("decide", words=words)
    rivals.ratified()
    rivals.settled_by(rival)


def test_a_home_judges_what_the_ledger_that_asks_has_not_taken() -> None:
    """Whoever asks may hold it in his hand: it follows a place here, or one that he never heard of."""
    rivals = Rivals.begun()
    first = rivals.told("decide", words="a sibling")
    here, home = (world.registry.registers[rivals.at_home.id] for world in (rivals.world, rivals.home))
    view, buyer = HomeView((home,)), rivals.k.buyer
    after = buyer.signed("decide", words="after it")
    beside = rivals.at_home.signed("decide", words="in its place")
    for act in (after, beside):
        with pytest.raises(Missing, match="home.not-shown"):
            view.holds(act, here.spines)
    rivals.home.put(rivals.at_home.signed("decide", words="the home's"))
    assert [HomeView((home,)).holds(act, here.spines) for act in (first, after, beside)] == [False] * 3
    buyer.heads["council"] = bytes(32)
    with pytest.raises(Missing, match="home.not-shown"):
        HomeView((home,)).holds(buyer.signed("decide", words="after what?"), here.spines)


def test_what_the_home_is_merely_not_shown_to_have_taken_stays_open() -> None:
    rivals = Rivals.begun()
    first = rivals.told("decide", words="not at home yet")
    ratification = rivals.ratified()
    less = rivals.asked()
    rivals.home.put(first)
    halfway = rivals.asked()
    for asked in (less, replace(less, homes=halfway.homes)):
        ends(asked.report(), CANNOT_TELL, "home.not-shown", 6)
    rivals.home.put(ratification)
    ends(replace(less, homes=rivals.asked().homes).report(), VALID)


def test_what_an_organ_decides_that_a_lost_sibling_made_is_nothing() -> None:
    rivals = Rivals.begun()
    rival = rivals.at_home.signed("decide", words="the home's")
    made = rivals.told("constitute", new=organ("board", "eve"), also=["eve"])
    buyer, board = rivals.k.buyer, organ_id(made.id, "board")
    seen = rivals.k.ratification(rivals.text, rivals.k.signed(rivals.text, organ=board))
    decided = draft("ratify", {"organ": board, "prior": board, **seen}).signed_by(key("eve"))
    rivals.world.put(decided)
    buyer.heads["council"] = decided.id
    rivals.settled_by(rival)


TWO_ORGANS = (organ("council", "ann", "bob", "cay"), organ("board", "eve", superior="council"))


def test_an_election_from_above_after_a_lost_place_of_the_organ_below_is_nothing() -> None:
    """The council's own spine is free; but the election names a place of the board's that the home never will have."""
    rivals = Rivals.begun(*TWO_ORGANS)
    rival = rivals.at_home.signed("decide", "board", words="the home's")
    lost = rivals.told("decide", "board", words="a sibling")
    below = {"of": rivals.k.buyer.organ("board"), "theirs": lost.id}
    rivals.told("elect", **below, seats=seats("flo"), also=["flo"])
    rivals.ratified()
    rivals.settled_by(rival)


def test_what_the_organ_below_decides_after_a_lost_election_from_above_is_nothing() -> None:
    rivals = Rivals.begun(*TWO_ORGANS, by="board")
    rivals.last = "board"
    rival = rivals.at_home.signed("decide", words="the home's")
    below = {"of": rivals.k.buyer.organ("board"), "theirs": rivals.k.buyer.heads["board"]}
    elected = rivals.told("elect", **below, seats=seats("flo"), also=["flo"])
    rivals.k.buyer.heads["board"] = elected.id
    rivals.k.buyer.members["board"] = ([key("flo")], 1)
    rivals.ratified("board")
    rivals.settled_by(rival)


def test_an_election_from_above_is_not_lost_where_the_organ_below_went_on() -> None:
    """It follows whatever stands on the other spine: the place that it names need not be the board's last."""
    rivals = Rivals.begun(*TWO_ORGANS)
    below = {"of": rivals.k.buyer.organ("board"), "theirs": rivals.k.buyer.heads["board"]}
    rivals.home.put(rivals.at_home.signed("decide", "board", words="went on"))
    elected = rivals.told("elect", **below, seats=seats("flo"), also=["flo"])
    ratification = rivals.ratified()
    less = rivals.asked()
    ends(less.report(), CANNOT_TELL, "home.not-shown", 6)
    for act in (elected, ratification):
        rivals.home.put(act)
    ends(replace(less, homes=rivals.asked().homes).report(), VALID)


def recovery(party: Party, old: str, new: str, prior: bytes | None = None) -> Act:
    fields = {"organ": party.organ(), "prior": prior or party.heads["council"]}
    pair = [key(old).public_key, key(new).public_key]
    return draft("recover", {**fields, "seats": [pair]}).signed_by(key("safe"), key(new))


def recovering() -> Rivals:
    return Rivals.begun(recovery=RECOVERY)


def test_what_follows_a_recovery_that_the_organ_voided_at_home_is_nothing() -> None:
    rivals = recovering()
    buyer = rivals.k.buyer
    rival = rivals.at_home.signed("decide", words="against the recovery")
    recovered = recovery(buyer, "bob", "new")
    rivals.world.put(recovered)
    buyer.heads["council"] = recovered.id
    buyer.members["council"] = ([key("ann"), key("new")], 2)
    rivals.ratified()
    rivals.home.put(recovered)
    rivals.settled_by(rival)


def test_what_follows_a_recovery_is_nothing_where_another_waits_at_home() -> None:
    rivals = recovering()
    buyer = rivals.k.buyer
    recovered = recovery(buyer, "bob", "new")
    rivals.world.put(recovered)
    other = recovery(rivals.at_home, "bob", "another")
    buyer.heads["council"] = recovered.id
    buyer.members["council"] = ([key("ann"), key("new")], 2)
    rivals.ratified()
    rivals.settled_by(other)


def test_an_election_from_above_after_a_recovery_below_is_nothing_where_something_else_follows_that() -> None:
    """It names a recovery, so that it follows no head: the home gave that place to the board's own decision."""
    rivals = Rivals.begun(*TWO_ORGANS, recovery=RECOVERY)
    buyer, at_home = rivals.k.buyer, rivals.at_home
    board = {"organ": buyer.organ("board"), "prior": buyer.heads["board"]}
    pair = [key("eve").public_key, key("new").public_key]
    recovered = draft("recover", {**board, "seats": [pair]}).signed_by(key("safe"), key("new"))
    for world in (rivals.home, rivals.world):
        world.put(recovered)
        world.time = WAIT
    at_home.heads["board"], at_home.members["board"] = recovered.id, ([key("new")], 1)
    rivals.told("elect", of=buyer.organ("board"), theirs=recovered.id, seats=seats("flo"), also=["flo"])
    rivals.ratified()
    rivals.settled_by(at_home.signed("decide", "board", words="the home's"))


def test_what_follows_the_place_of_a_recovery_that_took_effect_at_home_is_nothing() -> None:
    rivals = recovering()
    rivals.ratified()  # of bob, whose key was stolen
    less = rivals.asked()
    recovered = recovery(rivals.at_home, "bob", "new")
    rivals.home.put(recovered)
    ends(replace(less, homes=rivals.asked().homes).report(), CANNOT_TELL, "home.not-shown", 6)  # it waits
    rivals.at_home.heads["council"] = recovered.id
    rivals.at_home.members["council"] = ([key("ann"), key("new")], 2)
    rivals.home.time = WAIT
    rivals.at_home.decide("decide", words="recovered")
    rivals.is_nothing(less)


def test_a_recovery_of_a_recovery_that_the_organ_voided_is_void_with_it() -> None:
    world = World()
    party = world.party("Buyer", "ann", "bob", "cay", signers=("ann", "bob", "cay"), recovery=RECOVERY)
    first = recovery(party, "bob", "new")
    second = recovery(party, "ann", "newer", prior=first.id)
    for act in (first, second):
        world.put(act)
    voided = party.signed("decide", words="against both")
    stolen = draft("decide", {"organ": party.organ(), "prior": second.id}).signed_by(key("new"), key("newer"))
    world.time = WAIT
    twin = World()
    for act in (party.founding, first, second):
        twin.put(act)
    twin.put(stolen, at=WAIT)  # nobody decided against it
    world.put(voided, at=WAIT - 1)
    with pytest.raises(Refused, match="decision.overtaken"):
        world.put(stolen, at=WAIT)


@pytest.mark.parametrize("voided", [True, False])
def test_a_suspension_by_a_member_whom_a_recovery_seated(voided: bool) -> None:
    """It counts if the home let something follow the recovery, and not if the organ decided in its place."""
    rivals = recovering()
    buyer = rivals.k.buyer
    recovered = recovery(buyer, "bob", "new")
    rivals.world.put(recovered)
    rivals.world.time = WAIT
    text = rivals.k.adopted({"name": "another"})
    rivals.world.put(buyer.member("new", "suspend", target=rivals.k.mandate.id))
    late = rivals.k.signed(text, deadline=10_000)
    rivals.text, rivals.signature = text, late
    short = rivals.asked()
    ends(short.report(), CANNOT_TELL, "home.not-shown", 6)
    rivals.home.put(recovered)
    if not voided:
        rivals.home.time = WAIT
        rivals.at_home.heads["council"] = recovered.id
        rivals.at_home.members["council"] = ([key("ann"), key("new")], 2)
    rivals.at_home.decide("decide", words="in the recovery's place, or after it")
    report = replace(short, homes=rivals.asked().homes).report()
    void = report.registry.outcomes[late.id].void
    assert (void is None) if voided else (void is not None and void.reason == "standing.suspended")


def moved_away(rivals: Rivals, *acts: Act) -> World:
    """The buyer moves home after these acts, which the new home is told of, too; return the new home."""
    new = World("second")
    moved = rivals.at_home.decide("move-home", home=new.wire)
    for act in (rivals.at_home.founding, rivals.k.mandate, *acts, moved):
        new.put(act)
    rivals.world.put(moved)
    return new


def test_what_the_old_home_gave_to_another_is_nothing_in_whatever_home_it_was_taken() -> None:
    """The board's new home was told of the wrong one of two siblings, and took what follows it."""
    rivals = Rivals.begun(*TWO_ORGANS, by="board")
    rivals.last = "board"
    short = rivals.asked()
    rivals.home.put(rivals.at_home.signed("decide", "board", words="the old home's"))
    lost = rivals.told("decide", "board", words="a sibling")
    new = moved_away(rivals, lost)
    ratification = rivals.ratified("board")
    new.put(ratification)
    less = bound(rivals.k, rivals.text, homes=short.homes)
    rivals.is_nothing(less, rivals.home, new)


def test_a_place_that_the_old_home_left_open_is_settled_by_the_new_one() -> None:
    rivals = Rivals.begun(*TWO_ORGANS, by="board")
    rivals.last = "board"
    rival = rivals.at_home.signed("decide", "board", words="the new home's")
    new = moved_away(rivals)
    rivals.told("decide", "board", words="a sibling")
    rivals.ratified("board")
    less = rivals.asked(rivals.home, new)
    new.put(rival)
    rivals.is_nothing(less, rivals.home, new)


def test_a_new_home_takes_nothing_after_a_sibling_of_what_it_took() -> None:
    """It was told of one while it was not home. What follows that, or its sibling: which it takes first; never both."""
    for late in (True, False):
        rivals = Rivals.begun(*TWO_ORGANS, by="board")
        told = rivals.told("decide", "board", words="told before the move")
        new = moved_away(rivals, told)
        rival = rivals.at_home.signed("decide", "board", words="in its place")
        ratification = rivals.ratified("board")
        less = rivals.asked(rivals.home, new)
        if late:
            new.put(rival)
            with pytest.raises(Refused, match="decision.overtaken"):
                new.put(ratification)
        else:
            new.put(ratification)
        taken = replace(less, homes=rivals.asked(rivals.home, new).homes)
        verdict, why = (INVALID, "claim.not-bound") if late else (VALID, "")
        ends(taken.report(), verdict, why)
        ends(less.report(), CANNOT_TELL, "home.not-shown", 6)


# --- closed as agreed -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("opens", [None, LATE])
def test_a_close_as_agreed_that_rests_on_a_withheld_text(opens: int | None) -> None:
    # one text was concluded, unless it was not yet open for consent: only then do the talks go on, for the other text
    k = negotiating()
    withheld = k.adopted({"price": "6"}, **({"open_from": opens} if opens else {}))
    text = k.adopted({"price": "5"})
    for act in (k.ours("initial", text=withheld), k.other("initial", text=withheld)):
        k.world.put(act)
    logged(k, k.other("conclude", text=withheld), k.other("close", **{"as": "agreed"}))
    k.ratify(text, k.signed(text))
    asked = bound(k, text)
    verdict, why = (VALID, "") if opens else (INVALID, "claim.not-bound")
    grows(asked.report(texts=[withheld]), "text.missing", 9, asked.report(), verdict, why)


@pytest.mark.parametrize("third_too", [False, True])
def test_a_close_as_agreed_among_three_that_rests_on_a_withheld_text(third_too: bool) -> None:
    # among many, all who stayed must be bound: the third is not, where the withheld text crosses its line
    world = World()
    buyer, seller, third = (world.party(name, who) for name, who in (("B", "bea"), ("S", "dan"), ("T", "tom")))
    ours, theirs = buyer.grant("agent", *TALKS, "conclude"), seller.grant("envoy", *TALKS, "conclude")
    last = third.grant("third agent", *TALKS, "conclude", **NO_DEARER)
    opened = opening(world, ours.id, buyer, seller, third, rules={"adopt": [2, 3]})
    world.put(opened)
    k = Talks(world, buyer, seller, ours, theirs, opened)
    logged(k, k.other("join"), speak("third agent", "join", last.id, dossier=k.id))
    withheld, text = world.text({"price": "5" if third_too else "99"}), world.text({"price": "5"})
    for digest in (withheld, text):
        logged(k, k.ours("propose", text=digest), k.ours("adopt", text=digest), k.other("adopt", text=digest))
    logged(k, k.ours("conclude", text=withheld), k.other("conclude", text=withheld))
    world.put(speak("third agent", "conclude", last.id, dossier=k.id, text=withheld))
    logged(k, k.ours("close", **{"as": "agreed"}), k.other("conclude", text=text))
    asked = bound(k, text, seller)
    verdict, why = (INVALID, "claim.not-bound") if third_too else (VALID, "")
    grows(asked.report(texts=[withheld]), "text.missing", 9, asked.report(), verdict, why)


def test_a_close_as_agreed_on_a_text_that_is_here_rests_on_no_other() -> None:
    k = negotiating()
    text, nobodys = k.adopted({"price": "5"}), k.world.text({"price": "6"})
    logged(k, k.ours("conclude", text=text), k.other("propose", text=nobodys), k.other("close", **{"as": "agreed"}))
    asked = bound(k, text)
    assert k.dossier.closed is not None
    ends(asked.report(), VALID)
    ends(asked.report(texts=[nobodys]), VALID)


# --- a signature that refers to nobody --------------------------------------------------------------------------------


def test_a_signature_that_refers_to_an_unknown_organ_is_not_there() -> None:
    # what a text or a home says of the signer never decides whether his act is there: the organ is asked first
    world = World()
    k = talks(world)
    second = k.buyer.grant("second", *TALKS)
    k.buyer.dismiss(second.id)
    signature = k.sign(k.adopted(), by=second.id, who="second", organ=bytes([5]) * 32)
    with pytest.raises(Missing, match=r"unknown\.organ"):
        world.put(signature)
    assert signature.id not in k.dossier.outcomes


# --- never both -------------------------------------------------------------------------------------------------------
#
# Each of these was VALID for one bundle and INVALID for the other, of one claim, as of one stamp.


def never_both(*reports: Report) -> None:
    assert not {VALID, INVALID} <= {report.verdict for report in reports}, [(r.verdict, r.reason) for r in reports]


def offered(k: Talks, price: str = "99") -> tuple[bytes, bytes]:
    """Return a text that the seller offered, and our counter, which is void where its price crosses our line."""
    text, counter = k.world.text({"price": "1"}), k.world.text({"price": price})
    logged(k, k.other("propose", text=text), k.ours("propose", text=counter, answers=text))
    return text, counter


@pytest.mark.parametrize("same", [False, True])
def test_a_limit_that_nothing_was_spent_of_for_want_of_a_text(same: bool) -> None:
    # the doubt is asked of what was spent, and there it was not: the signature is void in the smaller bundle
    world = World()
    limit = {"path": "price", "most": "100", "ledger": world.wire}
    buyer = world.party("Buyer", "ann", "bob", "cay")
    mandate = buyer.grant("agent", *TALKS, "conclude", limit=limit, lines=[["at-most", "price", "60"]])
    k = talks(world, buyer, mandate=mandate)
    elsewhere = k if same else further(k)
    first, counter = world.text({"price": "60"}), world.text({"price": "99"})
    logged(k, elsewhere.other("propose", text=first), elsewhere.ours("propose", text=counter, answers=first))
    both_sign(elsewhere, first, total="60")
    text = k.adopted({"price": "50"})
    logged(k, k.ours("conclude", text=text, total="50"))
    asked = bound(k, text)
    never_both(asked.report(), asked.report(texts=[counter]))


@pytest.mark.parametrize("without", ["the text", "the dossier"])
def test_a_refusal_of_a_text_that_bound_the_party_elsewhere(without: str) -> None:
    # the refusal is void, because the party was bound by the text in a dossier that is not shown, or may have been
    k = negotiating(**NO_DEARER)
    elsewhere = further(k)
    text, counter = offered(elsewhere)
    both_sign(elsewhere, text)
    logged(k, k.other("propose", text=text), k.ours("adopt", text=text), k.other("adopt", text=text))
    k.buyer.decide("refuse", dossier=k.id, text=text)
    logged(k, k.ours("conclude", text=text))
    asked = bound(k, text)
    less = asked.report(texts=[counter]) if without == "the text" else asked.report(dossiers=[elsewhere.id])
    never_both(asked.report(), less)


def test_a_duty_done_on_a_text_that_a_withheld_counter_may_have_killed() -> None:
    k = bound_to_act("adopt", **NO_DEARER)
    text, counter = offered(k)
    logged(k, k.ours("adopt", text=text))
    k.world.time = 2 * DUE
    asked = may(k, k.mandate)
    never_both(asked.report(), asked.report(texts=[counter]))


def test_a_duty_done_in_time_on_a_withheld_text_and_again_too_late() -> None:
    # the later act, on a text that is here, takes the place of the earlier one that was in time
    k = bound_to_act("propose", **NO_DEARER)
    mandate = k.buyer.grant("agent", *TALKS, "conclude", "delegate", depth=2, duty=k.mandate["duty"])
    k = replace(k, mandate=mandate)
    link = speak("agent", "delegate", mandate.id, to=key("sub").public_key, powers=powers(*TALKS))
    withheld, late = k.world.text({"price": "5"}), k.world.text({"price": "6"})
    logged(k, link, k.ours("propose", text=withheld))
    k.world.time = 2 * DUE
    logged(k, k.ours("propose", link.id, "sub", text=late))
    asked = may(k, mandate)
    never_both(asked.report(), asked.report(texts=[withheld]))


@pytest.mark.parametrize("agreed", [False, True])
def test_a_text_that_came_after_a_close_that_rests_on_a_withheld_one(agreed: bool) -> None:
    # the doubt is noted of the texts that were there, and not of those that come after
    k = negotiating(**NO_DEARER)
    if agreed:  # as far as the smaller bundle shows
        withheld = k.adopted({"price": "5"}, open_from=1_000)
        logged(k, k.ours("initial", text=withheld), k.other("initial", text=withheld))
        logged(k, k.other("conclude", text=withheld))
    else:
        first, withheld = offered(k)
        both_sign(k, first)
    logged(k, k.other("close", **{"as": "agreed"}))
    text = k.adopted({"price": "2"})
    logged(k, k.ours("conclude", text=text))
    asked = bound(k, text)
    never_both(asked.report(), asked.report(texts=[withheld]))


@pytest.mark.parametrize("killed", [False, True])
def test_an_offer_that_answers_one_in_doubt(killed: bool) -> None:
    # it answers a withheld offer, which may never have been one; or an offer that a withheld counter may have killed
    k = negotiating(**NO_DEARER)
    if killed:
        answered, withheld = offered(k)
        text = k.world.text({"price": "2"})
        logged(k, k.ours("propose", text=text, answers=answered))
    else:
        withheld, text = k.world.text({"price": "99"}), k.world.text({"price": "2"})
        logged(k, k.ours("propose", text=withheld), k.other("propose", text=text, answers=withheld))
    both_sign(k, text)
    asked = bound(k, text)
    never_both(asked.report(), asked.report(texts=[withheld]))


def test_a_wider_text_of_the_same_dossier_that_rests_on_a_withheld_counter() -> None:
    k = negotiating(**NO_DEARER)
    text, _, counter = wider(k, k, "99")
    asked = in_force(k, text)
    never_both(asked.report(), asked.report(texts=[counter]))


def test_a_wider_text_in_a_dossier_that_the_first_party_acceded_in() -> None:
    # the doubt is asked of dossiers whose opening names the party that the claim names first, and of no other
    k = negotiating(**NO_DEARER)
    world, third = k.world, k.world.party("Third", "tom")
    theirs = third.grant("third agent", *TALKS, "conclude")
    opened = opening(world, k.mandate.id, k.buyer, third)
    world.put(opened)
    world.put(speak("third agent", "join", theirs.id, dossier=opened.id))
    local = replace(k, opening=opened)
    text = world.text({"price": "1"}, scopes=["north"])
    on = {"dossier": opened.id, "text": text}
    logged(k, local.ours("propose", text=text), local.ours("adopt", text=text))
    for kind in ("adopt", "conclude"):
        world.put(speak("third agent", kind, theirs.id, **on))
    logged(k, local.ours("conclude", text=text))
    world.time = 10
    parties = sorted([k.buyer.id, k.seller.id, third.id])
    wide = world.text({"price": "1"}, scopes=["north"], parties=parties, open_to="any")
    counter = world.text({"price": "99"})
    logged(k, k.other("propose", text=wide), k.ours("propose", text=counter, answers=wide))
    both_sign(k, wide)
    seen = {"dossier": world.position(k.id), "party": world.position(third.id)}
    third.decide("accede", dossier=k.id, text=wide, seen=seen)
    for pair in ((k.buyer, third), (third, k.buyer)):
        asked = replace(in_force(local, text, *pair), trust=k.buyer)
        never_both(asked.report(), asked.report(texts=[counter]))


def test_a_past_that_names_a_recovery() -> None:
    # the place of a recovery counts as seen, and nobody asks how far the home is shown there: the board's dismissal of
    # its agent, at the same place and after the ratification, makes what was VALID INVALID
    home, world = World("home"), World()
    organs = [organ("council", "ann", "bob", "cay"), organ("board", "eve", superior="council")]
    kept = {"keys": [key("safe").public_key], "needs": 1, "wait": 1_000}
    at_home = home.party("Buyer", organs=organs, signers=("ann", "bob", "cay", "eve"), recovery=kept)
    mandate = at_home.grant("agent", *TALKS, organ="board")
    place = {"organ": at_home.organ("board"), "prior": mandate.id}
    seats_anew = [[key("eve").public_key, key("new eve").public_key]]
    recovery = draft("recover", {**place, "seats": seats_anew}).signed_by(key("safe"), key("new eve"))
    buyer = Party(world, at_home.founding, at_home.members, at_home.heads)
    for act in (buyer.founding, mandate, recovery):
        world.put(act)
    k = talks(world, buyer, mandate=mandate)
    text = k.adopted()
    ratification = k.ratify(text, k.signed(text, organ=buyer.organ("board")), spines=[recovery.id])
    home.put(ratification)
    home.stamp()
    short = home.shown()
    at_home.dismiss(mandate.id, organ="board")
    home.stamp()
    asked = bound(k, text)
    never_both(*(replace(asked, homes=(shown,)).report() for shown in (short, home.shown())))


# Two that are no contradictions.


def test_a_mandate_of_an_organ_that_was_made_in_a_new_home() -> None:
    old, new, world = World("old"), World("new"), World()
    party = old.party("Buyer", "ann", "bob", "cay")
    other = party.grant("other", "open")
    moved = party.decide("move-home", home=new.wire)
    for ledger in (new, world):
        for act in (party.founding, other, moved):
            ledger.put(act)
    made = party.signed("constitute", new=organ("board", "eve"), also=[key("eve")])
    board = organ_id(made.id, "board")
    fields = {"organ": board, "prior": board, "to": key("agent").public_key, "powers": powers(*TALKS)}
    mandate = draft("grant", fields).signed_by(key("eve"))
    buyer = Party(world, party.founding, party.members, {**party.heads, "council": made.id})
    dismissal = buyer.signed("dismiss", mandate=other.id)  # of nobody who matters
    buyer.heads["council"] = dismissal.id
    for act in (made, mandate, dismissal):
        new.put(act)
        world.put(act)
    k = talks(world, buyer, mandate=mandate)
    text = k.adopted()
    new.put(k.ratify(text, k.signed(text)))
    old.stamp()
    new.stamp()
    ends(bound(k, text, homes=(old.shown(), new.shown())).report(), VALID)


def test_a_duty_dated_back_into_its_time_under_a_policy_of_witnesses() -> None:
    world = World(bound=BOUND_SECONDS)
    buyer = world.party("Buyer", "ann", "bob", "cay")
    duty = {"kind": "say", "by": DUE, "then": key("successor").public_key}
    k = talks(world, buyer, mandate=buyer.grant("agent", *TALKS, "conclude", duty=duty))
    logged(k, k.ours("say"))  # under a stamp of time 0, which no witness saw before the year was over
    world.time = LATE
    asked = replace(may(k, k.mandate), policy=POLICY)
    cosigned = (len(world.entries), world.note(cosigned=[(WITNESS, LATE)]))
    ends(replace(asked, earlier=(cosigned,)).report(), CANNOT_TELL, "witness.quorum", 8)


# --- what nobody thought of -------------------------------------------------------------------------------------------


def test_bundles_about_random_ledgers_do_not_contradict_each_other() -> None:
    gaps.run("four", stories=14)
