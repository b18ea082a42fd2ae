"""Vectors of spec/council.md: founding, decisions, places, roles, elections, recovery, votes."""

# ruff: noqa: E731 -- a step of a case is best read beside the case

import json

from spec.vectors import kit
from spec.vectors.kit import Group, Key, encode
from spec.vectors.law import ALL, DAY, NOW, Book, World, group, organ, powers, public, seats

COUNCIL = ("ann", "bob", "cay")
BALLOT = {"open": DAY, "quorum": 2, "share": [1, 2]}
QUESTION = {"dossier": kit.chance("a dossier elsewhere"), "text": kit.chance("a text elsewhere")}


@group("council")
def council(group: Group) -> None:
    founding(group)
    decisions(group)
    organs(group)
    terms(group)
    recovery(group)
    moves(group)
    votes(group)
    members(group)
    elsewhere(group)


def founding(group: Group) -> None:
    book = Book(group, World())
    plain = organ("council", *COUNCIL)
    good = book.ok("found", "two of three decide", lambda w: w.found("A", *COUNCIL))
    twin = good.split("/")[1]

    def no(name, what, differs, **fields):
        reason = fields.pop("reason", "decision.rule")
        book.refused(name, what, reason, fields.pop("twin", twin), differs, lambda w: w.found("A", *COUNCIL, **fields))

    no(
        "found-half",
        "two of four could decide twice",
        "the seats",
        organs=[organ("council", *COUNCIL, "dan", needs=2)],
        signers=(*COUNCIL, "dan"),
    )
    no("found-needs-all-and-one", "more needed than there is", "the weight needed", organs=[{**plain, "needs": 4}])
    no("found-two-names", "two organs of one name", "the organs", organs=[plain, plain])
    no(
        "found-superior-after",
        "a superior is named before",
        "the organs",
        organs=[{**plain, "name": "office", "superior": "council"}, plain],
    )
    no(
        "found-possession",
        "a member's key has not signed",
        "the signatures",
        signers=("ann", "bob"),
        reason="decision.possession",
    )
    no(
        "found-ledger-member",
        "the home ledger's key as a member's",
        "the home",
        home={"origin": "home.example", "key": Key("ann").public},
        reason="decision.key-role",
    )
    no(
        "found-beacon-member",
        "a member's key as beacon",
        "the beacons",
        beacons=public("ann"),
        reason="decision.key-role",
        twin="found-beacon",
    )
    book.ok("found-beacon", "a beacon key of its own", lambda w: w.found("A", *COUNCIL, beacons=public("beacon")))
    book.ok(
        "found-weights",
        "weight 3 of 5",
        lambda w: w.found(
            "A",
            *COUNCIL,
            organs=[{**plain, "seats": sorted([[Key("ann").public, 3], *seats("bob", "cay")]), "needs": 3}],
        ),
    )
    ballot = {**plain, "votes": 64, "ballot": BALLOT}
    book.ok("found-ballot", "ratify is put to a vote", lambda w: w.found("A", *COUNCIL, organs=[ballot]))
    for name, what, changed in (
        ("no-ballot", "a vote without a ballot", {"ballot": None}),
        ("votes-conclude", "only ratify and denounce are put to a vote", {"votes": 32}),
        ("share-below-half", "a third of yes and no", {"ballot": {**BALLOT, "share": [1, 3]}}),
        ("share-whole", "all of yes and no cannot be exceeded", {"ballot": {**BALLOT, "share": [1, 1]}}),
        ("quorum-half", "a quorum of one of three", {"ballot": {**BALLOT, "quorum": 1}}),
        ("quorum-too-high", "a quorum of four of three", {"ballot": {**BALLOT, "quorum": 4}}),
    ):
        value = {k: v for k, v in {**ballot, **changed}.items() if v is not None}
        no(f"found-{name}", what, "the ballot", organs=[value], twin="found-ballot")
    above = {**organ("congress", "ann"), "powers": 64}
    book.ok(
        "found-subject",
        "a power subject to a superior",
        lambda w: w.found("A", *COUNCIL, organs=[above, {**plain, "superior": "congress", "subject": 64}]),
    )
    no(
        "found-subject-alone",
        "and there is none",
        "the superior",
        organs=[above, {**plain, "subject": 64}],
        twin="found-subject",
    )
    urgent = {**plain, "urgent": {"keys": public("ann"), "needs": 1, "lapse": 100}, "suspenders": public("bob")}
    book.ok("found-urgent", "who acts in urgency, who suspends", lambda w: w.found("A", *COUNCIL, organs=[urgent]))
    no(
        "found-urgent-stranger",
        "only members act in urgency",
        "the urgent members",
        organs=[{**urgent, "urgent": {**urgent["urgent"], "keys": public("dan")}}],
        twin="found-urgent",
    )
    no(
        "found-suspender-stranger",
        "only members suspend",
        "the suspenders",
        organs=[{**urgent, "suspenders": public("dan")}],
        twin="found-urgent",
    )


def decisions(group: Group) -> None:
    world = World()
    world.found("A", *COUNCIL, beacons=public("beacon"))
    book = Book(group, world).base_case("base", "a council of three, two of which decide; a beacon key")
    fields = {"to": Key("agent").public, "powers": 3}
    grant = lambda w, **more: w.log(w.decision("A", "grant", **{**fields, **more}))
    book.ok("grant", "signed by two of three", grant)
    book.ok("grant-by-three", "a third member's good signature stays in", lambda w: grant(w, by=COUNCIL))
    book.refused(
        "grant-by-one",
        "one of three",
        "decision.insufficient",
        "grant",
        "the signatures",
        lambda w: grant(w, by=["ann"]),
    )
    book.refused(
        "grant-by-strangers",
        "strangers have no weight",
        "decision.insufficient",
        "grant",
        "the signatures",
        lambda w: grant(w, by=["dan", "eve"]),
    )
    book.refused(
        "grant-stranger-too",
        "an entry holds what counts, and nothing else",
        "envelope.not-canonical",
        "grant",
        "the signatures",
        lambda w: grant(w, by=["ann", "bob", "dan"]),
    )

    def twisted(w, rows):
        act = w.decision("A", "grant", **fields)
        payload = encode({"kind": "grant", **act.fields})
        data = (
            b"\xd8\x62\x84\x40\xa0"
            + encode(payload)
            + kit.head(4, len(rows))
            + b"".join(kit.row("grant", payload, Key(name)) for name in rows)
        )
        w.log(type(act)("grant", act.fields, data, act.id, act.party, True))

    in_order = [key.name for key in kit.in_order([Key("ann"), Key("bob")])]
    book.refused(
        "grant-order",
        "signatures are in the order of the keys",
        "envelope.not-canonical",
        "grant",
        "the signatures",
        lambda w: twisted(w, in_order[::-1]),
    )
    book.refused(
        "grant-twice",
        "one signature for each key",
        "envelope.not-canonical",
        "grant",
        "the signatures",
        lambda w: twisted(w, [in_order[0], *in_order]),
    )
    book.refused(
        "grant-one-twice",
        "a signature counts once",
        "decision.insufficient",
        "grant",
        "the signatures",
        lambda w: twisted(w, [in_order[0]] * 2),
    )
    book.refused(
        "unknown-organ",
        "no organ of this id",
        "unknown.organ",
        "grant",
        "the organ",
        lambda w: w.log(
            w.signed(
                "grant",
                {"organ": kit.chance("no organ"), "prior": kit.chance("no organ"), **fields},
                ["ann", "bob"],
                b"",
                several=True,
            )
        ),
    )
    book.refused(
        "unknown-prior",
        "no decision of this id",
        "unknown.prior",
        "grant",
        "the prior",
        lambda w: grant(w, prior=kit.chance("no place")),
    )
    book.refused(
        "duplicate",
        "an act has one entry",
        "act.duplicate",
        "grant",
        "the act is logged again",
        lambda w: (grant(w), grant(w)),
    )
    stamp = lambda w: w.log(
        w.signed(
            "stamp",
            {"index": len(w.entries) + 1, "at": w.time, "follows": 0, "streams": []},
            [w.key.name],
            b"",
            several=False,
        ),
        {"refused": ""},
    )
    book.refused(
        "stamp-submitted", "only the ledger itself writes its stamps", "stamp.submitted", "grant", "the kind", stamp
    )
    book.ok("second", "the next place", lambda w: (w.decide("A", "grant", **fields), grant(w, powers=1)))
    book.refused(
        "sibling",
        "a place has one child",
        "decision.overtaken",
        "second",
        "the prior",
        lambda w: (grant(w), grant(w, powers=1)),
    )
    book.refused(
        "holder-is-member",
        "a member's key cannot hold a mandate",
        "decision.key-role",
        "grant",
        "the holder",
        lambda w: grant(w, to=Key("cay").public),
    )
    book.refused(
        "holder-is-beacon",
        "a beacon key cannot hold a mandate",
        "decision.key-role",
        "grant",
        "the holder",
        lambda w: grant(w, to=Key("beacon").public),
    )
    book.ok(
        "deliberate",
        "courses weighed, and a decision that cites them",
        lambda w: w.decide(
            "A",
            "decide",
            cites=[
                w.decide(
                    "A",
                    "deliberate",
                    courses=[
                        {"name": "truce", "reason": "bread"},
                        {"name": "war", "reason": "none", "ruled_out": True},
                    ],
                )
            ],
        ),
    )
    appoint = book.ok(
        "appoint", "further beacon keys", lambda w: w.decide("A", "appoint", beacons=public("new beacon"))
    )
    book.refused(
        "appoint-member",
        "a member's key has its role",
        "decision.key-role",
        appoint.split("/")[1],
        "the beacons",
        lambda w: w.decide("A", "appoint", beacons=public("ann")),
    )
    book.ok(
        "move-home",
        "a decision like others",
        lambda w: w.decide("A", "move-home", home={"origin": "new.example", "key": Key("new ledger").public}),
    )
    elect = {"seats": seats("ann", "bob", "dan"), "needs": 2}
    book.ok(
        "elect",
        "a new member signs, one who keeps his seat need not",
        lambda w: w.decide("A", "elect", by=["ann", "bob", "dan"], **elect),
    )
    book.refused(
        "elect-possession",
        "the new member has not signed",
        "decision.possession",
        "elect",
        "the signatures",
        lambda w: w.decide("A", "elect", by=["ann", "bob"], **elect),
    )
    book.refused(
        "elect-half",
        "two of four",
        "decision.rule",
        "elect",
        "the seats",
        lambda w: w.decide("A", "elect", by=["ann", "bob", "dan"], seats=seats(*COUNCIL, "dan"), needs=2),
    )
    book.refused(
        "elect-beacon",
        "a beacon key cannot take a seat",
        "decision.key-role",
        "elect",
        "the seats",
        lambda w: w.decide("A", "elect", by=["ann", "bob", "beacon"], seats=seats("ann", "bob", "beacon"), needs=2),
    )
    book.ok(
        "elected-decides",
        "the new seats decide at the new place",
        lambda w: (w.decide("A", "elect", by=["ann", "bob", "dan"], **elect), grant(w, by=["bob", "dan"])),
    )
    book.refused(
        "former-member",
        "cay's seat is gone",
        "decision.insufficient",
        "elected-decides",
        "the signatures",
        lambda w: (w.decide("A", "elect", by=["ann", "bob", "dan"], **elect), grant(w, by=["cay"])),
    )

    def named_then_elected(w):
        g = w.grant("A", "agent", "propose", "delegate", depth=1)
        w.speak("A", "agent", "delegate", g, to=Key("dan").public, powers=2)
        w.decide("A", "elect", by=["ann", "bob", "dan"], **elect)

    book.ok("elect-named-key", "naming a key in a link does not keep it out of a seat", named_then_elected)


def organs(group: Group) -> None:
    world = World()
    office = {**organ("office", "oda"), "powers": powers("open", "propose", "delegate"), "superior": "council"}
    world.found(
        "A",
        "ann",
        organs=[organ("council", "ann"), office, {**organ("other", "una"), "powers": 3}],
        signers=("ann", "oda", "una"),
    )
    world.parties["A"].signers.update(council=["ann"], office=["oda"], other=["una"])
    book = Book(group, world).base_case(
        "organs", "a council, an office under it, and another organ that answers to nobody"
    )

    def constitute(w, by="office", signers=("oda", "kim"), **new):
        w.decide("A", "constitute", by, by=list(signers), new={**organ("desk", "kim"), "powers": 3, **new})

    book.ok("constitute", "an organ below, by an organ that has the powers", constitute)
    book.refused(
        "constitute-wider",
        "an organ cannot give powers that it lacks",
        "power.missing",
        "constitute",
        "the powers",
        lambda w: constitute(w, powers=ALL),
    )
    book.refused(
        "constitute-name",
        "the name is taken",
        "decision.rule",
        "constitute",
        "the name",
        lambda w: constitute(w, name="council"),
    )
    book.refused(
        "constitute-superior",
        "the superior is no organ",
        "decision.rule",
        "constitute",
        "the superior",
        lambda w: constitute(w, superior="senate"),
    )
    book.refused(
        "constitute-possession",
        "the new member has not signed",
        "decision.possession",
        "constitute",
        "the signatures",
        lambda w: constitute(w, signers=["oda"]),
    )
    theirs = lambda w, name="office": {"of": w.parties["A"].organs[name], "theirs": w.parties["A"].heads[name]}
    elect = lambda w, by="council", signer="ann", **of: w.decide(
        "A", "elect", by, by=[signer, "kim"], seats=seats("kim"), needs=1, **of
    )
    book.ok("elect-below", "a superior elects; both spines move", lambda w: elect(w, **theirs(w)))
    book.refused(
        "elect-not-below",
        "the other organ does not answer to it",
        "power.missing",
        "elect-below",
        "the organ elected",
        lambda w: elect(w, **theirs(w, "other")),
    )
    book.refused(
        "elect-above",
        "an organ does not elect its superior",
        "power.missing",
        "elect-below",
        "the organ that elects",
        lambda w: elect(w, "office", "oda", **theirs(w, "council")),
    )

    def meanwhile(w):
        of = theirs(w)
        w.grant("A", "agent", "open", organ="office")
        elect(w, **of)

    book.ok("elect-below-meanwhile", "what the office decides meanwhile does not put off its recall", meanwhile)
    book.ok(
        "elect-below-moves",
        "the office's old head has a child",
        lambda w: (
            elect(w, **theirs(w)),
            w.decide(
                "A",
                "grant",
                "office",
                by=["kim"],
                prior=w.acts and w.parties["A"].heads["council"],
                to=Key("agent").public,
                powers=1,
            ),
        ),
    )
    book.refused(
        "elect-below-moved",
        "the office's old head is taken",
        "decision.overtaken",
        "elect-below-moves",
        "the prior",
        lambda w: (elect(w, **theirs(w)), w.decide("A", "grant", "office", to=Key("agent").public, powers=1)),
    )
    hand = lambda w, **more: w.decide(
        "A", "hand-over", "office", **{"to": w.parties["A"].organs["other"], "powers": 128, **more}
    )
    take = lambda w, answer=True: w.decide("A", "confirm", "other", about=hand(w), answer=answer)
    book.ok("hand-over", "powers go to another organ", hand)
    book.refused(
        "hand-over-lacking",
        "an organ cannot hand over what it lacks",
        "power.missing",
        "hand-over",
        "the powers",
        lambda w: hand(w, powers=64),
    )
    book.refused(
        "hand-over-itself",
        "nor to itself",
        "decision.rule",
        "hand-over",
        "the receiver",
        lambda w: hand(w, to=w.parties["A"].organs["office"]),
    )
    book.refused(
        "hand-over-unknown",
        "nor to nobody",
        "unknown.organ",
        "hand-over",
        "the receiver",
        lambda w: hand(w, to=kit.chance("no organ")),
    )
    book.ok("office-grants", "the office may delegate", lambda w: w.grant("A", "agent", "open", organ="office"))
    book.refused(
        "handed-over",
        "what was handed over is gone",
        "power.missing",
        "office-grants",
        "the hand-over before",
        lambda w: (hand(w), w.grant("A", "agent", "open", organ="office")),
    )
    book.refused(
        "other-grants",
        "an organ without the power",
        "power.missing",
        "office-grants",
        "the organ",
        lambda w: w.grant("A", "agent", "open", organ="other"),
    )
    other_grants = lambda w: w.grant("A", "agent", "open", organ="other")
    book.ok("handed", "the receiver has it once it confirms", lambda w: (take(w), other_grants(w)))
    book.refused(
        "handed-unconfirmed",
        "and not before",
        "power.missing",
        "handed",
        "the confirmation",
        lambda w: (hand(w), other_grants(w)),
    )
    book.refused(
        "handed-declined",
        "nor if it declines",
        "power.missing",
        "handed",
        "the answer",
        lambda w: (take(w, False), other_grants(w)),
    )
    appoint = lambda w, by: w.decide("A", "appoint", by, beacons=public("beacon"))
    book.ok("appoint-top", "an organ that answers to none appoints", lambda w: appoint(w, "council"))
    book.refused(
        "appoint-below",
        "not one that answers to another",
        "power.missing",
        "appoint-top",
        "the organ",
        lambda w: appoint(w, "office"),
    )
    book.refused(
        "grant-beyond",
        "an organ does not grant a power that it lacks",
        "power.missing",
        "office-grants",
        "the powers",
        lambda w: w.grant("A", "agent", "open", "conclude", organ="office"),
    )
    book.ok("dissolve-below", "a superior dissolves", lambda w: w.decide("A", "dissolve", **theirs(w)))
    book.refused(
        "dissolve-not-below",
        "not below",
        "power.missing",
        "dissolve-below",
        "the organ dissolved",
        lambda w: w.decide("A", "dissolve", **theirs(w, "other")),
    )
    book.ok("dissolve-itself", "an organ dissolves itself", lambda w: w.decide("A", "dissolve", "other"))
    book.refused(
        "dissolved",
        "a dissolved organ decides nothing",
        "decision.dissolved",
        "office-grants",
        "the dissolution before",
        lambda w: (
            w.decide("A", "dissolve", **theirs(w)),
            w.decide("A", "grant", "office", prior=w.parties["A"].heads["council"], to=Key("agent").public, powers=1),
        ),
    )
    ask = lambda w, who, by, of, **more: w.member(
        "A", who, "question", by, of=w.parties["A"].organs[of], due=NOW + DAY, **more
    )
    book.ok(
        "question",
        "an organ above asks; one below answers",
        lambda w: w.member("A", "oda", "answer", "office", question=ask(w, "ann", "council", "office")),
    )
    book.ok("question-only", "an organ above asks", lambda w: ask(w, "ann", "council", "office"))
    book.refused(
        "question-upwards",
        "only from above",
        "power.missing",
        "question-only",
        "who asks whom",
        lambda w: ask(w, "oda", "office", "council"),
    )
    book.refused(
        "answer-of-another",
        "the question was put to another organ",
        "power.missing",
        "question",
        "who answers",
        lambda w: w.member("A", "una", "answer", "other", question=ask(w, "ann", "council", "office")),
    )
    book.refused(
        "answer-to-nothing",
        "no such question",
        "unknown.act",
        "question",
        "the question",
        lambda w: w.member("A", "oda", "answer", "office", question=kit.chance("nothing")),
    )
    book.ok("dissent", "one member's word", lambda w: w.member("A", "ann", "dissent", about=kit.chance("a course")))
    book.refused(
        "dissent-stranger",
        "no seat",
        "decision.no-seat",
        "dissent",
        "who speaks",
        lambda w: w.member("A", "oda", "dissent", about=kit.chance("a course")),
    )
    book.ok(
        "dissent-office",
        "a member of the office",
        lambda w: w.member("A", "oda", "dissent", "office", about=kit.chance("a course")),
    )
    book.refused(
        "dissent-dissolved",
        "the organ was dissolved",
        "decision.dissolved",
        "dissent-office",
        "the dissolution before",
        lambda w: (
            w.decide("A", "dissolve", **theirs(w)),
            w.member("A", "oda", "dissent", "office", about=kit.chance("a course")),
        ),
    )


def terms(group: Group) -> None:
    world = World()
    world.found("A", "ann", organs=[{**organ("council", "ann"), "until": NOW + DAY}], signers=["ann"])
    book = Book(group, world).base_case("term", "a council with a term of a day")
    grant = lambda w: w.grant("A", "agent", "open")
    book.ok("within-term", "a second before its end", lambda w: grant(w.later(DAY - 1)))
    book.refused(
        "term-over",
        "the term's last instant is not in it",
        "decision.term-over",
        "within-term",
        "the log time",
        lambda w: grant(w.later(DAY)),
    )
    book.ok(
        "elect-after-term",
        "it may still elect",
        lambda w: (w.later(DAY).decide("A", "elect", seats=seats("ann"), needs=1, until=NOW + 2 * DAY), grant(w)),
    )


def recovery(group: Group) -> None:
    world = World()
    world.found(
        "A", *COUNCIL, recovery={"keys": public("r1", "r2", "r3"), "needs": 2, "wait": 7 * DAY}, signers=COUNCIL
    )
    book = Book(group, world).base_case("recovery", "recovery keys, two of three, that wait a week")

    def recover(w, *by, old="cay", new="dan", **more):
        p = w.parties["A"]
        fields = {
            "organ": p.organs["council"],
            "prior": p.heads["council"],
            "seats": [[Key(old).public, Key(new).public]],
            **more,
        }
        return w.log(w.signed("recover", fields, [*(by or ("r1", "r2")), new], p.id, several=True))

    grant = lambda w, by, **more: w.log(w.decision("A", "grant", by=by, to=Key("agent").public, powers=1, **more))
    book.ok("recover", "a member's key is replaced", recover)
    book.refused(
        "recover-by-one",
        "one of three recovery keys",
        "decision.insufficient",
        "recover",
        "the signatures",
        lambda w: recover(w, "r1"),
    )
    book.refused(
        "recover-no-seat",
        "only keys that have a seat",
        "decision.rule",
        "recover",
        "the key replaced",
        lambda w: recover(w, old="eve"),
    )
    book.refused(
        "recover-role",
        "the new key has a role",
        "decision.key-role",
        "recover",
        "the new key",
        lambda w: recover(w, new="ann"),
    )
    book.ok(
        "recovered",
        "after the wait the new key decides, at the recovery's place",
        lambda w: grant(w, ["ann", "dan"], prior=(recover(w), w.later(7 * DAY))[0]),
    )
    book.refused(
        "recovery-waits",
        "a second before",
        "decision.recovery-waits",
        "recovered",
        "the log time",
        lambda w: grant(w, ["ann", "dan"], prior=(recover(w), w.later(7 * DAY - 1))[0]),
    )
    book.ok(
        "recovery-voided",
        "meanwhile the organ decides as ever",
        lambda w: (recover(w), grant(w.later(DAY), ["ann", "cay"])),
    )
    book.refused(
        "recovery-void",
        "the organ has decided, which voids the recovery",
        "decision.overtaken",
        "recovered",
        "the decision before",
        lambda w: grant(
            w, ["ann", "dan"], prior=(recover(w), grant(w.later(DAY), ["ann", "cay"]), w.later(7 * DAY))[0]
        ),
    )
    twice = lambda w: recover(w, old="dan", new="eve", prior=recover(w))
    book.ok(
        "recovered-twice",
        "a recovery of what a recovery left",
        lambda w: grant(w, ["ann", "eve"], prior=(twice(w), w.later(7 * DAY))[0]),
    )
    book.refused(
        "recovery-void-twice",
        "the organ has decided, which voids the first and so the second",
        "decision.overtaken",
        "recovered-twice",
        "the decision before",
        lambda w: grant(w, ["ann", "eve"], prior=(twice(w), grant(w.later(DAY), ["ann", "cay"]), w.later(7 * DAY))[0]),
    )
    book.refused(
        "recovered-place",
        "after the wait nothing else follows",
        "decision.overtaken",
        "recovery-voided",
        "the log time",
        lambda w: (recover(w), grant(w.later(7 * DAY), ["ann", "cay"])),
    )
    book.refused(
        "recover-twice",
        "one recovery waits at a place",
        "decision.overtaken",
        "recover",
        "the recovery before",
        lambda w: (recover(w), recover(w, new="eve")),
    )
    book.refused(
        "recover-late",
        "the organ has decided here",
        "decision.overtaken",
        "recover",
        "the decision before",
        lambda w: (grant(w, ["ann", "bob"]), recover(w)),
    )
    bare = World()
    bare.found("A", *COUNCIL)
    Book(group, bare).base_case("no-recovery", "a founding act without recovery keys").refused(
        "recover-nobody", "no recovery keys", "decision.insufficient", "recover", "the founding act", recover
    )

    far = World()
    recovers = {"keys": public("r1", "r2", "r3"), "needs": 2, "wait": 7 * DAY}
    far.found("A", *COUNCIL, recovery=recovers, signers=COUNCIL, home=World("home").ref)
    notice = Book(group, far).base_case("recovery-elsewhere", "recovery keys, in a ledger that is not the home")

    def elects(w: World, after: bytes) -> bytes:
        seated = ("eve", "fay")
        act = w.decision("A", "elect", by=["ann", "dan", *seated], prior=after, seats=seats(*seated), needs=2)
        return w.log(act)

    def speaks(w: World, who: str = "eve", days: int = 7) -> bytes:
        return w.later(days * DAY).member("A", who, "dissent", about=kit.chance("a text"))

    led = lambda w: elects(w, recover(w))
    notice.ok("recovery-led", "whom the new seats elected speaks, once it has waited", lambda w: (led(w), speaks(w)))
    notice.ok(
        "recovery-led-first",
        "a second recovery of one place, heard later, changes nothing",
        lambda w: (led(w), recover(w, new="gus"), speaks(w)),
    )

    def silent(name: str, what: str, differs: str, do) -> None:
        notice.refused(name, what, "decision.no-seat", "recovery-led", differs, do)

    silent("recovery-led-early", "not before", "the log time", lambda w: (led(w), speaks(w, days=6)))
    silent("recovery-led-past", "nor they themselves", "who speaks", lambda w: (led(w), speaks(w, "dan")))
    silent(
        "recovery-led-voided",
        "nor where the organ has decided in its place, whenever that is heard",
        "the decision",
        lambda w: (led(w), w.later(7 * DAY), grant(w, ["ann", "cay"]), speaks(w)),
    )


def moves(group: Group) -> None:
    """A party moves to the ledger of the case."""
    world = World()
    world.found("A", "ann", home=World("home").ref)
    book = Book(group, world).base_case("new-home", "a party whose home is another ledger")
    decide = lambda w, words, **more: w.decide("A", "decide", words=words, **more)
    move = lambda w: w.decide("A", "move-home", home=w.ref)
    first = world.parties["A"].organs["council"]

    def beside(w: World, *, moved: bool) -> None:
        """Log a decision beside the first of two that the old home took."""
        decide(w, "the old home's")
        (move if moved else lambda w: decide(w, "the old home's, too"))(w)
        w.log(w.decision("A", "decide", prior=first, words="beside it"))

    book.ok("moved-here", "what follows the move", lambda w: (decide(w, "before"), move(w), decide(w, "after")))
    book.ok("sibling-elsewhere", "notice of two rivals", lambda w: beside(w, moved=False))
    book.refused(
        "sibling-of-what-led-here",
        "a new home takes nothing in the place of what led to it",
        "decision.overtaken",
        "sibling-elsewhere",
        "the decision before",
        lambda w: beside(w, moved=True),
    )


def votes(group: Group) -> None:
    world = World()
    passkey = Key("ann's passkey")
    world.found("A", *COUNCIL, organs=[{**organ("council", *COUNCIL), "votes": 64, "ballot": BALLOT}])
    world.decide(
        "A",
        "appoint",
        by=["ann", "bob"],
        passkeys=[
            {
                "member": Key("ann").public,
                "algorithm": kit.PASSKEY_ED25519,
                "key": passkey.public,
                "relying_party": "vote.example",
                "origin": "https://vote.example",
            }
        ],
    )
    registers = lambda who: (
        lambda w: w.decide(
            "A",
            "appoint",
            by=["ann", "bob"],
            passkeys=[
                {
                    "member": Key(who).public,
                    "algorithm": kit.PASSKEY_ED25519,
                    "key": Key("a passkey").public,
                    "relying_party": "vote.example",
                    "origin": "https://vote.example",
                }
            ],
        )
    )
    book = Book(group, world).base_case(
        "ballot", "a council that ratifies by vote, open a day, quorum two of three; a passkey"
    )
    call = lambda w, who="ann", **more: w.member(
        "A", who, "call", **{"decides": "ratify", "closes": NOW + DAY, **QUESTION, **more}
    )
    book.ok("call", "open as long as the ballot says", call)
    book.refused(
        "call-too-short",
        "a second less",
        "vote.too-short",
        "call",
        "the closing time",
        lambda w: call(w, closes=NOW + DAY - 1),
    )
    book.refused("call-stranger", "no seat", "decision.no-seat", "call", "who calls", lambda w: call(w, "dan"))
    book.refused(
        "call-again",
        "a member has one vote on a question open",
        "vote.repeated",
        "call-by-another",
        "who calls",
        lambda w: (call(w), call(w, closes=NOW + 2 * DAY)),
    )
    book.ok(
        "call-by-another",
        "each member may call one; nobody keeps the others from it",
        lambda w: (call(w, closes=NOW + 1000 * DAY), call(w, "bob", closes=NOW + 2 * DAY)),
    )
    bare = World()
    bare.found("A", *COUNCIL)
    Book(group, bare).base_case("no-ballot", "a council that decides by signature").refused(
        "call-no-ballot", "it does not vote", "vote.no-ballot", "call", "the founding act", call
    )

    def cast(w, *ballots, wait=0):
        """Call, cast ballots like 'ann yes', and wait; return the call and the votes."""
        called = call(w)
        cast = [w.member("A", b.split()[0], "vote", call=called, choice=b.split()[1]) for b in ballots]
        w.later(wait)
        return {"call": called, "votes": sorted(cast)}

    def result(w, kind="ratify", poll=None, by=("ann",), **more):
        past = (
            {
                "signs": [kit.chance("a signature")],
                "seen": {"dossier": [0, QUESTION["dossier"]], "party": [0, w.parties["A"].id]},
            }
            if kind == "ratify"
            else {}
        )
        w.decide("A", kind, by=list(by), **{**QUESTION, **past, **(poll or {}), **more})

    yes = ("ann yes", "bob yes", "cay no")
    book.ok(
        "vote", "yes, no, abstain and recuse are counted", lambda w: cast(w, "ann yes", "bob recuse", "cay abstain")
    )
    book.refused(
        "vote-twice",
        "the first vote counts",
        "vote.repeated",
        "vote",
        "who votes",
        lambda w: cast(w, "ann yes", "ann no"),
    )
    book.refused(
        "vote-stranger", "no seat", "decision.no-seat", "vote", "who votes", lambda w: cast(w, "ann yes", "dan yes")
    )
    book.refused(
        "vote-unknown-call",
        "no such call",
        "unknown.act",
        "vote",
        "the call",
        lambda w: w.member("A", "ann", "vote", call=kit.chance("no call"), choice="yes"),
    )
    late = lambda wait: lambda w: w.later(0) and w.member("A", "ann", "vote", call=call(w), choice="yes", wait=wait)
    book.ok("vote-in-time", "a second before it closes", late(DAY - 1))
    book.refused("vote-late", "the closing time is too late", "vote.closed", "vote-in-time", "the log time", late(DAY))

    def new_member(w, seated_first):
        elect = lambda: w.decide("A", "elect", by=["ann", "bob", "dan"], seats=seats("ann", "bob", "dan"), needs=2)
        if seated_first:
            elect()
        called = call(w)
        if not seated_first:
            elect()
        w.member("A", "dan", "vote", call=called, choice="yes")

    book.ok("vote-on-roll", "seated before the call", lambda w: new_member(w, True))
    book.refused(
        "vote-not-on-roll",
        "seated after the call",
        "vote.not-on-roll",
        "vote-on-roll",
        "when the member took the seat",
        lambda w: new_member(w, False),
    )
    book.ok("carried", "two to one, signed by one member", lambda w: result(w, poll=cast(w, *yes, wait=DAY)))
    book.ok(
        "carried-abstention",
        "an abstention makes the quorum, and one yes the majority",
        lambda w: result(w, poll=cast(w, "ann yes", "bob abstain", wait=DAY)),
    )
    book.refused(
        "recusal-no-quorum",
        "a recusal makes no quorum",
        "vote.no-quorum",
        "carried-abstention",
        "a choice",
        lambda w: result(w, poll=cast(w, "ann yes", "bob recuse", wait=DAY)),
    )
    book.refused(
        "not-cited",
        "it decides this by vote",
        "vote.not-cited",
        "carried",
        "the call",
        lambda w: (cast(w, *yes, wait=DAY), result(w, by=("ann", "bob"))),
    )
    book.refused(
        "still-open",
        "the vote has not closed",
        "vote.open",
        "carried",
        "the log time",
        lambda w: result(w, poll=cast(w, *yes, wait=DAY - 1)),
    )
    book.refused(
        "vote-left-out",
        "every counted vote is cited",
        "vote.incomplete",
        "carried",
        "the votes",
        lambda w: (p := cast(w, *yes, wait=DAY), result(w, poll={**p, "votes": p["votes"][:2]})),
    )
    book.refused(
        "other-text",
        "the vote was on another text",
        "vote.other-question",
        "carried",
        "the text",
        lambda w: result(w, poll=cast(w, *yes, wait=DAY), text=kit.chance("another text")),
    )
    book.refused(
        "not-carried",
        "one to two is no ratification",
        "vote.contradicted",
        "carried",
        "a choice",
        lambda w: result(w, poll=cast(w, "ann yes", "bob no", "cay no", wait=DAY)),
    )
    book.refused(
        "tie",
        "one to one is not more than half",
        "vote.contradicted",
        "carried",
        "a choice",
        lambda w: result(w, poll=cast(w, "ann yes", "bob abstain", "cay no", wait=DAY)),
    )
    book.ok(
        "rejected",
        "one to two is a refusal",
        lambda w: result(w, "refuse", cast(w, "ann yes", "bob no", "cay no", wait=DAY)),
    )
    book.refused(
        "carried-refused",
        "what was carried is not refused",
        "vote.contradicted",
        "rejected",
        "a choice",
        lambda w: result(w, "refuse", cast(w, *yes, wait=DAY)),
    )
    book.refused(
        "no-signature",
        "one member signs the result",
        "decision.insufficient",
        "carried",
        "the signatures",
        lambda w: result(w, poll=cast(w, *yes, wait=DAY), by=("dan",)),
    )
    book.ok(
        "call-after-no-quorum",
        "without a quorum the same member may put it again",
        lambda w: (cast(w, "ann yes", wait=DAY), call(w, closes=NOW + 2 * DAY)),
    )

    def twice(w, anew):
        poll = cast(w, "ann yes", "bob no", "cay no", wait=DAY)
        result(w, "refuse", poll)
        if anew:
            again = call(w, "bob", closes=NOW + 2 * DAY)
            votes = [w.member("A", who, "vote", call=again, choice="no") for who in ("ann", "bob")]
            poll = {"call": again, "votes": sorted(votes)}
            w.later(DAY)
        result(w, "refuse", poll, words="again")

    book.ok("decided-anew", "a second vote, a second decision", lambda w: twice(w, True))
    book.refused(
        "vote-spent", "one vote, one decision", "vote.spent", "decided-anew", "the call", lambda w: twice(w, False)
    )

    def by_passkey(w, kind, fields, origin="https://vote.example"):
        p = w.parties["A"]
        payload = encode({"kind": kind, "organ": p.organs["council"], **fields})
        header = kit.protected(passkey.kid, kit.PASSKEY_ED25519)
        name = kit.digest(kind, header, payload)
        data = {"type": "webauthn.get", "challenge": kit.base64url(name), "origin": origin}
        client = json.dumps(data, separators=(",", ":")).encode()
        value = kit.assertion(passkey, kit.authenticator_data("vote.example"), client)
        data = b"\xd2\x84" + encode(header) + b"\xa0" + encode(payload) + encode(value)
        w.log(w.signed(kind, fields, ["ann"], p.id, several=False).__class__(kind, fields, data, name, p.id, False))

    book.ok(
        "passkey-vote", "a member votes by passkey", lambda w: by_passkey(w, "vote", {"call": call(w), "choice": "yes"})
    )
    book.ok("passkey-registered", "for a member, who signs", registers("bob"))
    book.refused(
        "passkey-possession",
        "not for one who has not signed",
        "decision.possession",
        "passkey-registered",
        "the member",
        registers("cay"),
    )
    book.refused(
        "passkey-stranger",
        "nor for a stranger",
        "decision.no-seat",
        "passkey-registered",
        "the member",
        registers("dan"),
    )
    book.refused(
        "passkey-other-origin",
        "the origin is pinned",
        "passkey.origin",
        "passkey-vote",
        "the origin",
        lambda w: by_passkey(w, "vote", {"call": call(w), "choice": "yes"}, "https://vote.example.org"),
    )
    book.refused(
        "passkey-suspends",
        "a passkey only votes",
        "passkey.votes-only",
        "passkey-vote",
        "the kind",
        lambda w: (call(w), by_passkey(w, "suspend", {"target": kit.chance("a key")})),
    )


def members(group: Group) -> None:
    world = World()
    urgent = {"urgent": {"keys": public("ann", "bob"), "needs": 2, "lapse": 100}, "suspenders": public("bob")}
    world.found("A", *COUNCIL, organs=[{**organ("council", *COUNCIL), **urgent}])
    book = Book(group, world).base_case("urgency", "ann and bob together act in urgency; bob suspends")
    fields = {"to": Key("agent").public, "powers": 3}
    book.ok("urgent-grant", "both urgent members", lambda w: w.urgent("A", "urgent-grant", "ann", "bob", **fields))
    book.refused(
        "urgent-grant-one",
        "one of two",
        "decision.insufficient",
        "urgent-grant",
        "the signatures",
        lambda w: w.urgent("A", "urgent-grant", "ann", **fields),
    )
    book.refused(
        "urgent-grant-others",
        "members without urgency",
        "decision.insufficient",
        "urgent-grant",
        "the signatures",
        lambda w: w.urgent("A", "urgent-grant", "ann", "cay", **fields),
    )
    suspend = lambda w, who: w.member("A", who, "suspend", target=Key("relay").public)
    book.ok("suspend-key", "a relay's dispatch key", lambda w: suspend(w, "bob"))
    book.refused(
        "suspend-unauthorised",
        "only suspenders suspend",
        "power.missing",
        "suspend-key",
        "who suspends",
        lambda w: suspend(w, "ann"),
    )
    bare = World()
    bare.found("A", *COUNCIL)
    Book(group, bare).base_case("no-urgency", "a council without urgency").refused(
        "urgent-nobody",
        "nobody may act in urgency",
        "power.missing",
        "urgent-grant",
        "the founding act",
        lambda w: w.urgent("A", "urgent-grant", "ann", "bob", **fields),
    )


def elsewhere(group: Group) -> None:
    """Another ledger gives notice: it keeps siblings, and judges neither terms nor places."""
    world = World("there")
    home = {"origin": "home.example", "key": Key("home").public}
    world.found(
        "A",
        *COUNCIL,
        home=home,
        organs=[{**organ("council", *COUNCIL), "until": NOW + 1, "votes": 64, "ballot": BALLOT}],
    )
    world.parties["A"].signers["council"] = ["ann", "bob"]
    book = Book(group, world).base_case("elsewhere", "a party whose home is another ledger")
    grant = lambda w, **more: w.log(w.decision("A", "grant", to=Key("agent").public, **{"powers": 3, **more}))
    book.ok("notice-sibling", "both siblings are kept; the home decides", lambda w: (grant(w), grant(w, powers=1)))
    book.ok("notice-term", "terms are judged at home", lambda w: grant(w.later(DAY)))
    book.ok(
        "notice-unknown-link",
        "a dismissal moves the spine, also of what was never seen here",
        lambda w: (w.decide("A", "dismiss", mandate=kit.chance("a link")), w.grant("A", "agent", "open")),
    )
    desk = lambda w, who, prior: w.log(
        w.decision("A", "constitute", by=["ann", "bob", who], prior=prior, new={**organ("desk", who), "powers": 3})
    )
    book.ok(
        "notice-sibling-name", "a sibling's name takes nothing", lambda w: (desk(w, "kim", None), desk(w, "lea", None))
    )

    def vote(w, *more):
        called = w.member("A", "ann", "call", decides="ratify", closes=NOW + DAY, **QUESTION)
        votes = [w.member("A", who, "vote", call=called, choice="yes") for who in ("ann", "bob")]
        for who, choice in more:
            w.member("A", who, "vote", call=called, choice=choice, wait=2 * DAY)
        w.decide(
            "A",
            "ratify",
            by=["ann"],
            call=called,
            votes=sorted(votes),
            signs=[kit.chance("a signature")],
            seen={"dossier": [0, QUESTION["dossier"]], "party": [0, w.parties["A"].id]},
            **QUESTION,
        )

    book.ok("notice-vote", "a result in a ledger that is not the home", vote)
    book.ok(
        "notice-vote-late",
        "a vote that the home never counted does not stop the result",
        lambda w: vote(w, ("cay", "no")),
    )
