"""Vectors of spec/authority.md: grants, links, certificates, standing, leases, red lines, cumulative limits."""

# ruff: noqa: E731 -- a step of a case is best read beside the case

from functools import partial

from spec.vectors import kit, law
from spec.vectors.kit import Group, Key, digest
from spec.vectors.law import DAY, NOW, TALKS, Book, World, after, group, organ, organ_id, powers, public

LINE = ["at-most", "price", "100"]
SALT = kit.chance("a salt", 16)
RULES = {"adopt": "all"}


@group("authority")
def authority(group: Group) -> None:
    grants(group)
    links(group)
    classes(group)
    bounds(group)
    endings(group)
    suspensions(group)
    urgent(group)
    leases(group)
    duties(group)
    lines(group)
    private(group)
    limits(group)
    organ_lines(group)
    siblings(group)


def parties(**council) -> World:
    """Return a world with A, whose council decides two of three and answers to a congress, and B, with one member."""
    world = World()
    above = {**organ("congress", "eva"), **council.pop("congress", {})}
    own = {**organ("council", "ann", "bob", "cay"), "superior": "congress", **council}
    world.found("A", organs=[above, own], signers=["ann", "bob", "cay", "eva"], beacons=public("beacon"))
    world.parties["A"].signers.update(congress=["eva"], council=["ann", "bob"])
    world.found("B", "dan")
    world.ids["theirs"] = world.grant("B", "envoy", *TALKS, "conclude")
    return world


def open_(w: World, by: str, who="agent", mandate: bytes | None = None, wait: int = 0, **more) -> bytes:
    """Log an opening by A's holder, and remember the dossier."""
    fields = {
        "parties": sorted(p.id for p in w.parties.values()),
        "ledger": w.ref,
        "rules": RULES,
        "nonce": w.fresh(),
        **more,
    }
    w.ids["dossier"] = w.speak("A", who, "open", mandate or w.ids[by], wait=wait, **fields)
    return w.ids["dossier"]


def say(w: World, kind: str = "say", by: str = "grant", who="agent", wait: int = 0, **fields) -> bytes:
    return w.speak("A", who, kind, w.ids[by], wait=wait, dossier=w.ids["dossier"], **fields)


def reply(w: World, kind: str, wait: int = 0, **fields) -> bytes:
    return w.speak("B", "envoy", kind, w.ids["theirs"], wait=wait, dossier=w.ids["dossier"], **fields)


def granted(w: World, *names: str, key: str = "grant", to: str | None = "agent", **more) -> bytes:
    w.ids[key] = w.grant("A", to, *names, **more)
    return w.ids[key]


def link(
    w: World, parent: str = "grant", who: str = "agent", to: str = "sub", key: str = "link", wait: int = 0, **fields
) -> bytes:
    value = {"to": Key(to).public, "powers": 2, **fields}
    w.ids[key] = w.speak("A", who, "delegate", w.ids[parent], wait=wait, **value)
    return w.ids[key]


def adopted(w: World, name: str = "t", terms: dict | None = None, checks=None, **clauses) -> bytes:
    """Log a text that both sides adopt."""
    w.ids[name] = w.text(name, terms, checks, **clauses)
    say(w, "propose", text=w.ids[name])
    say(w, "adopt", text=w.ids[name])
    reply(w, "adopt", text=w.ids[name])
    return w.ids[name]


def in_talks(w: World, *names: str, **more) -> World:
    """Grant, open a dossier, and let B join."""
    granted(w, *(names or TALKS), **more)
    open_(w, "grant")
    reply(w, "join")
    return w


def ad_referendum(w: World, text: str = "t", by: str = "grant", who="agent", wait: int = 0, **more) -> bytes:
    fields = {"text": w.ids[text], "organ": w.parties["A"].organs["council"], "deadline": NOW + 30 * DAY, **more}
    return say(w, "sign-ad-referendum", by, who, wait, **fields)


def ratify(w: World, *signs: bytes, text: str = "t", wait: int = 0, organ: str = "council", by=None, **more) -> bytes:
    seen = {"dossier": w.position(w.ids["dossier"]), "party": w.position(w.parties["A"].id)}
    fields = {"dossier": w.ids["dossier"], "text": w.ids[text], "signs": sorted(signs), "seen": seen, **more}
    return w.decide("A", "ratify", organ, wait=wait, by=by, **fields)


def grants(group: Group) -> None:
    book = Book(group, parties()).base_case("base", "A, whose council answers to a congress, and B")
    go = lambda *names, **more: lambda w: granted(w, *names, **more)
    book.ok("grant", "powers of holders", go(*TALKS, "conclude", "delegate", "denounce", depth=2))
    book.refused(
        "grant-ratify",
        "ratify belongs to organs",
        "power.organs-only",
        "grant",
        "the powers",
        go(*TALKS, "ratify", depth=2),
    )
    book.refused("grant-urgent", "so does urgent", "power.organs-only", "grant", "the powers", go("urgent"))
    book.refused(
        "successor-member",
        "nor may a duty's successor be a member",
        "decision.key-role",
        "duty-given",
        "the successor's key",
        go(*TALKS, duty={"kind": "open", "by": NOW + DAY, "then": Key("ann").public}),
    )
    book.ok(
        "duty-given",
        "a duty, and who takes over",
        go(*TALKS, duty={"kind": "open", "by": NOW + DAY, "then": Key("successor").public}),
    )
    a_class = {"to": None, "class": {"name": "every elected committee", "certifier": Key("certifier").public}}
    book.ok("class", "a class of holders", go(*TALKS, **a_class))
    limit = {"path": "price", "most": "100", "ledger": World().ref}
    book.refused(
        "class-concludes",
        "a class never binds",
        "power.class",
        "class",
        "the powers",
        go(*TALKS, "conclude", **a_class),
    )
    book.refused(
        "class-delegates",
        "a class does not delegate",
        "power.class",
        "class",
        "the powers",
        go(*TALKS, "delegate", **a_class),
    )
    book.refused("class-limit", "nor spends", "power.class", "class", "the limit", go(*TALKS, limit=limit, **a_class))
    book.refused("class-depth", "nor has depth", "power.class", "class", "the depth", go(*TALKS, depth=1, **a_class))


def links(group: Group) -> None:
    world = parties()
    bound = {
        "from": NOW,
        "until": NOW + 10 * DAY,
        "scope": ["north", "south"],
        "dossier": kit.chance("a dossier"),
        "with": public("x", "y"),
        "ledgers": [world.ref],
        "depth": 2,
    }
    granted(world, *TALKS, "delegate", **bound)
    book = Book(group, world).base_case("chain", "a mandate with every ordered axis")
    within = {**bound, "depth": 1, "powers": 3}
    book.ok("link", "within its parent on every axis", lambda w: link(w, **within))
    book.ok(
        "link-narrower",
        "narrower on every axis",
        lambda w: link(
            w,
            **{
                **within,
                "from": NOW + 1,
                "until": NOW + DAY,
                "scope": ["north"],
                "with": public("x"),
                "powers": 1,
                "depth": 0,
            },
        ),
    )
    wider = (
        ("powers", {"powers": 3 | powers("conclude")}),
        ("until", {"until": NOW + 10 * DAY + 1}),
        ("no-until", {"until": None}),
        ("from", {"from": NOW - 1}),
        ("scope", {"scope": ["east", "north"]}),
        ("prefix", {"scope": ["north-east"]}),
        ("no-scope", {"scope": None}),
        ("with", {"with": public("x", "z")}),
        ("ledgers", {"ledgers": [World("there").ref]}),
        ("no-ledgers", {"ledgers": None}),
        ("dossier", {"dossier": kit.chance("another dossier")}),
        ("no-dossier", {"dossier": None}),
    )
    for name, changed in wider:
        fields = {k: v for k, v in {**within, **changed}.items() if v is not None}
        book.refused(
            f"link-wider-{name}",
            "beyond its parent",
            "chain.widens",
            "link",
            f"the field {next(iter(changed))}",
            partial(link, **fields),
        )
    book.refused(
        "link-depth",
        "one less than the parent's",
        "chain.depth",
        "link",
        "the depth",
        lambda w: link(w, **{**within, "depth": 2}),
    )
    book.refused(
        "link-signature",
        "the parent's holder signs the link",
        "signature.invalid",
        "link",
        "the signature",
        lambda w: link(w, who="sub", **within),
    )
    book.refused(
        "link-member",
        "a member's key cannot hold a mandate",
        "decision.key-role",
        "link",
        "the holder",
        lambda w: link(w, to="ann", **within),
    )
    book.refused(
        "link-unknown",
        "no such mandate",
        "unknown.mandate",
        "link",
        "the parent",
        lambda w: (w.ids.update(grant=kit.chance("no mandate")), link(w, **within)),
    )
    book.no(
        "link-expired",
        "a link under what is not in force is void",
        "standing.expired",
        "link",
        "the log time",
        lambda w: link(w.later(10 * DAY), **within),
    )
    book.ok(
        "query",
        "a query, and a reply, suspend nothing",
        lambda w: (
            w.speak(
                "A", "agent", "query", w.ids["grant"], about=kit.chance("an order"), to=w.parties["A"].organs["council"]
            ),
            link(w, **within),
        ),
    )
    book.ok(
        "reply",
        "words to one's own side",
        lambda w: w.speak("A", "agent", "reply", w.ids["grant"], about=kit.chance("a query")),
    )
    book.refused(
        "query-stranger",
        "words need their speaker's key, too",
        "signature.invalid",
        "reply",
        "the signature",
        lambda w: w.speak("A", "sub", "reply", w.ids["grant"], about=kit.chance("a query")),
    )

    deep = parties()
    granted(deep, "open", "delegate", depth=16)
    for number in range(1, 16):
        link(
            deep,
            "grant" if number == 1 else f"link {number - 1}",
            "agent" if number == 1 else f"sub {number - 1}",
            f"sub {number}",
            f"link {number}",
            powers=129,
            depth=16 - number,
        )
    deeper = Book(group, deep).base_case("chain-16", "sixteen links")
    deeper.ok("chain-16-speaks", "the last holder speaks", lambda w: open_(w, "link 15", "sub 15"))
    deeper.refused(
        "chain-17",
        "a seventeenth",
        "chain.depth",
        "chain-16-speaks",
        "a link more",
        lambda w: link(w, "link 15", "sub 15", "sub 16", "link 16", powers=1, depth=0),
    )

    world = parties()
    granted(world, *TALKS, "delegate", depth=1)
    link(world, powers=3)
    book = Book(group, world).base_case("two-links", "an agent, and a sub-agent who may open and propose")
    book.ok("sub-opens", "the chain has the power", lambda w: open_(w, "link", "sub"))
    book.refused(
        "sub-stranger",
        "another key",
        "signature.invalid",
        "sub-opens",
        "the signature",
        lambda w: open_(w, "link", "agent"),
    )
    began = after(
        book, "sub-in-talks", "a dossier opened by the agent", lambda w: (open_(w, "grant"), reply(w, "join"))
    )
    began.base.ids["t"] = began.base.text("t")
    propose = lambda w: say(w, "propose", "link", "sub", text=w.ids["t"])
    began.ok("sub-proposes", "the chain has the power", propose)
    began.no(
        "sub-adopts",
        "a link lacks the power",
        "power.missing",
        "sub-proposes",
        "the kind",
        lambda w: (propose(w), say(w, "adopt", "link", "sub", text=w.ids["t"])),
    )
    revoke = lambda w, by, who, target: w.speak("A", who, "revoke", w.ids[by], target=w.ids[target])
    began.ok("revoke", "a holder revokes a link that hangs from his", lambda w: revoke(w, "grant", "agent", "link"))
    began.refused(
        "revoke-own", "not his own", "power.missing", "revoke", "the target", lambda w: revoke(w, "link", "sub", "link")
    )
    began.refused(
        "revoke-parent",
        "nor what he hangs from",
        "power.missing",
        "revoke",
        "the target",
        lambda w: revoke(w, "link", "sub", "grant"),
    )
    began.no(
        "revoked",
        "the link was revoked",
        "standing.revoked",
        "sub-proposes",
        "the revocation before",
        lambda w: (revoke(w, "grant", "agent", "link"), propose(w)),
    )
    began.no(
        "parent-dismissed",
        "when a link is ended, all that hangs from it stops",
        "standing.dismissed",
        "sub-proposes",
        "the dismissal before",
        lambda w: (w.decide("A", "dismiss", mandate=w.ids["grant"]), propose(w)),
    )
    objected = lambda w: (w.decide("A", "object", "congress", about=w.ids["grant"]), propose(w))
    began.no(
        "objected", "an organ above objected", "standing.objected", "sub-proposes", "the objection before", objected
    )

    def early(w: World, by: str, other: str) -> bytes:
        """An organ objects to another's grant before that is logged; the holder opens another dossier."""
        made = w.decision("A", "grant", by, to=Key("agent").public, powers=law.powers(*TALKS))
        w.decide("A", "object", other, about=made.id)
        w.parties["A"].heads[by] = w.ids["early"] = w.log(made)
        return open_(w, "early")

    began.ok("object-early", "an organ below objects in vain", lambda w: early(w, "congress", "council"))
    began.no(
        "objected-early",
        "the objection was logged before the grant",
        "standing.objected",
        "object-early",
        "who grants, and who objects",
        lambda w: early(w, "council", "congress"),
    )
    began.ok(
        "object-own",
        "an organ's objection to its own grant ends nothing",
        lambda w: (w.decide("A", "object", about=w.ids["grant"]), propose(w)),
    )
    began.ok(
        "dismiss-from-above",
        "an organ above dismisses",
        lambda w: w.decide("A", "dismiss", "congress", mandate=w.ids["grant"]),
    )
    began.refused(
        "dismiss-from-below",
        "an organ does not dismiss for one above",
        "power.missing",
        "dismiss-from-above",
        "the mandate",
        lambda w: w.decide("A", "dismiss", mandate=w.grant("A", "legate", "open", organ="congress")),
    )
    began.ok(
        "dismiss-unknown",
        "also what has not been seen here: a link needs no entry at home",
        lambda w: w.decide("A", "dismiss", mandate=kit.chance("a link elsewhere")),
    )

    committee = {"keys": sorted([[Key("h1").public, 1], [Key("h2").public, 1], [Key("h3").public, 1]]), "needs": 2}
    world = parties()
    world.ids["committee"] = world.grant("A", None, *TALKS, to=committee)
    world.ids["cosigned"] = world.grant(
        "A", "agent", *TALKS, cosign={"powers": 1, "keys": public("c1", "c2"), "needs": 1}
    )
    book = Book(group, world).base_case(
        "several", "a holder of three keys, two of which speak; an agent who opens with a countersignature"
    )
    book.ok("committee", "two of three", lambda w: open_(w, "committee", ("h1", "h3")))
    book.refused(
        "committee-one",
        "one of three",
        "decision.insufficient",
        "committee",
        "the signatures",
        lambda w: open_(w, "committee", ("h1",)),
    )
    book.refused(
        "committee-form",
        "several keys speak in a COSE_Sign",
        "act.form",
        "committee",
        "the form",
        lambda w: open_(w, "committee", "h1"),
    )
    book.ok("countersigned", "the agent and one of two", lambda w: open_(w, "cosigned", ("agent", "c2")))
    book.refused(
        "not-countersigned",
        "the agent alone",
        "decision.insufficient",
        "countersigned",
        "the signatures",
        lambda w: open_(w, "cosigned", ("agent",)),
    )
    book.refused(
        "only-countersigned",
        "the countersigner alone",
        "decision.insufficient",
        "countersigned",
        "the signatures",
        lambda w: open_(w, "cosigned", ("c1",)),
    )
    book.refused(
        "countersigned-stranger",
        "an entry holds what counts, and nothing else",
        "envelope.not-canonical",
        "countersigned",
        "the signatures",
        lambda w: open_(w, "cosigned", ("agent", "c2", "x")),
    )


def classes(group: Group) -> None:
    world = parties()
    granted(
        world,
        *TALKS,
        to=None,
        key="class",
        scope=["north", "south"],
        until=NOW + 10 * DAY,
        **{"class": {"name": "every elected committee", "certifier": Key("certifier").public}},
    )
    granted(world, *TALKS)
    book = Book(group, world).base_case("class-base", "a class mandate, and a plain one")

    def certify(w, who="certifier", under="class", **more):
        fields = {"class": w.ids[under], "to": Key("committee man").public, "until": NOW + DAY, **more}
        w.ids["certificate"] = w.log(w.signed("certify", fields, [who], w.parties["A"].id, several=False))
        return w.ids["certificate"]

    speaks = lambda w: open_(w, "certificate", "committee man", scopes=["north"])
    withdraw = lambda w, who="certifier": w.log(
        w.signed(
            "withdraw-certificate",
            {"class": w.ids["class"], "target": w.ids["certificate"]},
            [who],
            w.parties["A"].id,
            several=False,
        )
    )
    book.ok("certify", "the certifier names a holder", certify)
    book.ok("certify-scope", "and a narrower scope", lambda w: certify(w, scope=["north"]))
    book.refused(
        "certify-stranger", "another key", "signature.invalid", "certify", "the signature", lambda w: certify(w, "ann")
    )
    book.refused(
        "certify-under-grant",
        "a plain mandate has no certifier",
        "chain.custody",
        "certify",
        "the mandate",
        lambda w: certify(w, under="grant"),
    )
    book.refused(
        "certify-longer",
        "beyond the class mandate's expiry",
        "chain.widens",
        "certify",
        "the expiry",
        lambda w: certify(w, until=NOW + 11 * DAY),
    )
    book.refused(
        "certify-wider",
        "beyond its scope",
        "chain.widens",
        "certify-scope",
        "the scope",
        lambda w: certify(w, scope=["east"]),
    )
    book.refused(
        "certify-member",
        "a member's key cannot hold a mandate",
        "decision.key-role",
        "certify",
        "the holder",
        lambda w: certify(w, to=Key("ann").public),
    )
    book.ok("certified-speaks", "a holder under his certificate", lambda w: (certify(w), speaks(w)))
    book.refused(
        "class-speaks",
        "a class mandate has no holder",
        "chain.custody",
        "certified-speaks",
        "the mandate",
        lambda w: (certify(w), open_(w, "class", "committee man", scopes=["north"])),
    )
    book.no(
        "certificate-expired",
        "a certificate expires",
        "standing.expired",
        "certified-speaks",
        "the log time",
        lambda w: (certify(w), speaks(w.later(DAY))),
    )
    book.no(
        "certificate-withdrawn",
        "the certifier withdrew it",
        "standing.withdrawn",
        "certified-speaks",
        "the withdrawal before",
        lambda w: (certify(w), withdraw(w), speaks(w)),
    )
    book.no(
        "certificate-dismissed",
        "the granting organ dismissed it",
        "standing.dismissed",
        "certified-speaks",
        "the dismissal before",
        lambda w: (certify(w), w.decide("A", "dismiss", mandate=w.ids["certificate"]), speaks(w)),
    )
    book.ok("withdraw", "the certifier withdraws", lambda w: (certify(w), withdraw(w)))
    book.refused(
        "withdraw-stranger",
        "another key",
        "signature.invalid",
        "withdraw",
        "the signature",
        lambda w: (certify(w), withdraw(w, "ann")),
    )
    book.refused(
        "withdraw-grant",
        "what is no certificate of his",
        "power.missing",
        "withdraw",
        "the target",
        lambda w: (w.ids.update(certificate=w.ids["grant"]), withdraw(w)),
    )
    book.ok(
        "certifier-objected",
        "an objection names acts, and not a certifier's key",
        lambda w: (w.decide("A", "object", "congress", about=Key("certifier").public), certify(w)),
    )
    dismissed = lambda w: w.decide("A", "dismiss", mandate=Key("certifier").public)
    book.refused(
        "certifier-dismissed",
        "the certifier was dismissed",
        "standing.certifier",
        "certify",
        "the dismissal before",
        lambda w: (dismissed(w), certify(w)),
    )
    book.ok("certified-before", "certificates logged before stand", lambda w: (certify(w), dismissed(w), speaks(w)))


def bounds(group: Group) -> None:
    world = parties()
    granted(world, *TALKS)
    granted(world, *TALKS, key="one", dossier=kit.chance("a dossier"))
    granted(world, *TALKS, key="scoped", scope=["north"])
    granted(world, *TALKS, key="with-b", **{"with": [world.parties["B"].id]})
    granted(world, *TALKS, key="here", ledgers=[world.ref])
    granted(world, *TALKS, key="there", ledgers=[World("there").ref])
    granted(world, *TALKS, key="with-x", **{"with": public("x")})
    book = Book(group, world).base_case("bounded", "mandates for one dossier, one scope, one partner")
    book.ok("open", "without bounds", lambda w: open_(w, "grant"))
    book.no(
        "other-dossier",
        "the mandate is for another dossier",
        "bounds.dossier",
        "open",
        "the mandate",
        lambda w: open_(w, "one"),
    )
    book.ok("open-scoped", "within the scope", lambda w: open_(w, "scoped", scopes=["north"]))
    book.no(
        "scope-beyond",
        "one scope too many",
        "bounds.scope",
        "open-scoped",
        "the scopes",
        lambda w: open_(w, "scoped", scopes=["north", "south"]),
    )
    book.no(
        "scope-none",
        "a dossier without scopes is about everything",
        "bounds.scope",
        "open-scoped",
        "the scopes",
        lambda w: open_(w, "scoped"),
    )
    book.ok("open-with", "with the partner", lambda w: open_(w, "with-b"))
    book.no(
        "partner-other", "with another", "bounds.partners", "open-with", "the mandate", lambda w: open_(w, "with-x")
    )
    book.ok("open-here", "in a ledger that the mandate names", lambda w: open_(w, "here"))
    book.no("open-there", "it names another", "bounds.ledger", "open-here", "the mandate", lambda w: open_(w, "there"))
    book.refused(
        "open-other-ledger",
        "an opening names this ledger",
        "bounds.ledger",
        "open",
        "the ledger",
        lambda w: open_(w, "grant", ledger={"origin": "other.example", "key": Key("other").public}),
    )
    book.refused(
        "open-without-self",
        "and the opener's party",
        "bounds.stranger",
        "open",
        "the parties",
        lambda w: open_(w, "grant", parties=sorted([w.parties["B"].id, kit.chance("a party")])),
    )
    book.refused(
        "open-powerless",
        "B's envoy may not open for A",
        "signature.invalid",
        "open",
        "the signature",
        lambda w: open_(w, "grant", "envoy"),
    )
    began = after(
        book,
        "open-with-b",
        "a dossier between A and B, and a stranger C",
        lambda w: (
            open_(w, "grant"),
            reply(w, "join"),
            w.found("C", "cyd"),
            w.ids.update(c=w.grant("C", "puppet", *TALKS), t=w.text("t")),
        ),
    )
    stranger = lambda w, kind, **more: w.speak("C", "puppet", kind, w.ids["c"], dossier=w.ids["dossier"], **more)
    began.ok("party-says", "a party's words are recorded", lambda w: reply(w, "say", words="hello"))
    began.no(
        "stranger-says",
        "a stranger's are nothing",
        "bounds.stranger",
        "party-says",
        "who says it",
        lambda w: stranger(w, "say", words="hello"),
    )
    began.no(
        "stranger-proposes",
        "nor does he propose",
        "bounds.stranger",
        "party-says",
        "who speaks",
        lambda w: stranger(w, "propose", text=w.ids["t"]),
    )
    began.no("stranger-joins", "nor join", "bounds.stranger", "party-says", "who speaks", lambda w: stranger(w, "join"))
    began.refused(
        "unknown-dossier",
        "no such dossier",
        "unknown.dossier",
        "party-says",
        "the dossier",
        lambda w: (w.ids.update(dossier=kit.chance("no dossier")), reply(w, "say", words="hello")),
    )


def endings(group: Group) -> None:
    world = in_talks(parties(), **{"from": NOW, "until": NOW + 10 * DAY})
    granted(world, *TALKS, key="later", to="next", **{"from": NOW + DAY})
    book = Book(group, world).base_case(
        "term-of-mandate", "a mandate of ten days, in a dossier; another from tomorrow on"
    )
    book.ok("in-term", "a second before its end", lambda w: say(w, wait=10 * DAY - 1))
    book.no(
        "expired",
        "its last instant is not in it",
        "standing.expired",
        "in-term",
        "the log time",
        lambda w: say(w, wait=10 * DAY),
    )
    book.ok("begun", "from its first instant", lambda w: say(w, by="later", who="next", wait=DAY))
    book.no(
        "not-yet",
        "a second before",
        "standing.not-yet",
        "begun",
        "the log time",
        lambda w: say(w, by="later", who="next", wait=DAY - 1),
    )
    text = world.text("t")
    world.ids["t"] = text
    dismiss = lambda w, **more: w.decide("A", "dismiss", mandate=w.ids["grant"], **more)
    propose = lambda w, wait=0: say(w, "propose", text=w.ids["t"], wait=wait)
    new = lambda w: w.new_texts.append("t")
    book.base.new_texts = []
    book.ok("proposes", "in force", lambda w: (new(w), propose(w)))
    book.no(
        "dismissed",
        "dismissed, and so void from that index on",
        "standing.dismissed",
        "proposes",
        "the dismissal before",
        lambda w: (new(w), dismiss(w), propose(w)),
    )
    book.ok(
        "held-over",
        "the dismissal holds this power over",
        lambda w: (new(w), dismiss(w, holds=powers("propose"), until=NOW + DAY), propose(w, DAY - 1)),
    )
    book.no(
        "held-over-until",
        "until then",
        "standing.dismissed",
        "held-over",
        "the log time",
        lambda w: (new(w), dismiss(w, holds=powers("propose"), until=NOW + DAY), propose(w, DAY)),
    )
    book.no(
        "held-over-other",
        "another power",
        "standing.dismissed",
        "held-over",
        "the powers held over",
        lambda w: (new(w), dismiss(w, holds=powers("adopt"), until=NOW + DAY), propose(w, DAY - 1)),
    )
    book.no(
        "held-over-words",
        "kinds without a power are never held over",
        "standing.dismissed",
        "held-over",
        "the kind",
        lambda w: (dismiss(w, holds=powers("propose"), until=NOW + DAY), say(w)),
    )


def suspensions(group: Group) -> None:
    book = Book(group, in_talks(parties())).base_case(
        "suspension", "an agent in a dossier; suspensions lapse after 100 seconds"
    )
    suspend = lambda w, who="cay", organ="council", target="grant": w.ids.update(
        s=w.member("A", who, "suspend", organ, target=w.ids[target])
    )
    confirm = lambda w, answer, organ="council": w.decide("A", "confirm", organ, about=w.ids["s"], answer=answer)
    book.ok("lapsed-suspension", "unconfirmed, it lapses", lambda w: (suspend(w), say(w, wait=100)))
    book.no(
        "suspended",
        "one member suspends",
        "standing.suspended",
        "lapsed-suspension",
        "the log time",
        lambda w: (suspend(w), say(w, wait=99)),
    )
    book.no(
        "confirmed-suspension",
        "confirmed, it lasts",
        "standing.suspended",
        "lapsed-suspension",
        "the confirmation before",
        lambda w: (suspend(w), confirm(w, True), say(w, wait=100)),
    )
    book.no(
        "confirmed-above",
        "also by an organ above",
        "standing.suspended",
        "lapsed-suspension",
        "the confirmation before",
        lambda w: (suspend(w), confirm(w, True, "congress"), say(w, wait=100)),
    )
    book.ok("undone-suspension", "answered no, it is undone", lambda w: (suspend(w), confirm(w, False), say(w)))
    book.no(
        "first-answer",
        "the first answer counts",
        "standing.suspended",
        "undone-suspension",
        "the answer before",
        lambda w: (suspend(w), confirm(w, True), confirm(w, False), say(w)),
    )
    book.ok(
        "late-confirmation",
        "a lapsed suspension is not revived",
        lambda w: (suspend(w), w.later(100), confirm(w, True), say(w)),
    )
    book.ok("suspended-by-two", "each member once", lambda w: (suspend(w), suspend(w, "ann")))
    book.refused(
        "suspended-twice",
        "the same member, the same target",
        "suspension.repeated",
        "suspended-by-two",
        "who suspends",
        lambda w: (suspend(w), w.member("A", "cay", "suspend", target=w.ids["grant"], words="again")),
    )
    book.ok("suspended-from-above", "a member of an organ above", lambda w: suspend(w, "eva", "congress"))
    book.ok(
        "congress-grants",
        "a mandate of the congress",
        lambda w: w.ids.update(above=w.grant("A", "legate", "open", organ="congress")),
    )
    book.refused(
        "suspended-from-below",
        "not of one below",
        "power.missing",
        "suspended-from-above",
        "the mandate",
        lambda w: (w.ids.update(above=w.grant("A", "legate", "open", organ="congress")), suspend(w, target="above")),
    )
    book.refused(
        "confirm-from-below",
        "an organ does not confirm for one above",
        "power.missing",
        "confirm-from-above",
        "the organ",
        lambda w: (
            w.ids.update(above=w.grant("A", "legate", "open", organ="congress")),
            suspend(w, "eva", "congress", "above"),
            confirm(w, True),
        ),
    )
    book.ok(
        "confirm-from-above",
        "the congress confirms its member's suspension",
        lambda w: (
            w.ids.update(above=w.grant("A", "legate", "open", organ="congress")),
            suspend(w, "eva", "congress", "above"),
            confirm(w, True, "congress"),
        ),
    )


def urgent(group: Group) -> None:
    world = parties(urgent={"keys": public("ann"), "needs": 1, "lapse": 100})
    book = Book(group, world).base_case("urgent", "ann may act for the council in urgency; it lapses after 100 seconds")
    grant = lambda w, *names, **more: w.ids.update(
        grant=w.urgent("A", "urgent-grant", "ann", to=Key("agent").public, powers=powers(*names), **more)
    )
    confirm = lambda w, answer: w.decide("A", "confirm", about=w.ids["grant"], answer=answer)
    book.ok(
        "urgent-opens",
        "an urgent grant starts talks",
        lambda w: (grant(w, "open", "propose"), open_(w, "grant", wait=99)),
    )
    book.refused(
        "urgent-signs",
        "it gives nothing more",
        "power.urgent",
        "urgent-opens",
        "the powers",
        lambda w: grant(w, "open", "sign-ad-referendum"),
    )
    book.no(
        "urgent-lapsed",
        "unconfirmed, it lapses",
        "standing.lapsed",
        "urgent-opens",
        "the log time",
        lambda w: (grant(w, "open", "propose"), open_(w, "grant", wait=100)),
    )
    book.ok(
        "urgent-confirmed",
        "confirmed, it lasts",
        lambda w: (grant(w, "open", "propose"), confirm(w, True), open_(w, "grant", wait=100)),
    )
    book.no(
        "urgent-undone",
        "answered no, it is undone",
        "standing.undone",
        "urgent-confirmed",
        "the answer",
        lambda w: (grant(w, "open", "propose"), confirm(w, False), open_(w, "grant", wait=1)),
    )
    book.no(
        "urgent-confirmed-late",
        "what has lapsed is not revived",
        "standing.lapsed",
        "urgent-confirmed",
        "when it was confirmed",
        lambda w: (grant(w, "open", "propose"), w.later(100), confirm(w, True), open_(w, "grant")),
    )
    talks = after(book, "urgent-talks", "an agent with a plain mandate, in a dossier", in_talks)
    dismiss = lambda w: w.urgent("A", "urgent-dismiss", "ann", mandate=w.ids["grant"])
    talks.ok("urgent-dismissal-lapsed", "an urgent dismissal lapses", lambda w: (dismiss(w), say(w, wait=100)))
    talks.no(
        "urgent-dismissed",
        "until then it stops",
        "standing.dismissed",
        "urgent-dismissal-lapsed",
        "the log time",
        lambda w: (dismiss(w), say(w, wait=99)),
    )


def leases(group: Group) -> None:
    world = parties()
    granted(world, *TALKS, "conclude", "delegate", depth=1, fresh=1000)
    open_(world, "grant")
    reply(world, "join")
    adopted(world)
    book = Book(group, world).base_case(
        "lease", "an agent whose conclude and delegate need a beacon of at most 1,000 seconds"
    )

    def beacon(w, serial=1, at=None, who="beacon", party=None, wait=0, count=0, head=None):
        at = w.time + wait if at is None else at
        fields = {
            "party": party or w.parties["A"].id,
            "serial": serial,
            "count": count,
            "head": head or w.parties["A"].id,
            "at": at,
            "next": at + 500,
        }
        return w.log(w.signed("beacon", fields, [who], w.parties["A"].id, several=False), wait=wait)

    conclude = lambda w, wait=0: say(w, "conclude", text=w.ids["t"], wait=wait)
    book.ok("beacon", "a statement of the beacon key", beacon)
    book.refused(
        "beacon-stranger", "another key", "signature.invalid", "beacon", "the signature", lambda w: beacon(w, who="ann")
    )
    book.refused(
        "beacon-party",
        "an unknown party",
        "unknown.party",
        "beacon",
        "the party",
        lambda w: beacon(w, party=kit.chance("no party")),
    )
    book.ok("beacon-next", "the next serial", lambda w: (beacon(w), beacon(w, 2)))
    book.refused(
        "beacon-serial",
        "the same serial again",
        "beacon.serial",
        "beacon-next",
        "the serial",
        lambda w: (beacon(w), beacon(w, 1, at=NOW + 1)),
    )
    book.refused(
        "beacon-head",
        "a head that the party's home stream never had",
        "beacon.head",
        "beacon",
        "the head",
        lambda w: beacon(w, head=kit.chance("no head")),
    )
    book.refused(
        "beacon-count",
        "more acts than the stream has",
        "beacon.head",
        "beacon",
        "the count",
        lambda w: beacon(w, count=1000),
    )
    book.ok("fresh", "exactly as old as allowed", lambda w: (beacon(w), conclude(w, 1000)))
    book.no(
        "stale", "a second older", "standing.stale", "fresh", "the log time", lambda w: (beacon(w), conclude(w, 1001))
    )
    book.no("no-beacon", "none at all", "standing.stale", "fresh", "the beacon", conclude)
    book.no(
        "beacon-old-at",
        "its own time counts, if that is earlier",
        "standing.stale",
        "fresh",
        "the beacon's own time",
        lambda w: (beacon(w, at=NOW - 1), conclude(w, 1000)),
    )
    book.no(
        "beacon-dated-ahead",
        "else the log time of its entry",
        "standing.stale",
        "fresh",
        "the beacon's own time",
        lambda w: (beacon(w, at=NOW + DAY), conclude(w, 1001)),
    )
    book.ok("stale-talks", "talks need no beacon", lambda w: ad_referendum(w, wait=DAY))
    book.no("stale-delegates", "delegating does", "standing.stale", "fresh", "the kind", lambda w: link(w, powers=1))


def duties(group: Group) -> None:
    world = parties()
    granted(world, *TALKS, duty={"kind": "open", "by": NOW + DAY, "then": Key("successor").public})
    world.duties[world.ids["grant"]] = "open"
    granted(world, *TALKS, key="reporting", to="reporter", report=60)
    book = Book(group, world).base_case(
        "duty", "a mandate to open by tomorrow, or another takes over; one with prompt reporting"
    )
    book.ok(
        "duty-done", "done in time, the holder goes on", lambda w: (open_(w, "grant", wait=DAY - 1), say(w, wait=DAY))
    )
    book.refused(
        "successor-too-early",
        "the successor has nothing to say before",
        "signature.invalid",
        "duty-missed",
        "the log time",
        lambda w: open_(w, "grant", "successor", wait=DAY - 1),
    )
    book.ok("duty-missed", "from then on the successor speaks", lambda w: open_(w, "grant", "successor", wait=DAY))
    book.no(
        "duty-too-late",
        "an opening under a mandate that has passed on",
        "standing.duty-missed",
        "duty-missed",
        "who speaks",
        lambda w: open_(w, "grant", wait=DAY),
    )
    book.no(
        "duty-missed-says",
        "the former holder is told so",
        "standing.duty-missed",
        "duty-done",
        "when he opened",
        lambda w: (open_(w, "grant", "successor", wait=DAY), say(w)),
    )
    book.ok("reported", "within a minute", lambda w: open_(w, "reporting", "reporter", wait=60, at=NOW))
    book.no(
        "unreported",
        "a second later",
        "standing.unreported",
        "reported",
        "the log time",
        lambda w: open_(w, "reporting", "reporter", wait=61, at=NOW),
    )
    book.no(
        "unreported-without",
        "without its instant",
        "standing.unreported",
        "reported",
        "the field at",
        lambda w: open_(w, "reporting", "reporter"),
    )


def lines(group: Group) -> None:
    world = in_talks(parties(), *TALKS, "delegate", depth=1, lines=[LINE, ["absent", "annexation"]])
    link(world, powers=powers("propose"), lines=[["at-most", "price", "90"]])
    book = Book(group, world).base_case("lines", "an agent with two red lines, and a sub-agent with one more")

    def proposes(w, terms, by="grant", who="agent", name="offer"):
        w.ids[name] = w.text(name, terms)
        say(w, "propose", by, who, text=w.ids[name])

    book.ok("kept", "the text keeps both", lambda w: proposes(w, {"price": "100"}))
    book.no(
        "crossed", "over the limit", "line.crossed", "kept", "the terms", lambda w: proposes(w, {"price": "100.01"})
    )
    book.no(
        "crossed-absent",
        "what must not be there",
        "line.crossed",
        "kept",
        "the terms",
        lambda w: proposes(w, {"price": "100", "annexation": True}),
    )
    book.no("cannot-tell", "the text does not say", "line.cannot-tell", "kept", "the terms", lambda w: proposes(w, {}))
    book.no(
        "other-currency",
        "nor in which currency",
        "line.cannot-tell",
        "kept",
        "the terms",
        lambda w: proposes(w, {"price": ["EUR", "1"]}),
    )
    book.ok("kept-by-both", "every link's lines", lambda w: proposes(w, {"price": "90"}, "link", "sub"))
    book.no(
        "crossed-below",
        "the link's own",
        "line.crossed",
        "kept-by-both",
        "the terms",
        lambda w: proposes(w, {"price": "91"}, "link", "sub"),
    )
    lift = lambda w, line=0, organ="council": w.decide("A", "lift", organ, mandate=w.ids["grant"], line=line)
    book.ok("lifted", "the organ that set a line lifts it", lambda w: (lift(w), proposes(w, {"price": "101"})))
    book.ok("lifted-from-above", "or one above", lambda w: (lift(w, organ="congress"), proposes(w, {"price": "101"})))
    book.no(
        "lifted-other",
        "another line stays",
        "line.crossed",
        "lifted",
        "the line lifted",
        lambda w: (lift(w, 1), proposes(w, {"price": "101"})),
    )
    book.refused("lift-no-line", "no such line", "line.unknown", "lifted", "the position", lambda w: lift(w, 2))
    book.refused(
        "lift-from-below",
        "not an organ below",
        "power.missing",
        "lifted-from-above",
        "the mandate",
        lambda w: (w.ids.update(grant=w.grant("A", "legate", "open", organ="congress", lines=[LINE])), lift(w)),
    )
    checked = after(
        book,
        "figures",
        "a text that declares its total as a product",
        lambda w: (
            w.ids.update(
                t=w.text("t", {"price": "10", "count": "3", "total": "30"}, [["product", "total", ["price", "count"]]]),
                u=w.text("u", {"price": "10", "count": "3", "total": "31"}, [["product", "total", ["price", "count"]]]),
            ),
            say(w, "propose", text=w.ids["t"]),
            say(w, "propose", text=w.ids["u"]),
        ),
    )
    checked.ok("figures-hold", "three times ten is thirty", lambda w: say(w, "adopt", text=w.ids["t"]))
    checked.no(
        "figures-differ",
        "and not thirty-one",
        "text.check",
        "figures-hold",
        "the text",
        lambda w: say(w, "adopt", text=w.ids["u"]),
    )


def private(group: Group) -> None:
    commitment = digest("private-line", SALT, LINE)
    world = parties()
    granted(world, *TALKS, "conclude", private=[commitment])
    open_(world, "grant")
    reply(world, "join")
    world.found("C", "cyd")
    world.ids["c"] = world.grant("C", "puppet", "open")
    adopted(world, terms={"price": "101"})
    book = Book(group, world).base_case("private", "a mandate with a private line that the adopted text crosses")
    conclude = lambda w: say(w, "conclude", text=w.ids["t"])
    reveal = lambda w, line=LINE: say(w, "reveal", mandate=w.ids["grant"], line=line, salt=SALT)
    book.ok("untold", "a private line takes no part", conclude)
    book.ok("revealed", "opened, and not acknowledged: not told", lambda w: (reveal(w), conclude(w)))
    book.no(
        "told",
        "opened, and acknowledged by the other side: told",
        "line.crossed",
        "revealed",
        "the acknowledgement",
        lambda w: (reply(w, "acknowledge", about=reveal(w)), conclude(w)),
    )
    book.no(
        "reveal-other",
        "no commitment to this line",
        "line.no-commitment",
        "revealed",
        "the line",
        lambda w: reveal(w, ["at-most", "price", "99"]),
    )
    book.ok(
        "told-by-stranger",
        "acknowledged by nobody of the dossier: not told",
        lambda w: (
            w.speak("C", "puppet", "acknowledge", w.ids["c"], dossier=w.ids["dossier"], about=reveal(w)),
            w.void("bounds.stranger"),
            conclude(w),
        ),
    )


def limits(group: Group) -> None:
    world = parties()
    limit = {"path": "total", "most": ["EUR", "100"], "ledger": world.ref}
    granted(world, *TALKS, "conclude", "delegate", depth=1, limit=limit)
    link(world, powers=powers(*TALKS, "conclude"), limit={**limit, "most": ["EUR", "50"]})
    granted(
        world,
        *TALKS,
        "conclude",
        key="else",
        to="other",
        limit={**limit, "ledger": {"origin": "other.example", "key": Key("other").public}},
    )
    open_(world, "grant")
    reply(world, "join")
    for name, total in (
        ("t", ["EUR", "40"]),
        ("u", ["EUR", "60"]),
        ("v", ["EUR", "61"]),
        ("w", ["USD", "1"]),
        ("x", ["EUR", "-1"]),
    ):
        adopted(world, name, {"total": total})
    adopted(world, "y", {})
    book = Book(group, world).base_case("limit", "an agent who may spend EUR 100, and a sub-agent EUR 50 of these")

    def conclude(w, text, total, previous=None, by="grant", who="agent", kind="conclude", **more):
        fields = {} if total is None else {"total": ["EUR", total]}
        fields |= {"previous": previous} if previous else {}
        fields |= (
            {"organ": w.parties["A"].organs["council"], "deadline": NOW + DAY} if kind == "sign-ad-referendum" else {}
        )
        return say(w, kind, by, who, text=w.ids[text], **fields, **more)

    first = lambda w, **more: conclude(w, "t", "40", **more)
    book.ok("spent", "the first signature states its amount", first)
    book.ok(
        "spent-all", "the second the running total, and cites the first", lambda w: conclude(w, "u", "100", first(w))
    )
    book.no(
        "overrun",
        "one too many",
        "limit.exceeded",
        "spent-all",
        "the text",
        lambda w: conclude(w, "v", "101", first(w)),
    )
    book.no(
        "misstated",
        "another total",
        "limit.misstated",
        "spent-all",
        "the total",
        lambda w: conclude(w, "u", "99", first(w)),
    )
    book.no("unstated", "no total", "limit.misstated", "spent", "the total", lambda w: conclude(w, "t", None))
    book.no(
        "uncited",
        "the first is not cited",
        "limit.misstated",
        "spent-all",
        "previous",
        lambda w: (first(w), conclude(w, "u", "100")),
    )
    book.no(
        "unreadable-currency",
        "an amount in another currency",
        "limit.unreadable",
        "spent",
        "the text",
        lambda w: conclude(w, "w", "1"),
    )
    book.no(
        "unreadable-negative",
        "a negative amount",
        "limit.unreadable",
        "spent",
        "the text",
        lambda w: conclude(w, "x", "-1"),
    )
    book.no("unreadable-absent", "no amount", "limit.unreadable", "spent", "the text", lambda w: conclude(w, "y", "0"))
    book.no(
        "elsewhere",
        "another ledger is named",
        "limit.elsewhere",
        "spent",
        "the mandate",
        lambda w: conclude(w, "t", "40", by="else", who="other"),
    )
    book.ok("child", "a child's spending counts", lambda w: conclude(w, "u", "100", first(w, by="link", who="sub")))
    book.no(
        "child-overruns",
        "against all its ancestors",
        "limit.exceeded",
        "child",
        "the text",
        lambda w: conclude(w, "v", "101", first(w, by="link", who="sub")),
    )
    book.no(
        "child-own",
        "and its own",
        "limit.exceeded",
        "spent",
        "the mandate and the text",
        lambda w: conclude(w, "u", "60", by="link", who="sub"),
    )
    signed = partial(conclude, text="t", total="40", kind="sign-ad-referendum")
    book.ok(
        "released-by-lapse",
        "a lapsed signature releases its amount",
        lambda w: (s := signed(w), w.later(DAY), conclude(w, "v", "61", s)),
    )
    book.no(
        "reserved",
        "until then it is reserved",
        "limit.exceeded",
        "released-by-lapse",
        "the log time",
        lambda w: (s := signed(w), w.later(DAY - 1), conclude(w, "v", "101", s)),
    )
    book.ok(
        "released-by-withdrawal",
        "so does a withdrawn one",
        lambda w: (s := signed(w), say(w, "withdraw-signature", signature=s), conclude(w, "v", "61", s)),
    )
    book.ok(
        "released-by-refusal",
        "and a refusal",
        lambda w: (
            s := signed(w),
            w.decide("A", "refuse", dossier=w.ids["dossier"], text=w.ids["t"]),
            conclude(w, "v", "61", s),
        ),
    )
    book.no(
        "kept-by-ratification",
        "a ratification keeps it",
        "limit.exceeded",
        "released-by-lapse",
        "the ratification",
        lambda w: (s := signed(w), ratify(w, s), w.later(DAY), conclude(w, "v", "101", s)),
    )

    def sealed(w, **more):
        open_(w, "grant", **more)
        reply(w, "join")
        adopted(w, "s", {"total": ["EUR", "40"]})
        conclude(w, "s", "40")

    book.ok("public", "in a public dossier", sealed)
    book.no(
        "sealed", "not in a sealed one", "limit.elsewhere", "public", "the dossier", lambda w: sealed(w, sealed=True)
    )


def organ_lines(group: Group) -> None:
    world = parties(lines=[["at-most", "total", "250000"]])
    granted(world, *TALKS, "conclude")
    open_(world, "grant")
    reply(world, "join")
    adopted(world, "t", {"total": "250000"})
    adopted(world, "u", {"total": "250001"})
    book = Book(group, world).base_case("threshold", "a council that may ratify up to 250,000")
    sign_and_ratify = lambda w, text: ratify(w, ad_referendum(w, text), text=text)
    book.ok("below", "the line is kept", lambda w: sign_and_ratify(w, "t"))
    book.no(
        "above", "the line stands on its power", "line.crossed", "below", "the text", lambda w: sign_and_ratify(w, "u")
    )
    book.no(
        "above-by-holder",
        "and on what it grants",
        "line.crossed",
        "below-by-holder",
        "the text",
        lambda w: say(w, "conclude", text=w.ids["u"]),
    )
    book.ok(
        "below-by-holder",
        "a holder signs what the council could have ratified",
        lambda w: say(w, "conclude", text=w.ids["t"]),
    )

    def by_twin(w, text):
        made = w.decide("A", "constitute", new={**organ("twin", "ann"), "powers": powers("ratify")})
        p = w.parties["A"]
        p.organs["twin"] = p.heads["twin"] = organ_id(made, "twin")
        p.signers["twin"] = ["ann"]
        ratify(w, ad_referendum(w, text, organ=p.organs["twin"]), text=text, organ="twin")

    book.ok("below-by-twin", "an organ that it constitutes ratifies", lambda w: by_twin(w, "t"))
    book.no(
        "above-by-twin",
        "and does not shed the line",
        "line.crossed",
        "below-by-twin",
        "the text",
        lambda w: by_twin(w, "u"),
    )


def siblings(group: Group) -> None:
    """A's home is another ledger, which took one of two decisions; both give notice here."""
    home = World("home")
    home.found(
        "A", "ann", organs=[{**organ("congress", "eva"), "powers": 3}, organ("council", "ann")], signers=["ann", "eva"]
    )
    home.parties["A"].signers.update(congress=["eva"], council=["ann"])
    world = parties()
    world = World("there")
    world.parties["A"] = home.copy().parties["A"]
    a = home.parties["A"].id
    world.log(law.Act("found", {}, bytes.fromhex(home.acts[0]["act"]), a, a, True))
    world.found("B", "dan")
    world.ids["theirs"] = world.grant("B", "envoy", *TALKS, "conclude")

    def decide(kind: str, taken: bool, **fields) -> bytes:
        """Log a decision here, and if the home takes it, there."""
        act = world.decision("A", kind, **fields)
        world.log(act)
        if taken:
            home.log(act)
            world.parties["A"].heads["council"] = act.id
        return act.id

    world.ids["grant"] = decide("grant", True, to=Key("agent").public, powers=powers(*TALKS), lines=[LINE])
    world.ids["rival"] = decide("grant", False, to=Key("rival").public, powers=powers(*TALKS))
    world.ids["lift"] = decide("lift", False, mandate=world.ids["grant"], line=0)
    decide("grant", True, to=Key("someone").public, powers=1)
    shown = Book(group, home).base_case("home-ledger", "A's home, which took two grants")
    book = Book(group, world).base_case("notice", "both siblings of each, noticed elsewhere", home=shown.base.after)
    open_(talks := book.base, "grant")
    reply(talks, "join")
    book.ok("real", "the home took the grant", lambda w: None)
    book.no(
        "not-real",
        "and not its sibling",
        "standing.sibling",
        "real",
        "the mandate",
        lambda w: open_(w, "rival", "rival"),
    )

    def proposes(w, price):
        w.ids["t"] = w.text("t", {"price": price})
        say(w, "propose", text=w.ids["t"])

    book.ok("line-kept", "within the line", lambda w: proposes(w, "100"))
    book.no(
        "sibling-lifts-nothing",
        "the line was lifted by a sibling: by nothing",
        "line.crossed",
        "line-kept",
        "the terms",
        lambda w: proposes(w, "101"),
    )
    book.refused(
        "not-shown",
        "what the home has not taken yet",
        "home.not-shown",
        "real",
        "the mandate",
        lambda w: (w.ids.update(new=w.grant("A", "newcomer", *TALKS)), open_(w, "new", "newcomer")),
    )
