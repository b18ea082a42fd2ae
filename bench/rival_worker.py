"""Runs in the rivals' environment: reads a task a line, does it, and answers with a line. ``bench/rivals.py`` asks.

Each rival is given what ours is given: a chain of so many links with powers, an expiry and three conditions, and one
act under it, on the same figures. Each that is timed is also shown once what it must refuse; one that lets that pass
ends the comparison.
"""

import asyncio
import json
import random
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from importlib.metadata import version
from typing import Any

FAR = 1_900_000_000
DOSSIER, TEXT = "ab" * 32, "cd" * 32  # digests in hexadecimal, where a form has no bytes


class Passed(Exception):
    """Something passed that must not."""


def must_refuse(do: Callable[[], Any], what: str) -> None:
    try:
        do()
    except Exception:
        return
    raise Passed(what)


# --- Biscuit ----------------------------------------------------------------------------------------------------------

OPERATIONS = '["open", "propose", "adopt", "initial", "sign-ad-referendum", "conclude"].contains($o)'
BISCUIT_LINES = (
    'check if total($c, $t), $c == "EUR", $t <= 25000',
    "check if by($t), $t < 2030-01-01T00:00:00Z",
    'check if site($s), ["north", "south"].contains($s)',
)
FACTS = 'total("EUR", 24000); by(2029-12-31T00:00:00Z); site("north"); operation("adopt"); time(2027-01-15T08:00:00Z);'
POLICY = 'allow if right("adopt"), operation("adopt");'


@cache
def biscuit(depth: int, act: bool) -> Callable[[], None]:
    """Return one verification: from bytes to the authorizer's word. Datalog has no decimals: totals are in cents."""
    import biscuit_auth as b

    root = b.KeyPair()
    right = "; ".join(f'right("{name}")' for name in ("open", "propose", "adopt", "initial", "conclude"))
    link = f"check if operation($o), {OPERATIONS}; check if time($t), $t < 2030-03-17T17:46:40Z"

    def lines(number: int) -> str:
        mine = BISCUIT_LINES[number:] if number == depth - 1 else BISCUIT_LINES[number : number + 1]
        return "; ".join((link, *mine))

    token = b.BiscuitBuilder(f"{right}; {lines(0)};").build(root.private_key)
    for number in range(1, depth):
        token = token.append(b.BlockBuilder(f"{lines(number)};"))
    if act:
        stated = f'kind("adopt"); dossier(hex:{DOSSIER}); text(hex:{TEXT}); at(2027-01-15T08:00:00Z); '
        token = token.append(b.BlockBuilder(f'{stated} check if operation("adopt");'))
    data = bytes(token.to_bytes())

    def verify(data: bytes = data, facts: str = FACTS) -> None:
        builder = b.AuthorizerBuilder(facts + POLICY)
        limits = builder.limits()
        limits.max_time = timedelta(seconds=10)  # the default of a millisecond fails on a busy machine
        builder.set_limits(limits)
        builder.build(b.Biscuit.from_bytes(data, root.public_key)).authorize()

    verify()
    must_refuse(lambda: verify(facts=FACTS.replace("24000", "25001")), "biscuit: a crossed limit")
    must_refuse(lambda: verify(data[:-40] + bytes([data[-40] ^ 1]) + data[-39:]), "biscuit: a forged token")
    return verify


def biscuit_bytes() -> int:
    """Three links with two conditions and the act: without holders' keys, for whoever holds a Biscuit may use it."""
    import biscuit_auth as b

    lines = "check if price($p), $p <= 9200; check if force($t), $t < 2026-12-31T00:00:00Z; "
    expiry = "check if time($t), $t < 2026-12-31T00:00:00Z;"
    token = b.BiscuitBuilder(f'right("conclude"); {lines}{expiry}').build(b.KeyPair().private_key)
    for _ in range(2):
        token = token.append(b.BlockBuilder(f'check if operation($o), ["adopt", "conclude"].contains($o); {expiry}'))
    token = token.append(b.BlockBuilder(f'kind("conclude"); dossier(hex:{DOSSIER}); text(hex:{TEXT});'))
    return len(bytes(token.to_bytes()))


# --- Tenuo ------------------------------------------------------------------------------------------------------------


def tenuo_chain(depth: int, tool: str, conditions: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    import tenuo as t

    keys = [t.SigningKey.generate() for _ in range(depth + 1)]
    mint = t.Warrant.mint_builder().capability(tool, conditions).holder(keys[1].public_key).ttl(3_600)
    chain = [mint.mint(keys[0])]
    for number in range(1, depth):
        builder = chain[-1].grant_builder().capability(tool, conditions)
        chain.append(builder.holder(keys[number + 1].public_key).ttl(3_000).grant(keys[number]))
    return keys, chain


@cache
def tenuo(depth: int) -> Callable[[], Callable[[], None]]:
    """Return what makes a fresh proof of possession (it serves for seconds only) and then one verification."""
    import tenuo as t

    conditions = {"total": t.Range.max_value(250.0), "site": t.OneOf(["north", "south"])}
    args = {"total": 240.0, "site": "north", "text": TEXT}
    keys, chain = tenuo_chain(depth, "adopt", conditions | {"text": t.Wildcard()})
    raw = [bytes(link.to_bytes()) for link in chain]
    gate = t.Authorizer(trusted_roots=[keys[0].public_key])

    def fresh() -> Callable[[], None]:
        proof = bytes(chain[-1].sign(keys[-1], "adopt", args, int(time.time())))

        def verify(args: dict[str, Any] = args, proof: bytes = proof) -> None:
            gate.check_chain([t.Warrant.from_bytes(data) for data in raw], "adopt", args, proof)

        must_refuse(lambda: verify({**args, "total": 250.01}), "tenuo: a crossed limit")
        must_refuse(lambda: verify(proof=bytes(64)), "tenuo: a forged proof")
        return verify

    fresh()()
    return fresh


def tenuo_bytes() -> int:
    import tenuo as t

    conditions = {"price": t.Range.max_value(92.0), "force": t.Pattern("2026-*"), "text": t.Wildcard()}
    keys, chain = tenuo_chain(3, "conclude", conditions | {"dossier": t.Wildcard()})
    args = {"dossier": DOSSIER, "text": TEXT, "price": 90.0, "force": "2026-12-01"}
    proof = bytes(chain[-1].sign(keys[-1], "conclude", args, int(time.time())))
    t.Authorizer(trusted_roots=[keys[0].public_key]).check_chain(chain, "conclude", args, proof)
    # of the act: the proof and the two digests as bytes; the price stands in the text, as with ours
    return sum(len(bytes(link.to_bytes())) for link in chain) + len(proof) + 64 + len("conclude")


# --- UCAN -------------------------------------------------------------------------------------------------------------


def ucan_bytes() -> int:
    """Return the bytes of three links and the act as nested JWTs: each holds the one before it."""
    import ucan

    keys = [ucan.EdKeypair.generate() for _ in range(5)]
    resource = ucan.ResourcePointer(scheme="dossier", hier_part=f"//{DOSSIER}")
    can = ucan.Capability(with_=resource, can=ucan.Ability(namespace="text", segments=["CONCLUDE"]))
    facts: dict[int, Any] = {
        0: [{"lines": [["at-most", "price", "92.00"], ["before", "force", "2026-12-31"]]}],
        3: [{"text": TEXT}],
    }

    async def build() -> str:
        proofs: list[str] = []
        for number in range(4):
            issuer, audience = keys[number], keys[number + 1].did()
            payload = ucan.build_payload(issuer=issuer.did(), audience=audience, capabilities=[can], expiration=FAR)
            payload = payload.model_copy(update={"prf": proofs, "fct": facts.get(number)})
            proofs = [(await ucan.sign_with_keypair(payload, issuer)).encode()]
        wanted = ucan.RequiredCapability(capability=can, root_issuer=keys[0].did())
        verdict = await ucan.verify(proofs[0], audience=keys[4].did(), required_capabilities=[wanted])
        if not verdict.ok:
            raise Passed(f"ucan: its own chain is refused: {verdict}")
        return proofs[0]

    return len(asyncio.run(build()))


# --- Concordia --------------------------------------------------------------------------------------------------------


@cache
def concordia() -> Callable[[], None]:
    """Return one negotiation of four messages between two agents in memory: open, accept, counter, accept."""
    import concordia as c

    seller, buyer = c.Agent("seller"), c.Agent("buyer")

    def price(value: float) -> dict[str, Any]:
        return {"total": {"value": value, "currency": "EUR"}, "count": {"value": 100}, "site": {"value": "north"}}

    def negotiate() -> None:
        session = seller.open_session(counterparty=buyer.identity, terms=price(250.0))
        buyer.join_session(session)
        buyer.accept_session()
        buyer.send_counter(c.BasicOffer(terms=price(240.0)))
        seller.accept_offer()
        if session.state.value != "agreed" or len(session.transcript) != 4:
            raise Passed(f"concordia: the session is {session.state.value}")

    negotiate()
    session = seller.open_session(counterparty=buyer.identity, terms=price(250.0))
    altered = {**session.transcript[0], "body": {"terms": price(1.0)}}
    must_refuse(
        lambda: session.apply_message(altered, lambda _: seller.key_pair.public_key), "concordia: altered words"
    )
    return negotiate


# --- pymerkle ---------------------------------------------------------------------------------------------------------

TREES: list[Any] = []  # the one that was filled last


def pymerkle_fill(path: str, size: int, width: int) -> int:
    """Fill a tree on SQLite with the entries that ours has; return how many it then says to have."""
    import pymerkle

    tree = pymerkle.SqliteTree(path, algorithm="sha256")
    TREES[:] = [tree]
    for start in range(0, size, 10_000):
        end = min(size, start + 10_000)
        tree.append_entries([index.to_bytes(8, "big") + bytes(width - 8) for index in range(start, end)])
    return int(tree.get_size())


def pymerkle_prove(times: int) -> float:
    """Make inclusion proofs at random places; return the seconds for one."""
    import pymerkle

    (tree,) = TREES
    size = tree.get_size()
    places = [random.randint(1, size) for _ in range(times)]
    tree.cache_clear()  # proofs of other places have left nothing behind
    started = time.perf_counter()
    proofs = [tree.prove_inclusion(place) for place in places]
    spent = time.perf_counter() - started
    leaf, root = tree.get_leaf(places[-1]), tree.get_state()
    pymerkle.verify_inclusion(leaf, root, proofs[-1])
    must_refuse(lambda: pymerkle.verify_inclusion(bytes(32), root, proofs[-1]), "pymerkle: another leaf")
    return spent / times


def pymerkle_append(times: int) -> float:
    """Append entries one by one; return the seconds for one."""
    (tree,) = TREES
    started = time.perf_counter()
    for number in range(times):
        tree.append_entry(number.to_bytes(8, "big"))
    return (time.perf_counter() - started) / times


# --- tasks ------------------------------------------------------------------------------------------------------------


def timed(do: Callable[[], None], times: int, clock: Callable[[], float] = time.process_time) -> float:
    started = clock()
    for _ in range(times):
        do()
    return (clock() - started) / times


TASKS: dict[str, Callable[..., Any]] = {
    "biscuit": lambda depth, act, times: timed(biscuit(depth, act), times),
    "tenuo": lambda depth, times: timed(tenuo(depth)(), times),
    "concordia": lambda times: timed(concordia(), times, time.perf_counter),
    "pymerkle_fill": pymerkle_fill,
    "pymerkle_prove": pymerkle_prove,
    "pymerkle_append": pymerkle_append,
    "bytes": lambda: {"Biscuit": biscuit_bytes(), "Tenuo": tenuo_bytes(), "UCAN (JWT, py-ucan)": ucan_bytes()},
    "versions": lambda: {
        p: version(p) for p in ("biscuit-python", "tenuo", "concordia-protocol", "py-ucan", "pymerkle")
    },
}


def main() -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = {"found": TASKS[asked.pop("task")](**asked)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
