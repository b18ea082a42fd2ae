"""What a node hands on, and how far it has each chain. Nothing that was not verified here is among it."""

from collections.abc import Iterable, Iterator

from pourparler.core.act import Act, parse_act
from pourparler.core.authority import Register
from pourparler.core.errors import PourparlerError
from pourparler.service.node.beacons import beacon_issuer, newest_appointment
from pourparler.service.node.holdings import Holdings
from pourparler.service.node.homes import HOME_FORKED
from pourparler.service.node.index import chain_of, is_decision
from pourparler.service.node.nouns import Heads
from pourparler.service.node.standing import Known, is_stopped


def heads(holdings: Holdings) -> Heads:
    """Return how far each chain is known; an organ with two decisions at one place has no row."""
    organs: dict[bytes, tuple[int, bytes]] = {}
    for register in holdings.registry.registers.values():
        for organ, head in register.spines.heads.items():
            if organ not in holdings.index.rowless:
                organs[organ] = (register.spines.at[organ, head].place, head)
    return Heads(organs, newest_beacons(holdings))


def newest_beacons(holdings: Holdings) -> dict[bytes, tuple[int, bytes]]:
    """Return how far the beacons of each key are known."""
    found: dict[bytes, tuple[int, bytes]] = {}
    for party in holdings.registry.registers:
        for one in reversed(holdings.store.beacons(party)):
            found[beacon_issuer(party, one.key)] = (one.serial, one.act)
    return found


def lacking(holdings: Holdings, theirs: Heads) -> list[bytes]:
    """Return the acts on chains that somebody with these heads lacks, each chain in its order, what made an organ
    before what it decided."""
    ours = heads(holdings)
    found: dict[bytes, None] = {}
    for organ, (_, head) in ours.organs.items():
        found.update(dict.fromkeys(after(holdings, organ, head, theirs.organs.get(organ))))
    for issuer, (serial, act) in ours.beacons.items():
        said = theirs.beacons.get(issuer)
        if said is None or said[0] < serial:
            found[act] = None
    return list(found)


def after(holdings: Holdings, organ: bytes, head: bytes, theirs: tuple[int, bytes] | None) -> list[bytes]:
    """Return the acts of an organ's chain after the place that somebody has, in order. Where what he has there is not
    ours, the act of that place, too: he lacks it, and asks for the one before it."""
    chain = [*chain_of(holdings.registry, organ, head)][::-1]
    if theirs is None:
        return [holdings.index.brought_by[organ], *chain]
    place, there = theirs
    if 0 < place <= len(chain) and chain[place - 1] != there:
        place -= 1
    return chain[place:]


def loose(holdings: Holdings) -> dict[bytes, bytes]:
    """Return the envelopes of the acts that no row of the heads speaks for."""
    found: dict[bytes, bytes] = {}
    for id_, outcome in holdings.registry.outcomes.items():
        act = outcome.act
        rowless, made = holdings.index.rowless, holdings.index.brought.get(id_, ())
        chained = act.kind in ("beacon", "found") or is_decision(act)
        if not chained or act.get("organ") in rowless or any(organ in rowless for organ in made):
            found[id_] = outcome.envelope.encoded()
    found.update(holdings.store.all_carried())
    found.update({one.act: one.data for one in holdings.store.working()})
    return found


def every(holdings: Holdings) -> Iterator[Act]:
    """Yield every act that may be handed on: the journal's in its order, then carried ones, beacons, and bad news that
    works while it waits."""
    outcomes = holdings.registry.outcomes
    yield from [outcome.act for outcome in outcomes.values()]
    yield from (parse_act(data) for _, data in holdings.store.all_carried())
    for party in holdings.registry.registers:
        yield from (parse_act(one.data) for one in holdings.store.beacons(party) if one.act not in outcomes)
    yield from (parse_act(one.data) for one in holdings.store.working())


def acts(holdings: Holdings, ids: Iterable[bytes]) -> list[bytes]:
    """Return the envelopes of those of these acts that were verified here; for an organ's id, of what made it."""
    found = (holdings.envelope(holdings.index.brought_by.get(id_, id_)) for id_ in ids)
    return [envelope for envelope in found if envelope is not None]


def dispatch_keys(holdings: Holdings) -> dict[bytes, bytes]:
    """Return the keys that sign frames, each with its party: those that its newest appointment names, without what is
    suspended or banned."""
    found: dict[bytes, bytes] = {}
    for party, register in holdings.registry.registers.items():
        named = newest_appointment(holdings, register, "dispatch")
        if named is None:
            continue
        keys = [key for key in named["dispatch"] if (key, named.id) not in holdings.banned]
        if heard_against(holdings, register, keys):  # seldom, and frames ask for the keys all the time
            known = known_of(holdings, register)
            keys = [key for key in keys if not is_stopped(known, key, named["organ"])]
        found |= dict.fromkeys(keys, party)
    return found


def heard_against(holdings: Holdings, register: Register, keys: Iterable[bytes]) -> bool:
    """Return whether anything was heard, or is shown by a ledger, that may stop one of these keys."""
    homes = holdings.homes
    shown = [*homes.copies.values(), *(ledger for listed in homes.bundled.values() for ledger in listed)]
    registers = [register, *(ledger.registry.registers.get(register.party, register) for ledger in shown)]
    return bool(holdings.working()) or any(key in one.endings for one in registers for key in keys)


def known_of(holdings: Holdings, register: Register) -> Known:
    """Return what a judgement about a party's endings rests on; it asks for no beacons and no clock."""
    moment, party = holdings.moment(), register.party
    forked = any(proof.kind == HOME_FORKED for proof in holdings.store.proofs(party))
    shown = [] if forked else [ledger.registry.outcomes for ledger in holdings.homes.best(party).values()]

    def void_at_home(act: bytes) -> PourparlerError | None:
        found = [outcomes[act].void for outcomes in shown if act in outcomes]
        return found[0] if found and None not in found else None

    def revoked(target: bytes) -> Iterator[tuple[Act, int]]:
        for act in holdings.index.revoked.get(target, ()):
            if not any(act in outcomes for outcomes in shown):
                outcome = holdings.registry.outcomes[act]
                yield outcome.act, outcome.moment.time

    return Known(
        registry=holdings.registry,
        register=register,
        home=None if forked else holdings.home(register),
        home_time=holdings.homes.time(party),
        moment=moment,
        wall=moment.time,
        working=holdings.working(),
        forked="the home ledger of the party has signed two histories" if forked else "",
        revoked=revoked,
        void_at_home=void_at_home,
    )
