"""What became of an act here, in one word: for whoever asks about an order and not about a mandate."""

from dataclasses import replace

from pourparler.core.act import parse_act
from pourparler.core.dossier import Outcome
from pourparler.service.node.holdings import Holdings
from pourparler.service.node.index import is_decision
from pourparler.service.node.nouns import Fate
from pourparler.service.node.standing import is_real


def fate(holdings: Holdings, act: bytes) -> Fate:
    """Return what became of an act, as far as is known here."""
    outcome = holdings.registry.outcomes.get(act)
    if outcome is not None:
        return journaled(holdings, outcome)
    for one in holdings.store.pending_of(act):
        return Fate(act, "works" if one.works else "waits", parse_act(one.data).kind, one.reason, time=one.time)
    kept = holdings.store.carried(act)
    if kept is not None:
        return Fate(act, "carried", parse_act(kept).kind)
    beacon = holdings.store.beacon(act)
    return Fate(act, "as heard", "beacon") if beacon is not None else Fate(act, "unknown")


def journaled(holdings: Holdings, outcome: Outcome) -> Fate:
    """Return what became of an act that stands in the journal."""
    act, time = outcome.act, outcome.moment.time
    if outcome.void is not None:
        return Fate(act.id, "void", act.kind, outcome.void.reason, time=time)
    assert outcome.party is not None
    register = holdings.registry.registers[outcome.party]
    home = holdings.home(register)
    decided = is_decision(act) or act.kind == "found"
    if home is not None and decided and is_real(replace(register, home=home), act):
        return Fate(act.id, "proven", act.kind, time=time)
    if holdings.lost(act):
        return Fate(act.id, "lost", act.kind, "standing.sibling", time=time)
    against = holdings.doubt(act)
    if against is not None:
        return Fate(act.id, "contested", act.kind, "node.equivocation", against, time)
    return Fate(act.id, "as heard", act.kind, time=time)
