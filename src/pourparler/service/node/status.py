"""What a person wants to know of a node at a glance, as plain data: a command line or a page only translates it."""

from collections.abc import Callable
from typing import Any

from pourparler.core import limits
from pourparler.core.act import parse_act
from pourparler.service.node.beacons import BEACON
from pourparler.service.node.holdings import Holdings
from pourparler.service.node.nouns import Freshness, plain
from pourparler.service.node.taking import DECISION
from pourparler.store.node import Proof


def status(
    holdings: Holdings, follows: Callable[[bytes], bool], freshness: Callable[[bytes], Freshness]
) -> dict[str, Any]:
    """Return for each party its freshness, how far its home is shown, and what is wrong; the clock; what waits."""
    now = holdings.now()
    waiting = [
        {
            "act": one.act.hex(),
            "kind": parse_act(one.data).kind,
            "reason": one.reason,
            "works": bool(one.works),
            "age": now - one.time,
        }
        for one in holdings.store.pending()
    ]
    parties = []
    for party, register in sorted(holdings.registry.registers.items()):
        parties.append(
            {
                "party": party.hex(),
                "name": register.spines.party.name,
                "followed": follows(party),
                "freshness": freshness(party).plain(),
                "home_shown": holdings.homes.time(party),
                "alarms": [alarm(holdings, proof) for proof in holdings.store.proofs(party)],
            }
        )
    return {
        "origin": holdings.journal.depositary.origin,
        "entries": holdings.journal.size,
        "clock": clock(holdings),
        "parties": parties,
        "waiting": waiting,
        "wanted": plain(holdings.store.wanted()),
        "pools": plain(holdings.store.counts()),
    }


def alarm(holdings: Holdings, proof: Proof) -> dict[str, Any]:
    """Return a proof, and whether a home has decided between the two."""
    return {**plain(proof), "decided": is_decided(holdings, proof)}


def is_decided(holdings: Holdings, proof: Proof) -> bool:
    """Return whether a home shows which of two it took, or had."""
    if proof.kind == DECISION:
        act = parse_act(proof.first)
        return holdings.decided((act["organ"], act["prior"]))
    if proof.kind == BEACON:
        home = holdings.home(holdings.registry.registers[proof.party])
        acts = [parse_act(proof.first), parse_act(proof.second)]
        registers = home.registers if home else ()
        return any(register.had(act["count"], act["head"]) for register in registers for act in acts)
    return False


def clock(holdings: Holdings) -> dict[str, Any]:
    """Return the node's times, and whether this machine's clock is to be doubted."""
    wall, now = holdings.wall.now(), holdings.now()
    apart = wall - now
    words = ""
    if abs(apart) > limits.NODE_SKEW_SECONDS:
        where = "ahead of" if apart > 0 else "behind"
        words = f"this machine's clock is {abs(apart)} s {where} the time that others have signed: check it"
    return {"machine": wall, "journal": now, "anchor": holdings.clock.anchor, "disagrees": bool(words), "words": words}
