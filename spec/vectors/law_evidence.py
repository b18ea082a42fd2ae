"""Vectors of spec/evidence.md: bundles, whom they convince, and at which step they do not."""

# ruff: noqa: E731 -- a step of a case is best read beside the case

from spec.vectors import kit, law
from spec.vectors.kit import Group, Key, encode
from spec.vectors.law import DAY, NOW, TALKS, World, bundle, claim, group, organ, policy, powers, public, shown
from spec.vectors.law_authority import ad_referendum, adopted, granted, open_, ratify, reply, say

CANNOT, INVALID = "CANNOT TELL", "INVALID"
ABOUT = (
    "A case asks about a bundle: its `verdict`, and where it is not VALID the `reason` and the `step` that decides. "
    "`trust` are party ids, `policy` the text of a tlog-policy, `at` the verifier's instant. A case that is not VALID "
    "differs from its twin in one element. The seed of a key is SHA-256 over 'pourparler testing key ' and its name."
)


class Cases:
    """Adds bundles to the group. ``twin`` and ``differs`` stand where the verdict is not VALID."""

    def __init__(self, group: Group) -> None:
        self.group = group

    def valid(self, name: str, what: str, value: dict | bytes, trust=(), **more) -> None:
        self.group.valid(name, what, **self.members(value, trust, "VALID", **more))

    def other(
        self,
        name: str,
        what: str,
        verdict: str,
        reason: str,
        step: int,
        twin: str,
        differs: str,
        value: dict | bytes,
        trust=(),
        **more,
    ) -> None:
        members = self.members(value, trust, verdict, step=step, **more)
        self.group.invalid(name, what, reason, f"evidence/{twin}", differs, **members)

    def members(self, value: dict | bytes, trust, verdict: str, **more) -> dict:
        data = value if isinstance(value, bytes) else encode(value)
        return {"bundle": data.hex(), "trust": [party.hex() for party in trust], "verdict": verdict, **more}


@group("evidence", ABOUT)
def evidence(group: Group) -> None:
    cases = Cases(group)
    whole = treaty()
    bundles(cases, whole)
    claims(cases, whole)
    stamps(cases)
    witnesses(cases)
    homes(cases)
    holders(cases)
    monotone(cases)


def small(name: str = "ledger", **a) -> World:
    """Return a world with A and B, of one member each; B's envoy may conclude."""
    world = World(name)
    world.found("A", "ann", **a)
    world.found("B", "dan")
    world.ids["theirs"] = world.grant("B", "envoy", *TALKS, "conclude")
    return world


def in_talks(world: World, *names: str, **more) -> World:
    granted(world, *(names or TALKS), **more)
    open_(world, "grant")
    reply(world, "join")
    return world


def treaty() -> World:
    """Return a world in which A has ratified and B signed definitively; its stamp states every stream."""
    world = in_talks(small())
    adopted(world)
    world.ids["s"] = ad_referendum(world)
    reply(world, "conclude", text=world.ids["t"])
    ratify(world, world.ids["s"])
    return stated(world)


def stated(world: World) -> World:
    world.ids["as of"] = world.stamp()
    return world


def bound(world: World, party: str = "A", text: str = "t", **more) -> dict:
    """Return the claim that a party is bound by a text, as of the world's stamp."""
    return claim(
        world,
        "bound",
        **{
            "as_of": world.ids["as of"],
            "parties": [world.parties[party].id],
            "dossier": world.ids["dossier"],
            "text": world.ids[text],
            **more,
        },
    )


def in_force(world: World, *parties: str, text: str = "t", **more) -> dict:
    ids = [world.parties[name].id for name in parties or ("A", "B")]
    return claim(
        world,
        "in-force",
        **{
            "as_of": world.ids["as of"],
            "parties": ids,
            "dossier": world.ids["dossier"],
            "text": world.ids[text],
            **more,
        },
    )


def may(world: World, power: str, party: str = "A", mandate: str = "grant", holder: str = "agent", **more) -> dict:
    return claim(
        world,
        "may",
        **{
            "as_of": world.ids["as of"],
            "parties": [world.parties[party].id],
            "mandate": world.ids[mandate],
            "holder": Key(holder).public,
            "power": powers(power),
            **more,
        },
    )


def index_of(world: World, act: str | bytes) -> int:
    """Return the index of an act by its id, or by the name that the world has for it."""
    return world.places[world.ids[act] if isinstance(act, str) else act]


def bundles(cases: Cases, w: World) -> None:
    """Steps 1, 2, 3, 7 and 9."""
    a, texts = [w.parties["A"].id], [w.texts["t"]]
    w.ids["other"] = w.text("other", {"n": 1})
    good = bundle(bound(w), shown(w), texts=texts)
    cases.valid("bound", "A is bound by the text", good, a)
    cases.valid("bound-other", "so is B", bundle(bound(w, "B"), shown(w), texts=texts), [w.parties["B"].id])
    cases.valid(
        "later-entries",
        "what comes after the stamp is not looked at",
        bundle(bound(w), shown(later(w)), texts=texts),
        a,
    )

    def no(name, what, reason, step, differs, value, trust=None, verdict=INVALID, twin="bound", **more):
        cases.other(name, what, verdict, reason, step, twin, differs, value, a if trust is None else trust, **more)

    no("format", "another format", "bundle.malformed", 1, "the format", {**good, "format": "pourparler/2 evidence"})
    no(
        "part-missing",
        "a part is missing",
        "bundle.malformed",
        1,
        "the texts",
        {k: v for k, v in good.items() if k != "texts"},
    )
    no("part-unknown", "a part too many", "bundle.malformed", 1, "a further part", {**good, "note": "hello"})
    no("no-ledger", "no ledger", "bundle.malformed", 1, "the ledgers", {**good, "ledgers": []})
    no("ledger-twice", "a ledger twice", "bundle.malformed", 1, "the ledgers", {**good, "ledgers": good["ledgers"] * 2})
    ledger = good["ledgers"][0]
    no(
        "entries-order",
        "entries out of order",
        "bundle.malformed",
        1,
        "the entries",
        {**good, "ledgers": [{**ledger, "entries": ledger["entries"][::-1]}]},
    )
    no(
        "entry-type",
        "an entry that is no byte string",
        "bundle.malformed",
        1,
        "an entry",
        {**good, "ledgers": [{**ledger, "entries": [[0, "text"], *ledger["entries"][1:]]}]},
    )
    no("cut-short", "cut short", "cbor.malformed", 1, "the last byte", encode(good)[:-1])
    no("trailing", "a byte too many", "cbor.malformed", 1, "a byte after the end", encode(good) + b"\x00")
    for part, other in (("hashes", {}), ("earlier", ""), ("entries", b"")):
        no(
            f"{part}-no-list",
            f"the {part} are an empty {type(other).__name__}, and no list",
            "bundle.malformed",
            1,
            f"the {part}",
            {**good, "ledgers": [{**ledger, part: other}]},
        )
    no("texts-no-list", "the texts are an empty map", "bundle.malformed", 1, "the texts", {**good, "texts": {}})
    no(
        "claim-kind",
        "no such claim",
        "bundle.claim",
        1,
        "the claim's kind",
        {**good, "claim": {**good["claim"], "kind": "proven"}},
    )
    no(
        "claim-part",
        "a part of the claim is missing",
        "bundle.claim",
        1,
        "the claim's text",
        {**good, "claim": {k: v for k, v in good["claim"].items() if k != "text"}},
    )
    no(
        "claim-parties",
        "one party too many",
        "bundle.claim",
        1,
        "the claim's parties",
        {**good, "claim": {**good["claim"], "parties": [w.parties[n].id for n in "AB"]}},
    )
    no(
        "not-trusted",
        "you trust neither",
        "trust.unknown-party",
        2,
        "the trust",
        good,
        [kit.chance("another party")],
        CANNOT,
    )
    changed = [[i, e if i != index_of(w, "s") else e[:-1] + bytes([e[-1] ^ 1])] for i, e in ledger["entries"]]
    no(
        "entry-changed",
        "a byte of an entry was changed",
        "proof.root",
        3,
        "a byte of an entry",
        {**good, "ledgers": [{**ledger, "entries": changed}]},
    )
    no(
        "hash-too-many",
        "a hash too many",
        "proof.length",
        3,
        "the hashes",
        {**good, "ledgers": [{**ledger, "hashes": [bytes(32)]}]},
    )
    forged = law.checkpoint(w, len(w.entries), signer=Key("another ledger"))
    no(
        "checkpoint-forged",
        "the checkpoint is another's",
        "note.signature",
        3,
        "the checkpoint's signature",
        {**good, "ledgers": [{**ledger, "checkpoint": forged}]},
    )
    no(
        "other-ledger",
        "the claim's ledger is not shown",
        "ledger.not-shown",
        6,
        "the claim's ledger",
        {**good, "claim": {**good["claim"], "ledger": World("other").ref}},
        verdict=CANNOT,
    )
    left_out = lambda *names: bundle(bound(w), shown(w, without=[index_of(w, n) for n in names]), texts=texts)
    for name in ("s", "grant", "theirs", "dossier"):
        no(
            f"left-out-{name if name != 's' else 'signature'}",
            "an act is left out, and with it what rests on it",
            "stream.incomplete",
            7,
            "an entry",
            left_out(name),
            verdict=CANNOT,
        )
    no(
        "no-stamp-shown",
        "the stamp it is as of is left out",
        "stream.no-stamp",
        7,
        "an entry",
        bundle(bound(w), shown(w, without=[w.ids["as of"]]), texts=texts),
        verdict=CANNOT,
    )
    no(
        "as-of-nothing",
        "the index is no stamp's",
        "stream.no-stamp",
        7,
        "the claim's index",
        bundle(bound(w, as_of=index_of(w, "s")), shown(w), texts=texts),
        verdict=CANNOT,
    )
    no(
        "not-stated",
        "a stamp that states other streams",
        "stream.not-stated",
        7,
        "the claim's index",
        bundle(bound(w, as_of=1), shown(w), texts=texts),
        verdict=CANNOT,
    )
    no(
        "stamp-missing",
        "a transaction's stamp is left out",
        "stamp.missing",
        4,
        "an entry",
        bundle(bound(w), shown(w, without=[index_of(w, "s") - 1]), texts=texts),
        verdict=CANNOT,
    )
    no(
        "text-missing",
        "the text is not here",
        "text.missing",
        9,
        "the texts",
        bundle(bound(w), shown(w)),
        verdict=CANNOT,
    )
    no(
        "text-changed",
        "a changed text is another text",
        "text.missing",
        9,
        "a byte of the text",
        bundle(bound(w), shown(w), texts=[w.texts["t"].replace(b"ax", b"ay")]),
        verdict=CANNOT,
    )
    cases.valid(
        "text-too-many",
        "a text that is none is left aside",
        bundle(bound(w), shown(w), texts=[*texts, encode({"not": "a text"})]),
        a,
    )
    before = treaty_without_ratification()
    no(
        "not-bound",
        "signed ad referendum only: the evidence is whole, and proves the contrary",
        "claim.not-bound",
        10,
        "the ratification",
        bundle(bound(before), shown(before), texts=texts),
        [before.parties["A"].id],
    )
    no(
        "not-bound-text",
        "another text",
        "claim.not-bound",
        10,
        "the claim's text",
        bundle(bound(w, text="other"), shown(w), texts=[*texts, w.texts["other"]]),
    )
    no(
        "dossier-unknown",
        "no such dossier",
        "stream.not-stated",
        7,
        "the claim's dossier",
        bundle(bound(w, dossier=kit.chance("no dossier")), shown(w), texts=texts),
        verdict=CANNOT,
    )


def later(w: World) -> World:
    """Return a world in which something was logged after the stamp."""
    world = w.copy()
    world.decide("A", "dismiss", mandate=world.ids["grant"])
    world.stamp()
    return world


def treaty_without_ratification() -> World:
    world = in_talks(small())
    adopted(world)
    ad_referendum(world)
    reply(world, "conclude", text=world.ids["t"])
    return stated(world)


def claims(cases: Cases, w: World) -> None:
    """Step 10: the four claims."""
    a, texts = [w.parties["A"].id], [w.texts["t"]]
    cases.valid("in-force", "the text is in force between A and B", bundle(in_force(w), shown(w), texts=texts), a)
    cases.valid(
        "in-force-age",
        "with an instant, the report says how old that is",
        bundle(in_force(w), shown(w), texts=texts),
        a,
        at=w.time + 60,
    )

    def no(name, what, verdict, reason, step, twin, differs, value, trust=a, **more):
        cases.other(name, what, verdict, reason, step, twin, differs, value, trust, **more)

    no(
        "in-force-itself",
        "between two parties",
        INVALID,
        "bundle.claim",
        1,
        "in-force",
        "the parties",
        bundle(in_force(w, "A", "A"), shown(w), texts=texts),
    )
    before = treaty_without_ratification()
    no(
        "not-in-force",
        "the condition is not met",
        INVALID,
        "claim.not-in-force",
        10,
        "in-force",
        "the ratification",
        bundle(in_force(before), shown(before), texts=texts),
    )
    recorded = lambda act, ledger=w: claim(ledger, "recorded", ledger.ids["as of"], act=act)
    cases.valid("recorded", "the signature was recorded", bundle(recorded(w.ids["s"]), shown(w)))
    no(
        "recorded-not",
        "no such act",
        CANNOT,
        "claim.not-shown",
        10,
        "recorded",
        "the act",
        bundle(recorded(kit.chance("no act")), shown(w)),
        (),
    )
    insufficient = in_talks(small())
    insufficient.ids["x"] = insufficient.log(
        insufficient.decision("A", "grant", by=["dan"], to=Key("x").public, powers=1),
        {"refused": "decision.insufficient"},
    )
    stated(insufficient)
    no(
        "recorded-refused",
        "what is not there at all is passed over",
        CANNOT,
        "claim.not-shown",
        10,
        "recorded",
        "the act",
        bundle(recorded(insufficient.ids["x"], insufficient), shown(insufficient)),
        (),
    )
    expired = in_talks(small(), until=NOW + 1)
    expired.time += 1
    expired.ids["x"] = say(expired)
    stated(expired)
    cases.valid("recorded-void", "a void act was recorded", bundle(recorded(expired.ids["x"], expired), shown(expired)))


def stamps(cases: Cases) -> None:
    """Step 4: a ledger that contradicts itself."""
    base = treaty()
    a, texts = [base.parties["A"].id], [base.texts["t"]]

    def twisted(twist) -> dict:
        world = base.copy()
        twist(world)
        return bundle(bound(stated(world)), shown(world), texts=texts)

    cases.valid("stamps", "another stamp, a second later", twisted(lambda w: w.later(1).stamp()), a)

    def no(name, what, reason, differs, twist, verdict=INVALID):
        cases.other(name, what, verdict, reason, 4, "stamps", differs, twisted(twist), a)

    no(
        "stamp-back",
        "a stamp goes back in time",
        "stamp.contradiction",
        "the stamp's time",
        lambda w: w.stamp(at=w.time - 1),
    )
    no(
        "stamp-overlap",
        "a stamp within the transaction of the one before",
        "stamp.contradiction",
        "how many entries follow",
        lambda w: w.stamp(follows=1),
    )
    no(
        "stamp-elsewhere",
        "a stamp stands elsewhere than it says",
        "stamp.index",
        "the stamp's index",
        lambda w: w.stamp(index=3),
    )
    two = kit.chance("another head")
    no(
        "stamp-two-heads",
        "one count, two heads: the ledger forked",
        "stamp.contradiction",
        "a head",
        lambda w: w.own(
            "stamp",
            {
                "index": len(w.entries),
                "at": w.time,
                "follows": 0,
                "streams": [[w.ids["dossier"], w.streams[w.ids["dossier"]][0], two]],
            },
        ),
    )
    no(
        "stamp-forged",
        "a stamp that the ledger did not sign",
        "signature.invalid",
        "the stamp's signature",
        lambda w: w.entries.append(
            kit.sign1(
                "stamp",
                encode({"kind": "stamp", "index": len(w.entries), "at": w.time, "follows": 0, "streams": []}),
                Key("another ledger"),
            )
        ),
    )
    no(
        "second-first",
        "a second first entry",
        "stamp.index",
        "the kind",
        lambda w: w.own("ledger", {"origin": w.ref["origin"], "at": w.time, "bound": 600}),
    )


def witnesses(cases: Cases) -> None:
    """Step 8."""
    base = treaty()
    base.later(30 * DAY)
    base.stamp()
    a, texts, asked = [base.parties["A"].id], [base.texts["t"]], policy(base, "w1")
    old = base.ids["as of"] + 1
    world = stated(base)
    now, then = world.time, NOW
    proven = lambda cosigned=(("w1", now),), earlier=((old, (("w1", then),)),), **more: bundle(
        bound(world), shown(world, cosigned=cosigned, earlier=earlier, **more), texts=texts
    )
    cases.valid("witnessed", "a witness saw both checkpoints in time", proven(), a, policy=asked)
    cases.valid("witnessed-at-bound", "600 seconds later is in time", proven((("w1", now + 600),)), a, policy=asked)
    cases.valid("word", "without a policy, by the depositary's word", proven((), ()), a)
    cases.valid(
        "quorum-none",
        "a policy that asks for none",
        proven((), ()),
        a,
        policy=asked.replace("quorum w1", "quorum none"),
    )

    def no(name, what, reason, differs, value, twin="witnessed", step=8, verdict=CANNOT, policy_=asked):
        cases.other(name, what, verdict, reason, step, twin, differs, value, a, policy=policy_)

    no("unwitnessed", "no cosignature", "witness.quorum", "the cosignature", proven(()))
    no("other-witness", "another witness", "witness.quorum", "the cosigner", proven((("w2", now),)))
    no(
        "witnessed-late",
        "a second too late",
        "witness.quorum",
        "the cosignature's time",
        proven((("w1", now + 601),)),
        "witnessed-at-bound",
    )
    no(
        "witnessed-early",
        "a stamp dated ahead of every clock",
        "witness.quorum",
        "the cosignature's time",
        proven((("w1", then),)),
    )
    no(
        "consent-unwitnessed",
        "the newest checkpoint covers the ratification, and not its time",
        "witness.quorum",
        "the earlier checkpoint",
        proven(earlier=()),
    )
    two = policy(base, "w1", "w2", quorum="both").replace("quorum both", "group both all w1 w2\nquorum both")
    no("half-a-quorum", "one of two", "witness.quorum", "the policy", proven(), policy_=two)
    no("no-bound", "the first entry with its bound is left out", "witness.no-bound", "an entry", proven(without=[0]))
    asked_for(cases, asked)
    passed_over(cases, world, old, asked)
    broken = shown(world, cosigned=[("w1", now)], earlier=[(old, (("w1", then),))])
    broken["earlier"] = [[broken["earlier"][0][0], [bytes(32)] * len(broken["earlier"][0][1])]]
    no(
        "earlier-inconsistent",
        "an earlier checkpoint of another tree",
        "proof.inconsistent",
        "the consistency proof",
        bundle(bound(world), broken, texts=texts),
        step=3,
        verdict=INVALID,
    )


def passed_over(cases: Cases, world: World, old: int, policy_: str) -> None:
    """An earlier checkpoint that does not open proves nothing; what the ledger signed has to be of its tree."""
    a, texts, now, then = [world.parties["A"].id], [world.texts["t"]], world.time, NOW
    whole = shown(world, cosigned=[("w1", now)], earlier=[(old, (("w1", then),))])
    ((good, path),) = whole["earlier"]
    bad = law.spoilt(good)
    by_another = law.checkpoint(world, old, [("w1", then)], signer=Key("someone else"))

    def other_tree(cosigned: bool) -> bytes:
        forked = world.copy()
        forked.entries[1] = b"another entry"
        note = law.checkpoint(forked, old, [("w1", then)])
        return note if cosigned else law.spoilt(note)

    def given(*earlier, note=whole["checkpoint"]) -> dict:
        shown_ = {**whole, "checkpoint": note, "earlier": [[one, path] for one in earlier]}
        return bundle(bound(world), shown_, texts=texts)

    for name, what, one in (
        ("earlier-line-fails", "an earlier checkpoint with a witness's line that fails, beside a good one", bad),
        ("earlier-by-another", "one that the ledger has not signed", by_another),
        ("earlier-no-note", "one that is no note", b"no note"),
    ):
        cases.valid(name, what, given(one, good), a, policy=policy_)
        cases.valid(f"{name}-last", "and the other way round", given(good, one), a, policy=policy_)

    def no(name, what, verdict, reason, step, differs, value, twin="earlier-line-fails"):
        cases.other(name, what, verdict, reason, step, twin, differs, value, a, policy=policy_)

    no("earlier-line-fails-alone", "it proves nothing", CANNOT, "witness.quorum", 8, "an earlier one", given(bad))
    no(
        "line-fails",
        "the bundle's own checkpoint has to open",
        INVALID,
        "cosignature.signature",
        3,
        "the checkpoint",
        given(good, note=law.spoilt(whole["checkpoint"])),
    )
    for name, what, cosigned in (
        ("earlier-fork", "the ledger signed another tree, and the witness, too", True),
        ("earlier-fork-line-fails", "the ledger signed another tree, and the witness's line fails", False),
    ):
        no(name, what, INVALID, "proof.inconsistent", 3, "an earlier one", given(good, other_tree(cosigned)))


def asked_for(cases: Cases, policy_: str) -> None:
    """Step 8 where a dossier or a mandate asks for witnesses, whatever the verifier's policy asks."""
    by_rules = small()
    granted(by_rules, *TALKS)
    open_(by_rules, "grant", rules={"adopt": "all", "witnessed": True})
    reply(by_rules, "join")
    for name, what, world, parties in (
        ("by-rules", "the dossier asks for witnesses", by_rules, "AB"),
        ("by-mandate", "the signer's mandate asks for witnesses", in_talks(small(), witnessed=True), "A"),
    ):
        adopted(world)
        world.ids["s"] = ad_referendum(world)
        reply(world, "conclude", text=world.ids["t"])
        ratify(world, world.ids["s"])
        stated(world)
        for one in "AB":
            trust, texts = [world.parties[one].id], [world.texts["t"]]
            seen = bundle(bound(world, one), shown(world, cosigned=(("w1", world.time),)), texts=texts)
            cases.valid(f"{name}-seen-{one}", f"{what}, and they have seen it", seen, trust, policy=policy_)
            if one in parties:
                cases.other(
                    f"{name}-word-{one}",
                    f"{what}, and the depositary's word is not enough",
                    CANNOT,
                    "witness.required",
                    8,
                    f"{name}-seen-{one}",
                    "the policy",
                    seen,
                    trust,
                    policy=policy_.replace("quorum w1", "quorum none"),
                )
            else:
                cases.valid(f"{name}-word-{one}", "the other party's mandate does not ask", seen, trust)


def homes(cases: Cases) -> None:
    """Step 5, and standing by the home: A's home is another ledger than the dossier's."""
    home, there = World("home"), World("there")
    home.found("A", "ann", "bob", "cay")
    there.parties["A"] = home.copy().parties["A"]
    there.parties["A"].home = home.key.public
    founding = bytes.fromhex(home.acts[0]["act"])
    there.log(law.Act("found", {}, founding, home.parties["A"].id, home.parties["A"].id, True))
    there.found("B", "dan")
    there.ids["theirs"] = there.grant("B", "envoy", *TALKS, "conclude")

    def both(act: law.Act, at_home: bool = True, here: bool = True) -> bytes:
        if at_home:
            home.log(act)
            home.parties["A"].heads["council"] = act.id
        if here:
            there.log(act)
            there.parties["A"].heads["council"] = act.id
        return act.id

    decision = lambda kind, **fields: there.decision("A", kind, **fields)
    there.ids["grant"] = both(decision("grant", to=Key("agent").public, powers=powers(*TALKS, "conclude")))
    early = home.copy()
    early.stamp()
    open_(there, "grant")
    reply(there, "join")
    adopted(there)
    sibling = decision("grant", to=Key("rival").public, powers=1)
    s = ad_referendum(there)
    seen = {"dossier": there.position(there.ids["dossier"]), "party": there.position(there.parties["A"].id)}
    fields = {"dossier": there.ids["dossier"], "text": there.ids["t"], "signs": [s], "seen": seen}
    rival, before = there.copy(), there.copy()
    both(decision("ratify", **fields))
    home.stamp()
    stated(there)
    a, texts = [home.parties["A"].id], [there.texts["t"]]
    proven = lambda w=there, h=home, **more: bundle(bound(w), shown(w), *([shown(h, **more)] if h else []), texts=texts)
    cases.valid("home", "ratified at home and here", proven(), a)

    def no(name, what, verdict, reason, step, differs, value, twin="home"):
        cases.other(name, what, verdict, reason, step, twin, differs, value, a)

    no("home-not-shown", "the home ledger is not shown", CANNOT, "home.not-shown", 6, "the ledgers", proven(h=None))
    no(
        "home-too-early",
        "the home is shown up to before the ratification",
        CANNOT,
        "home.not-shown",
        6,
        "the home's entries",
        proven(h=early),
    )
    no(
        "home-gap",
        "an act of the home's stream is left out",
        CANNOT,
        "home.incomplete",
        5,
        "an entry of the home",
        proven(without=[4]),
    )
    no(
        "home-without-founding",
        "nor its founding act",
        CANNOT,
        "home.not-shown",
        6,
        "an entry of the home",
        proven(without=[2]),
    )
    no(
        "home-unstated",
        "no stamp of the home states the stream",
        CANNOT,
        "home.incomplete",
        5,
        "the home's stamps",
        proven(h=unstated(home)),
    )
    # The home took another decision at the place of the ratification.
    rival_home = early.copy()
    rival_home.log(sibling)
    rival_home.stamp()
    rival.log(rival.decision("A", "ratify", **fields), {"void": "standing.sibling"})
    stated(rival)
    no(
        "sibling",
        "the home took another decision in the ratification's place",
        INVALID,
        "claim.not-bound",
        10,
        "the home's entries",
        proven(rival, rival_home),
    )
    # What follows such a decision can never be real; before the home has taken one, nobody can tell.
    followed = before.copy()
    followed.parties["A"].heads["council"] = followed.log(sibling)
    followed.decide("A", "decide", words="after a sibling")
    followed.log(followed.decision("A", "ratify", **fields), {"void": "standing.sibling"})
    stated(followed)
    other_home = early.copy()
    other_home.log(before.decision("A", "decide", words="what the home took"))
    other_home.stamp()
    no(
        "after-a-sibling",
        "the home took another decision in the place of one that the ratification follows",
        INVALID,
        "claim.not-bound",
        10,
        "the home's entries",
        proven(followed, other_home),
    )
    no(
        "after-what-is-not-shown",
        "the home has taken none in that place yet",
        CANNOT,
        "home.not-shown",
        6,
        "the home's entries",
        proven(followed, early),
    )
    allowed = lambda w: claim(
        w,
        "may",
        w.ids["as of"],
        parties=a,
        mandate=there.ids["grant"],
        holder=Key("agent").public,
        power=powers("conclude"),
    )
    cases.valid("may-home", "what a holder may do shows at home", bundle(allowed(stated(home)), shown(home)), a)
    no(
        "may-elsewhere",
        "and in no other ledger",
        CANNOT,
        "home.not-shown",
        10,
        "the claim's ledger",
        bundle(allowed(there), shown(there), shown(home)),
        twin="may-home",
    )
    # A move that the home did not take, because it took a dismissal.
    left, fake = World("home"), World("fake")
    left.found("A", "ann")
    mandate = left.grant("A", "agent", *TALKS, "conclude")
    fake.parties["A"], party = left.copy().parties["A"], left.parties["A"].id
    move = left.decision("A", "move-home", home=fake.ref)
    left.decide("A", "dismiss", mandate=mandate)
    left.stamp()
    for row in left.acts[:2]:
        data = bytes.fromhex(row["act"])
        name = party if row is left.acts[0] else mandate
        fake.log(law.Act("found" if row is left.acts[0] else "grant", {"organ": 0}, data, name, party, True))
    fake.log(move)
    stated(fake)
    there_he_may = claim(
        fake, "may", fake.ids["as of"], parties=[party], mandate=mandate, holder=Key("agent").public, power=32
    )
    cases.other(
        "may-moved-by-sibling",
        "a move that the home did not take makes no home",
        CANNOT,
        "home.not-shown",
        10,
        "may-home",
        "the claim's ledger",
        bundle(there_he_may, shown(fake), shown(left)),
        [party],
    )
    returns(cases)


def returns(cases: Cases) -> None:
    """A party moves to another home, and back: its first home is home again if the other one let it go."""
    (first, second), (deluded, other) = came_back(taken=True), came_back(taken=False)
    party = [first.parties["A"].id]
    cases.valid(
        "may-returned", "the party came home again", bundle(may_conclude(first), shown(first), shown(second)), party
    )

    def no(name: str, what: str, differs: str, *ledgers: World) -> None:
        value = bundle(may_conclude(ledgers[0]), *map(shown, ledgers))
        cases.other(name, what, CANNOT, "home.not-shown", 10, "may-returned", differs, value, party)

    no("may-returned-unproven", "that the home between let it go is not shown", "the ledgers", first)
    no("may-returned-in-vain", "the home between took another decision", "the other home", deluded, other)
    gap = bundle(may_conclude(first), shown(first), shown(second, without=[6]))
    what = "an act of the party is left out of a home that it left"
    cases.other(
        "home-left-gap", what, CANNOT, "home.incomplete", 5, "may-returned", "an entry of the other home", gap, party
    )
    no("may-left", "the home between is none any more", "the claim's ledger", second, first)


def came_back(*, taken: bool) -> tuple[World, World]:
    """Return the two ledgers; of the return only the first one hears, unless it was ``taken``."""
    first, second = World("home"), World("second")
    party = first.found("A", "ann")
    council = first.parties["A"]
    second.parties["A"] = council
    second.log(law.Act("found", {"organ": 0}, bytes.fromhex(first.acts[0]["act"]), party, party, True))
    gone = first.decision("A", "move-home", home=second.ref)
    council.heads["council"] = gone.id
    back = first.decision("A", "move-home", home=first.ref)
    other = first.decision("A", "decide", words="we stay")
    first.log(gone)
    first.log(back)
    second.log(gone)
    second.member("A", "ann", "dissent", about=kit.chance("the move"))
    second.log(back if taken else other)
    council.heads["council"] = back.id
    grant = first.decision("A", "grant", to=Key("agent").public, powers=powers(*TALKS, "conclude"))
    for world in (first, second) if taken else (first,):
        world.ids["grant"] = world.log(grant)
    return stated(first), stated(second)


def may_conclude(world: World) -> dict:
    named = {"mandate": world.ids["grant"], "holder": Key("agent").public, "power": powers("conclude")}
    return claim(world, "may", world.ids["as of"], parties=[world.parties["A"].id], **named)


def unstated(home: World) -> World:
    """Return a home ledger whose stamps state no stream."""
    world = World("home")
    for row in home.acts:
        world.stamp([], follows=1)
        world.entries.append(bytes.fromhex(row["act"]))
    return world


def holders(cases: Cases) -> None:
    """The claim *may*."""
    world = stated(in_talks(small(), *TALKS, "conclude"))
    a = [world.parties["A"].id]
    cases.valid("may", "the agent may conclude now", bundle(may(world, "conclude"), shown(world)), a)

    def no(name, what, reason, differs, value, twin="may", verdict=INVALID, step=10, trust=None):
        cases.other(name, what, verdict, reason, step, twin, differs, value, trust or a)

    no(
        "may-not-holder",
        "another key",
        "claim.not-holder",
        "the holder",
        bundle(may(world, "conclude", holder="envoy"), shown(world)),
    )
    no(
        "may-not-power",
        "a power that was not given",
        "power.missing",
        "the power",
        bundle(may(world, "denounce"), shown(world)),
    )
    no(
        "may-no-power",
        "no power",
        "bundle.claim",
        "the power",
        bundle({**may(world, "conclude"), "power": 0}, shown(world)),
        step=1,
    )
    no(
        "may-unknown",
        "no such mandate",
        "unknown.mandate",
        "the mandate",
        bundle({**may(world, "conclude"), "mandate": kit.chance("no mandate")}, shown(world)),
        verdict=CANNOT,
    )
    dismissed = in_talks(small(), *TALKS, "conclude")
    d = dismissed.decide("A", "dismiss", mandate=dismissed.ids["grant"])
    stated(dismissed)
    no(
        "may-dismissed",
        "he was dismissed",
        "standing.dismissed",
        "the dismissal",
        bundle(may(dismissed, "conclude"), shown(dismissed)),
    )
    no(
        "may-dismissal-left-out",
        "and the dismissal is left out",
        "stream.incomplete",
        "the dismissal, left out",
        bundle(may(dismissed, "conclude"), shown(dismissed, without=[index_of(dismissed, d)])),
        verdict=CANNOT,
        step=7,
    )
    expired = in_talks(small(), *TALKS, "conclude", until=NOW + DAY)
    stated(expired.later(DAY))
    no(
        "may-expired",
        "it has expired by the stamp's time",
        "standing.expired",
        "the stamp's time",
        bundle(may(expired, "conclude"), shown(expired)),
    )
    leased = in_talks(small(beacons=public("beacon")), *TALKS, "conclude", fresh=60)
    stated(leased)
    no(
        "may-stale",
        "no beacon",
        "standing.stale",
        "the lease",
        bundle(may(leased, "conclude"), shown(leased)),
        trust=[leased.parties["A"].id],
    )


def monotone(cases: Cases) -> None:
    """More evidence moves a verdict only away from CANNOT TELL."""
    # A duty done in a dossier that is shown, or not.
    world = small()
    granted(world, *TALKS, duty={"kind": "open", "by": NOW + DAY, "then": Key("successor").public})
    world.duties[world.ids["grant"]] = "open"
    open_(world, "grant")
    stated(world.later(2 * DAY))
    a = [world.parties["A"].id]
    cases.valid(
        "duty-shown", "the duty was done in a dossier that is shown", bundle(may(world, "open"), shown(world)), a
    )
    cases.other(
        "duty-not-shown",
        "or in one that is not",
        CANNOT,
        "stream.incomplete",
        7,
        "duty-shown",
        "an entry",
        bundle(may(world, "open"), shown(world, without=[index_of(world, "dossier")])),
        a,
    )
    # A cumulative limit reckoned with a text that is not shown.
    world = small()
    in_talks(world, *TALKS, "conclude", limit={"path": "total", "most": "100", "ledger": world.ref})
    adopted(world, "t", {"total": "10"})
    adopted(world, "u", {"total": "20"})
    first = say(world, "conclude", text=world.ids["t"], total="10")
    say(world, "conclude", text=world.ids["u"], total="30", previous=first)
    stated(world)
    a = [world.parties["A"].id]
    cases.valid(
        "limit-texts",
        "both texts are here",
        bundle(bound(world, text="u"), shown(world), texts=world.texts.values()),
        a,
    )
    cases.other(
        "limit-text-missing",
        "the first signature's text is not",
        CANNOT,
        "text.missing",
        6,
        "limit-texts",
        "a text",
        bundle(bound(world, text="u"), shown(world), texts=[world.texts["u"]]),
        a,
    )
    # Another text between the same parties, in a dossier not shown, may be wider.
    world = small()
    in_talks(world, *TALKS, "conclude")
    adopted(world, scopes=["north"])
    for by in (say, reply):
        by(world, "conclude", text=world.ids["t"])
    local = world.ids["dossier"]
    first = len(world.acts)
    open_(world, "grant")
    reply(world, "join")
    adopted(world, "u")
    inside = [row["index"] for row in world.acts[first:]]
    for by in (say, reply):
        by(world, "conclude", text=world.ids["u"])
    world.ids["dossier"] = local
    stated(world)
    a = [world.parties["A"].id]
    whole = bundle(in_force(world), shown(world), texts=world.texts.values())
    cases.valid("wider-shown", "another text between the two is shown, and not wider", whole, a)
    cases.other(
        "wider-not-shown",
        "not shown, it may be",
        CANNOT,
        "dossier.not-shown",
        10,
        "wider-shown",
        "the other dossier's entries",
        bundle(in_force(world), shown(world, without=inside), texts=world.texts.values()),
        a,
    )
    # A party that never joined, whose consent needs its superior's confirmation.
    world = in_talks(small(), *TALKS, "conclude")
    world.found(
        "C",
        organs=[organ("top", "eve"), {**organ("council", "cyd"), "superior": "top", "subject": 64}],
        signers=["cyd", "eve"],
    )
    world.parties["C"].signers.update(top=["eve"], council=["cyd"])
    adopted(world, force={"when": ["count", 3]}, open_to="any")
    for by in (say, reply):
        by(world, "conclude", text=world.ids["t"])
    seen = {"dossier": world.position(world.ids["dossier"]), "party": world.position(world.parties["C"].id)}
    acceded = world.decide("C", "accede", dossier=world.ids["dossier"], text=world.ids["t"], seen=seen)
    confirmed = world.decide("C", "confirm", "top", about=acceded, answer=True)
    stated(world)
    a = [world.parties["A"].id]
    texts = [world.texts["t"]]
    cases.valid(
        "third-confirmed",
        "in force by the consent of a third that never joined",
        bundle(in_force(world), shown(world), texts=texts),
        a,
    )
    cases.other(
        "third-confirmation-left-out",
        "whose confirmation is left out",
        CANNOT,
        "stream.incomplete",
        7,
        "third-confirmed",
        "an entry",
        bundle(in_force(world), shown(world, without=[index_of(world, confirmed)]), texts=texts),
        a,
    )
    # A signature in a dossier that is not shown, under a cumulative limit.
    world = small()
    in_talks(world, *TALKS, "conclude", limit={"path": "total", "most": "100", "ledger": world.ref})
    adopted(world, "t", {"total": "10"})
    say(world, "conclude", text=world.ids["t"], total="10")
    stated(world)
    a = [world.parties["A"].id]
    cases.valid(
        "limit-dossier",
        "the dossier is shown",
        bundle(may(world, "conclude"), shown(world), texts=world.texts.values()),
        a,
    )
    cases.other(
        "limit-dossier-not-shown",
        "it is not",
        CANNOT,
        "dossier.not-shown",
        6,
        "limit-dossier",
        "an entry",
        bundle(may(world, "conclude"), shown(world, without=[index_of(world, "dossier")])),
        a,
    )
