"""The real core against the small worlds of the model, history by history: see ``oracle_worlds``.

Here a few histories of each world, and the histories that the model says matter; the campaign takes hundreds. Then the
core is broken on purpose, and the comparison must notice.
"""

from collections import Counter
from functools import cache

import pytest

from pourparler.core import authority, council, dossier, transitions
from pourparler.core.act import NO_POWER, Power
from spec.model import homes, small
from spec.model.small import Act, Deed, View
from tests import oracle_worlds as oracle
from tests.oracle_model import remembered


@pytest.fixture(scope="module", autouse=True)
def memory():
    with remembered():
        yield


HOW_MANY = {"forks": 6, "theft": 12, "expiry": 10, "denunciation": 10, "homes": 6}


@cache
def against(name, rule):
    """Return a shortest history that the rule stands against, as start and acts."""
    wrong = small.search(name, small.world(name).QUICK, frozenset({rule})).wrong
    assert wrong is not None
    return small.world(name).STARTS[wrong.start], wrong.acts


def differences(name, rule):
    return oracle.differing(name, f"against {rule}", *against(name, rule), Counter())


@pytest.mark.parametrize("name", small.WORLDS)
def test_the_core_and_a_small_world_agree(name):
    tally, wrong = Counter(), []
    for seed in range(HOW_MANY[name]):
        wrong += oracle.compare(name, seed, 7, tally)
    assert not wrong, "\n".join(wrong)
    answers = [ending for ending in tally if ending.startswith(f"{name}, ")]
    assert len(answers) >= 2, "one answer only"


@pytest.mark.parametrize("name", small.WORLDS)
def test_the_core_keeps_each_rule_where_it_matters(name):
    """On the very histories that go wrong without it."""
    wrong = [what for rule in small.world(name).RULES for what in differences(name, rule)]
    assert not wrong, "\n".join(wrong)


# What only one of two ledgers knows


ON_RECORD = Act("log", Deed("conclude", ("N",), "T"), (homes.HERE,))


def played(*acts, start):
    state = homes.STARTS[start]
    here = oracle.play("homes", state, acts)
    home, _, there = here.state.ledgers
    view = View(here.state.now, (home, there))
    known = homes.truth(here.state, view)
    said = homes.fold(view, frozenset(homes.RULES)).answers["A bound by T"]
    return known, said, oracle.verdict(here, "A bound by T", view)


def test_a_decision_that_its_home_never_saw_leaves_open_what_was_proven_before():
    """A is bound by N's signature. Then its council ratifies, and brings that to the dossier's ledger only: until the
    home takes it, or another in its place, no claim about A is told as of a later index."""
    late = Act("log", Deed("ratify", ("a1", "a2"), "D:T", seen=2), (homes.HERE,))
    known, said, report = played(ON_RECORD, start="signed")
    assert (known["A bound by T"], said[0], report.verdict.value) == (True, "VALID", "VALID")
    known, said, report = played(ON_RECORD, late, start="signed")
    assert (known["A bound by T"], said[0], report.verdict.value) == (True, "CANNOT TELL", "CANNOT TELL")
    assert report.reason == "home.not-shown"
    at_home = Act("log", late.deed, (homes.HOME,))
    known, said, report = played(ON_RECORD, late, at_home, start="signed")
    assert (said[0], report.verdict.value) == ("VALID", "VALID")


def test_what_follows_a_place_that_the_home_gave_away_is_nothing():
    """The home took the dismissal. So it will never take the decision in its place, nor what follows that one."""
    rival = Deed("decide", ("a1", "a2"))
    after = Deed("ratify", ("a1", "a2"), "D:T", rival, seen=3)
    acts = [ON_RECORD, *(Act("log", deed, (homes.HERE,)) for deed in (rival, after))]
    known, said, report = played(*acts, start="dismissed at home")
    assert (known["A bound by T"], said[0], report.verdict.value) == (True, "VALID", "VALID")
    (ratified,) = (one for one in report.registry.outcomes.values() if one.act.kind == "ratify")
    assert ratified.void.reason == "standing.sibling"


# The comparison can fail


def no_lease_is_asked(broken):
    broken.setattr(authority, "LEASED", NO_POWER)


def every_power_is_under_the_lease(broken):
    broken.setattr(authority, "LEASED", Power.SIGN_AD_REFERENDUM | authority.LEASED)


def a_beacon_is_as_old_as_its_entry(broken):
    broken.setattr(authority.Beacon, "since", property(lambda self: self.moment.time))


def a_beacon_is_as_old_as_it_says(broken):
    broken.setattr(authority.Beacon, "since", property(lambda self: int(self.act["at"])))


def a_notice_takes_effect_at_once(broken):
    broken.setattr(dossier.Dossier, "effective", lambda self, paper, notice: notice.moment.time)


def a_notice_that_has_run_is_taken_back(broken):
    def careless(self, act, by):
        for notice in self.paper(act["text"]).denunciations:
            if notice.party == by.party and notice.withdrawn is None:
                notice.withdrawn = by.moment

    broken.setitem(transitions.HANDLERS, "withdraw-denunciation", careless)


def a_recovered_key_keeps_its_seat(broken):
    whole = council.Spines.check_untaken

    def careless(self, place, time):
        waiting, self.recoveries = self.recoveries, {}
        try:
            whole(self, place, time)
        finally:
            self.recoveries = waiting

    broken.setattr(council.Spines, "check_untaken", careless)
    broken.setattr(council.Spines, "is_lost", lambda *_: False)


def a_suspension_stops_nothing(broken):
    broken.setattr(authority.Register, "suspend", lambda *_: None)


def one_signature_is_enough(broken):
    whole = council.sufficient
    broken.setattr(council, "sufficient", lambda act, by, must=(), needs=None: whole(act, by, must, min(by.needs, 1)))


def whatever_gives_notice_is_real(broken):
    broken.setattr(authority.HomeView, "holds", lambda *_: True)


def only_a_sibling_itself_is_nothing(broken):
    broken.setattr(authority, "followed_by", lambda _: [])


def what_a_ratification_has_seen_is_not_compared(broken):
    broken.setattr("pourparler.core.registry.Registry.seen", lambda self, stream, count, head: 10_000)


BREAKS = (
    ("expiry", "lease", no_lease_is_asked),
    ("expiry", "only", every_power_is_under_the_lease),
    ("expiry", "earlier", a_beacon_is_as_old_as_its_entry),
    ("expiry", "no later", a_beacon_is_as_old_as_it_says),
    ("denunciation", "notice", a_notice_takes_effect_at_once),
    ("denunciation", "in time", a_notice_that_has_run_is_taken_back),
    ("theft", "recovered", a_recovered_key_keeps_its_seat),
    ("theft", "opposed", a_recovered_key_keeps_its_seat),
    ("theft", "suspended", a_suspension_stops_nothing),
    ("theft", "threshold", one_signature_is_enough),
    ("homes", "real", whatever_gives_notice_is_real),
    ("homes", "place lost", only_a_sibling_itself_is_nothing),
    ("forks", "read", what_a_ratification_has_seen_is_not_compared),
)


@pytest.mark.parametrize(("name", "rule", "broken_so"), BREAKS, ids=lambda value: getattr(value, "__name__", value))
def test_a_broken_core_is_noticed(name, rule, broken_so, monkeypatch):
    against(name, rule)
    broken_so(monkeypatch)
    assert differences(name, rule), "the comparison is blind to this"


def test_a_comparison_that_met_nothing_is_a_failure(monkeypatch):
    monkeypatch.setattr(oracle, "ENOUGH", 0)
    with pytest.raises(AssertionError, match="never met"):
        oracle.run_sampled("the suite", seconds=60, each=1)
