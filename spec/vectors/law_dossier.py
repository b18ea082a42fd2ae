"""Vectors of spec/dossier.md: the four states, ratification, confirmation, entry into force, remedies, wider texts."""

# ruff: noqa: E731 -- a step of a case is best read beside the case

from functools import partial

from spec.vectors import kit
from spec.vectors.kit import Group
from spec.vectors.law import DAY, NOW, TALKS, Book, World, after, group, organ, organ_id
from spec.vectors.law_authority import ad_referendum, adopted, granted, open_, parties, ratify, reply, say

FAR = 3650 * DAY


@group("dossier")
def dossier(group: Group) -> None:
    beginnings(group)
    texts(group)
    signing(group)
    ratifying(group)
    confirming(group)
    superiors(group)
    acceding(group)
    denouncing(group)
    remedies(group)
    reservations(group)
    force(group)
    wider(group)


def talks(*names: str, **more) -> World:
    """Return a world in which A's agent (ad referendum) and B's envoy (definitively) are in talks."""
    world = parties()
    granted(world, *(names or TALKS), **more)
    open_(world, "grant")
    reply(world, "join")
    return world


def state(w: World, ask: str, answer, wait: int = 0, text: str = "t", **more) -> None:
    named = {"text": w.ids[text]} if ask != "dossier" else {}
    w.ask(wait, ask=ask, answer=answer, dossier=w.ids["dossier"], **named, **more)


def consent(w: World, answer: str, wait: int = 0, party: str = "A", text: str = "t") -> None:
    state(w, "consent", answer, wait, text, party=w.parties[party].id)


def effect(w: World, answer: str, since=None, until=None, wait: int = 0, of=("A", "B"), text: str = "t") -> None:
    state(w, "effect", [answer, since, until], wait, text, parties=[w.parties[name].id for name in of])


def conclude(w: World, text: str = "t", wait: int = 0) -> bytes:
    return reply(w, "conclude", text=w.ids[text], wait=wait)


def bind(w: World, text: str = "t", wait: int = 0) -> None:
    """Let both parties be bound: B definitively, A by ratification."""
    conclude(w, text)
    ratify(w, ad_referendum(w, text, deadline=NOW + FAR, wait=wait), text=text)


def beginnings(group: Group) -> None:
    world = parties()
    granted(world, *TALKS)
    opened = lambda w, **rules: open_(w, "grant", rules={"adopt": "all", **rules})
    book = Book(group, world).base_case("base", "A and B, and mandates")
    texts = lambda w: w.ids.update(t=w.text("t"))
    propose = lambda w, **more: say(w, "propose", text=w.ids["t"], **more)
    book.ok("invited", "opened, and one party joined", lambda w: (opened(w), state(w, "dossier", "invited")))
    begin = lambda w, **rules: (texts(w), opened(w, **rules), reply(w, "join"))
    book.ok(
        "begun",
        "all have joined",
        lambda w: (begin(w), propose(w), state(w, "dossier", "open"), state(w, "text", "proposed")),
    )
    book.no(
        "not-begun",
        "too few have joined",
        "dossier.not-begun",
        "begun",
        "the join",
        lambda w: (texts(w), opened(w), propose(w)),
    )
    book.ok("begin-one", "the rules ask for one", lambda w: (texts(w), opened(w, begin=1), propose(w)))
    book.no(
        "not-joined",
        "who has not joined proposes nothing",
        "dossier.not-joined",
        "begin-one",
        "who proposes",
        lambda w: (texts(w), opened(w, begin=1), reply(w, "propose", text=w.ids["t"])),
    )
    book.ok(
        "join-lapses",
        "the time to join passes",
        lambda w: (
            opened(w, join_by=NOW + DAY),
            state(w, "dossier", "invited", DAY - 1),
            state(w, "dossier", "closed: lapsed", DAY),
        ),
    )
    book.ok("join-in-time", "a second before", lambda w: (opened(w, join_by=NOW + DAY), reply(w, "join", wait=DAY - 1)))
    book.no(
        "join-late",
        "silence has closed it",
        "dossier.closed",
        "join-in-time",
        "the log time",
        lambda w: (opened(w, join_by=NOW + DAY), reply(w, "join", wait=DAY)),
    )
    close = lambda w, how: say(w, "close", **{"as": how})
    book.ok(
        "withdrawn",
        "an invitation withdrawn",
        lambda w: (opened(w), close(w, "withdrawn"), state(w, "dossier", "closed: withdrawn")),
    )
    book.no(
        "failed-invited",
        "what has not begun has not failed",
        "dossier.overtaken",
        "withdrawn",
        "how it closes",
        lambda w: (opened(w), close(w, "failed")),
    )
    book.ok(
        "failed",
        "closed as failed",
        lambda w: (begin(w), close(w, "failed"), say(w), state(w, "dossier", "closed: failed")),
    )
    book.no(
        "closed",
        "nothing is proposed after",
        "dossier.closed",
        "begun",
        "the closing before",
        lambda w: (begin(w), close(w, "failed"), propose(w)),
    )
    book.ok(
        "suspended-until",
        "talks are suspended until an instant",
        lambda w: (begin(w), say(w, "suspend-talks", until=NOW + DAY), propose(w, wait=DAY)),
    )
    book.no(
        "suspended",
        "until then nothing is proposed",
        "dossier.suspended",
        "suspended-until",
        "the log time",
        lambda w: (begin(w), say(w, "suspend-talks", until=NOW + DAY), propose(w, wait=DAY - 1)),
    )
    book.ok(
        "resumed",
        "or talks are resumed",
        lambda w: (begin(w), say(w, "suspend-talks", until=NOW + DAY), reply(w, "resume-talks"), propose(w)),
    )


def texts(group: Group) -> None:
    world = talks()
    world.ids["t"], world.ids["u"] = world.text("t"), world.text("u")
    say(world, "propose", text=world.ids["t"], until=NOW + DAY)
    book = Book(group, world).base_case("offer", "a proposal that stands for a day")
    adopt = lambda w, who=say, wait=0: who(w, "adopt", text=w.ids["t"], wait=wait)
    book.ok(
        "adopted",
        "by both; its author too",
        lambda w: (adopt(w), state(w, "text", "proposed"), adopt(w, reply, DAY - 1), state(w, "text", "adopted", DAY)),
    )
    book.no(
        "adopted-twice",
        "a party adopts once",
        "dossier.repeated",
        "adopted",
        "who adopts",
        lambda w: (adopt(w), say(w, "adopt", text=w.ids["t"], words="again")),
    )
    book.no(
        "lapsed",
        "the offer has lapsed",
        "dossier.overtaken",
        "adopted",
        "the log time",
        lambda w: (adopt(w), adopt(w, reply, DAY)),
    )
    book.no(
        "adopt-unknown",
        "a text that nobody proposed",
        "dossier.unknown-text",
        "adopted",
        "the text",
        lambda w: (adopt(w), reply(w, "adopt", text=w.ids["u"])),
    )
    counter = lambda w, who=reply, **more: who(w, "propose", text=w.ids["u"], answers=w.ids["t"], **more)
    book.ok(
        "counter",
        "between two, a counter-offer kills what it answers",
        lambda w: (counter(w), state(w, "text", "superseded")),
    )
    book.no(
        "counter-own",
        "a party does not counter its own offer",
        "dossier.own-offer",
        "counter",
        "who counters",
        lambda w: counter(w, say),
    )
    book.no(
        "countered-adopted",
        "a dead text is not adopted",
        "dossier.overtaken",
        "adopted",
        "the counter-offer before",
        lambda w: (counter(w), adopt(w)),
    )
    book.no(
        "proposed-again",
        "a text never changes, and is proposed once",
        "dossier.repeated",
        "counter",
        "the text",
        lambda w: reply(w, "propose", text=w.ids["t"]),
    )
    book.ok(
        "rejected",
        "the other side rejects",
        lambda w: (reply(w, "reject", text=w.ids["t"]), state(w, "text", "rejected")),
    )
    book.no(
        "reject-own",
        "an author withdraws",
        "dossier.own-offer",
        "rejected",
        "who rejects",
        lambda w: say(w, "reject", text=w.ids["t"]),
    )
    book.ok(
        "text-withdrawn",
        "the author withdraws",
        lambda w: (say(w, "withdraw", text=w.ids["t"]), state(w, "text", "withdrawn")),
    )
    book.no(
        "withdraw-other",
        "only the author",
        "dossier.not-author",
        "text-withdrawn",
        "who withdraws",
        lambda w: reply(w, "withdraw", text=w.ids["t"]),
    )
    book.no(
        "withdraw-dead",
        "what was rejected is not withdrawn",
        "dossier.overtaken",
        "text-withdrawn",
        "the rejection before",
        lambda w: (reply(w, "reject", text=w.ids["t"]), say(w, "withdraw", text=w.ids["t"])),
    )
    initial = lambda w, who: who(w, "initial", text=w.ids["t"])
    book.ok(
        "initialled",
        "initials of all who adopted authenticate",
        lambda w: (
            adopt(w),
            adopt(w, reply),
            initial(w, say),
            state(w, "text", "adopted"),
            initial(w, reply),
            state(w, "text", "open for consent"),
        ),
    )
    book.no(
        "initial-proposed",
        "a proposal is not initialled",
        "dossier.overtaken",
        "initialled",
        "the adoption",
        lambda w: (adopt(w), initial(w, say)),
    )
    many = talks()
    many.ids["t"], many.ids["u"] = many.text("t"), many.text("u")
    open_(many, "grant", rules={"adopt": "all", "counter": False})
    reply(many, "join")
    say(many, "propose", text=many.ids["t"])
    Book(group, many).base_case("no-killing", "a dossier in which counter-offers do not kill").ok(
        "counter-alive",
        "both stand",
        lambda w: (counter(w), state(w, "text", "proposed"), reply(w, "adopt", text=w.ids["t"])),
    )


def signing(group: Group) -> None:
    world = talks()
    adopted(world)
    adopted(world, "later", open_from=NOW + DAY)
    world.ids["u"] = world.text("u")
    say(world, "propose", text=world.ids["u"])
    book = Book(group, world).base_case("adopted-text", "a text that both adopted; one that opens tomorrow; a proposal")
    both = lambda w: (ad_referendum(w), conclude(w))
    book.ok(
        "signed",
        "one ad referendum, one definitively",
        lambda w: (
            both(w),
            consent(w, "signed ad referendum"),
            consent(w, "signed definitively", party="B"),
            state(w, "text", "open for consent"),
        ),
    )
    book.no(
        "agent-concludes",
        "the agent may not bind",
        "power.missing",
        "signed",
        "the kind",
        lambda w: say(w, "conclude", text=w.ids["t"]),
    )
    book.no(
        "sign-proposal",
        "a proposal is not signed",
        "dossier.overtaken",
        "signed",
        "the text",
        lambda w: ad_referendum(w, "u"),
    )
    book.no(
        "sign-late",
        "a deadline that has passed",
        "dossier.late",
        "signed",
        "the deadline",
        lambda w: ad_referendum(w, deadline=NOW),
    )
    book.no(
        "sign-organ",
        "the organ cannot ratify",
        "consent.organ",
        "signed",
        "the organ",
        lambda w: (
            w.decide("A", "constitute", new={**organ("desk", "ann"), "powers": 3}),
            ad_referendum(w, organ=organ_id(w.parties["A"].heads["council"], "desk")),
        ),
    )
    book.ok(
        "lapse",
        "the deadline passes in silence; a new signature follows",
        lambda w: (
            ad_referendum(w, deadline=NOW + DAY),
            consent(w, "signed ad referendum", DAY - 1),
            consent(w, "lapsed", DAY),
            ad_referendum(w.later(DAY), deadline=NOW + 2 * DAY),
            consent(w, "signed ad referendum"),
        ),
    )
    withdraw = lambda w, who=say, s=None: who(w, "withdraw-signature", signature=s or ad_referendum(w))
    book.ok(
        "signature-withdrawn", "a signature ad referendum is withdrawn", lambda w: (withdraw(w), consent(w, "none"))
    )
    book.no(
        "withdraw-unknown",
        "no such signature",
        "dossier.unknown-signature",
        "signature-withdrawn",
        "the signature",
        lambda w: (ad_referendum(w), withdraw(w, s=kit.chance("no signature"))),
    )
    book.no(
        "withdraw-theirs",
        "the other party's",
        "dossier.unknown-signature",
        "signature-withdrawn",
        "who withdraws",
        lambda w: withdraw(w, reply),
    )
    book.no(
        "withdraw-definitive",
        "a definitive one is not withdrawn",
        "dossier.unknown-signature",
        "signature-withdrawn",
        "the signature",
        lambda w: reply(w, "withdraw-signature", signature=conclude(w)),
    )
    bad = lambda w, **clauses: (
        adopted(w, "odd", **clauses),
        say(w, "initial", text=w.ids["odd"]),
        reply(w, "initial", text=w.ids["odd"]),
        conclude(w, "odd"),
    )
    book.ok("clauses", "a text whose clauses can be read", lambda w: bad(w, provisional=True))
    book.no(
        "clauses-odd",
        "one whose clauses cannot",
        "text.clause",
        "clauses",
        "the text's clauses",
        lambda w: bad(w, provisional=1),
    )
    opens = lambda w, wait: (
        reply(w, "initial", text=w.ids["later"]),
        say(w, "initial", text=w.ids["later"]),
        conclude(w, "later", wait),
    )
    book.ok("open-from", "open from tomorrow on", lambda w: opens(w, DAY))
    book.no("not-open", "not before", "dossier.not-open", "open-from", "the log time", lambda w: opens(w, DAY - 1))
    book.no(
        "not-open-adopted",
        "also before all have initialled",
        "dossier.not-open",
        "open-from",
        "the initials",
        lambda w: conclude(w, "later"),
    )
    book.no(
        "concluded-twice",
        "who is bound, is bound",
        "dossier.overtaken",
        "signed",
        "the signature before",
        lambda w: (conclude(w), reply(w, "conclude", text=w.ids["t"], words="again")),
    )
    book.ok(
        "invite",
        "an invitation to accede",
        lambda w: reply(w, "invite", text=w.ids["t"], parties=[kit.chance("a party")], by_time=NOW + DAY),
    )
    book.no(
        "invite-unknown",
        "to no text of this dossier",
        "dossier.unknown-text",
        "invite",
        "the text",
        lambda w: reply(w, "invite", text=kit.chance("a text"), parties=[kit.chance("a party")], by_time=NOW + DAY),
    )
    book.ok("published", "words about a text", lambda w: say(w, "publish", texts=[w.ids["t"]]))
    book.ok(
        "agreed",
        "closed as agreed, once somebody is bound",
        lambda w: (conclude(w), say(w, "close", **{"as": "agreed"}), state(w, "dossier", "closed: agreed")),
    )
    book.no(
        "not-agreed",
        "nobody is bound",
        "dossier.not-agreed",
        "agreed",
        "the signature",
        lambda w: (ad_referendum(w), say(w, "close", **{"as": "agreed"})),
    )


def ratifying(group: Group) -> None:
    world = talks()
    adopted(world)
    adopted(world, "u")
    world.ids["s"] = ad_referendum(world, deadline=NOW + 10 * DAY)
    conclude(world)
    book = Book(group, world).base_case("signed-text", "signed ad referendum by A, definitively by B")
    go = lambda w, *signs, **more: ratify(w, *(signs or [w.ids["s"]]), **more)
    book.ok(
        "ratified",
        "the council ratifies the signature",
        lambda w: (
            consent(w, "signed ad referendum"),
            effect(w, "none"),
            go(w),
            consent(w, "ratified"),
            effect(w, "in force", NOW),
        ),
    )
    book.refused(
        "ratified-by-one",
        "one of three is no council",
        "decision.insufficient",
        "ratified",
        "the signatures",
        lambda w: go(w, by=["ann"]),
    )
    book.ok("ratified-in-time", "a second before the deadline", lambda w: go(w, wait=10 * DAY - 1))
    book.no(
        "ratified-late",
        "the deadline has passed",
        "dossier.late",
        "ratified-in-time",
        "the log time",
        lambda w: go(w, wait=10 * DAY),
    )
    book.no(
        "ratify-unknown-signature",
        "no such signature",
        "consent.signature",
        "ratified",
        "the signature",
        lambda w: go(w, kit.chance("no signature")),
    )
    book.no(
        "ratify-their-signature",
        "the other party's",
        "consent.signature",
        "ratified",
        "the signature",
        lambda w: go(w, conclude(w, "u")),
    )
    book.no(
        "ratify-other-text",
        "the signature is of another text",
        "consent.signature",
        "ratified",
        "the text",
        lambda w: go(w, text="u"),
    )
    book.no(
        "ratify-unknown-text",
        "no such text here",
        "dossier.unknown-text",
        "ratified",
        "the text",
        lambda w: (w.ids.update(n=kit.chance("no text")), go(w, text="n")),
    )
    seen = lambda w, **more: {"dossier": w.position(w.ids["dossier"]), "party": w.position(w.parties["A"].id), **more}
    book.no(
        "past-never",
        "heads that never were",
        "consent.past",
        "ratified",
        "the head seen",
        lambda w: go(w, seen=seen(w, dossier=[1, kit.chance("a head")])),
    )
    book.no(
        "past-future",
        "more than there is",
        "consent.past",
        "ratified",
        "the count seen",
        lambda w: go(w, seen=seen(w, party=[99, kit.chance("a head")])),
    )
    book.no(
        "past-before-mandate",
        "older than the signer's mandate",
        "consent.past",
        "ratified",
        "the head seen",
        lambda w: go(w, seen=seen(w, party=[0, w.parties["A"].id])),
    )
    book.no(
        "ratify-below",
        "signed subject to the council, ratified by an organ below it",
        "consent.organ",
        "ratified",
        "the organ",
        lambda w: (
            made := w.decide("A", "constitute", new=organ("desk", "ann")),
            w.parties["A"].organs.update(desk=organ_id(made, "desk")),
            w.parties["A"].heads.update(desk=organ_id(made, "desk")),
            w.parties["A"].signers.update(desk=["ann"]),
            go(w, organ="desk"),
        ),
    )
    book.ok("ratify-above", "or by one above it", lambda w: go(w, organ="congress"))
    book.no(
        "past-older",
        "older than the signature",
        "consent.past",
        "ratified",
        "the head seen",
        lambda w: go(w, seen=seen(w, dossier=[0, w.ids["dossier"]])),
    )
    before = world.copy()
    book.ok(
        "ratify-behind",
        "what came after the heads seen does not touch it",
        lambda w: (
            s := seen(before),
            say(w, words="hello"),
            w.member("A", "cay", "suspend", target=w.ids["grant"]),
            go(w, seen=s),
        ),
    )
    book.no(
        "ratify-withdrawn",
        "but a withdrawn signature does",
        "dossier.overtaken",
        "ratify-behind",
        "what came after",
        lambda w: (s := seen(before), say(w, "withdraw-signature", signature=w.ids["s"]), go(w, seen=s)),
    )
    book.no(
        "ratify-closed",
        "and a closing",
        "dossier.closed",
        "ratify-behind",
        "what came after",
        lambda w: (s := seen(before), say(w, "close", **{"as": "failed"}), go(w, seen=s)),
    )
    refuse = lambda w, **more: w.decide("A", "refuse", dossier=w.ids["dossier"], text=w.ids["t"], **more)
    book.ok("refused", "the council refuses", lambda w: (refuse(w), consent(w, "refused")))
    book.no(
        "ratify-refused",
        "for good",
        "dossier.overtaken",
        "ratified",
        "the refusal before",
        lambda w: (refuse(w), go(w)),
    )
    book.no(
        "sign-refused",
        "also for its holders",
        "dossier.overtaken",
        "signed-again",
        "the refusal before",
        lambda w: (refuse(w), ad_referendum(w, words="again")),
    )
    book.ok("signed-again", "a second signature", lambda w: ad_referendum(w, words="again"))
    refused_by = lambda w, organ: w.decide("A", "refuse", organ, dossier=w.ids["dossier"], text=w.ids["t"])
    book.ok(
        "refused-above",
        "the congress refuses what was referred to the council below it",
        lambda w: (refused_by(w, "congress"), consent(w, "refused")),
    )
    book.no(
        "refuse-over-the-head",
        "the council does not refuse what was referred to the congress above it",
        "consent.organ",
        "refused-above",
        "the organ that the signature refers to",
        lambda w: (
            ad_referendum(w, words="up", organ=w.parties["A"].organs["congress"]),
            refused_by(w, "council"),
        ),
    )
    book.no(
        "refuse-ratified",
        "nobody both ratifies and refuses",
        "dossier.overtaken",
        "refused",
        "the ratification before",
        lambda w: (go(w), refuse(w)),
    )
    book.no(
        "ratify-twice",
        "once bound",
        "dossier.overtaken",
        "ratified",
        "the ratification before",
        lambda w: (go(w), go(w, words="again")),
    )
    dismiss = lambda w, organ="council": w.decide("A", "dismiss", organ, mandate=w.ids["grant"])
    book.no(
        "ratify-dismissed",
        "the council's own spine holds the signer's dismissal",
        "standing.dismissed",
        "ratified",
        "the dismissal before",
        lambda w: (dismiss(w), go(w)),
    )
    book.ok(
        "ratify-dismissed-confirmed",
        "unless it confirms the signature",
        lambda w: (dismiss(w), go(w, confirms=[w.ids["s"]])),
    )
    book.no(
        "ratify-dismissed-above",
        "dismissed from above, and seen in the party's stream",
        "standing.dismissed",
        "dismissed-above-unseen",
        "the heads seen",
        lambda w: (dismiss(w, "congress"), go(w)),
    )
    book.ok(
        "dismissed-above-unseen", "and not seen", lambda w: (s := seen(before), dismiss(w, "congress"), go(w, seen=s))
    )
    book.no(
        "dismissed-above-spine",
        "seen on the other organ's spine",
        "standing.dismissed",
        "dismissed-above-unseen",
        "the spines seen",
        lambda w: (s := seen(before), d := dismiss(w, "congress"), go(w, seen=s, spines=[d])),
    )
    book.no(
        "ratify-objected",
        "an objection from above",
        "standing.objected",
        "ratified",
        "the objection before",
        lambda w: (w.decide("A", "object", "congress", about=w.ids["grant"]), go(w)),
    )
    suspend = lambda w: w.member("A", "cay", "suspend", target=w.ids["grant"])
    book.ok(
        "ratify-suspended", "an unconfirmed suspension never outweighs a ratification", lambda w: (suspend(w), go(w))
    )
    book.no(
        "ratify-suspended-confirmed",
        "a confirmed one does",
        "standing.suspended",
        "ratify-suspended",
        "the confirmation before",
        lambda w: (w.decide("A", "confirm", about=suspend(w), answer=True), go(w)),
    )
    book.no(
        "ratify-suspended-lapsed",
        "also after its time: confirmed, it lasts",
        "standing.suspended",
        "ratify-suspended",
        "the confirmation before",
        lambda w: (w.decide("A", "confirm", about=suspend(w), answer=True), go(w, wait=DAY)),
    )
    book.ok(
        "ratify-expired",
        "expiry is asked when the signature was logged",
        lambda w: (
            w.ids.update(short=w.grant("A", "short", *TALKS, until=NOW + 1)),
            s := ad_referendum(w, by="short", who="short"),
            go(w, s, wait=DAY),
        ),
    )
    confirmed = lambda w, wait: (
        x := w.member("A", "cay", "suspend", target=w.ids["grant"]),
        s := ad_referendum_void(w),
        w.decide("A", "confirm", about=x, answer=True),
        go(w, s, wait=wait),
    )
    book.no(
        "ratify-signed-while-suspended",
        "signed while suspended, and the suspension confirmed",
        "standing.suspended",
        "ratify-suspended",
        "the signature and the confirmation",
        lambda w: confirmed(w, 500),
    )
    lapsed = lambda w: (s := ad_referendum(w, deadline=NOW + DAY, words="short"), go(w, s, wait=DAY))
    book.no(
        "ratify-lapsed-one",
        "each signature named must not have lapsed",
        "dossier.late",
        "ratified-in-time",
        "the signature",
        lapsed,
    )


def ad_referendum_void(w: World, reason: str = "standing.suspended", **more) -> bytes:
    signature = ad_referendum(w, words="void", **more)
    w.void(reason)
    return signature


def confirming(group: Group) -> None:
    world = talks(lines=[["at-most", "price", "100"]])
    granted(world, *TALKS, key="old", to="old agent", until=NOW + 10)
    granted(world, *TALKS, key="above", to="legate", organ="congress", until=NOW + 10)
    granted(world, "open", "propose", key="weak", to="intern")
    granted(world, *TALKS, key="free", to="free agent")
    adopted(world, terms={"price": "100"})
    world.ids["high"] = world.text("high", {"price": "101"})
    reply(world, "propose", text=world.ids["high"])
    reply(world, "adopt", text=world.ids["high"])
    say(world, "adopt", "free", "free agent", text=world.ids["high"])
    world.later(10)
    book = Book(group, world).base_case(
        "confirmation", "an expired mandate, one of the congress, a weak one; a text over the agent's red line"
    )
    signed = lambda w, by, who, reason, **more: ad_referendum_void(w, reason, by=by, who=who, **more)
    # A world with a void act before its last one is added by hand: it is a valid case all the same.
    expired = lambda w: signed(w, "old", "old agent", "standing.expired")
    crossed = lambda w: signed(w, "grant", "agent", "line.crossed", text="high")
    book.ok(
        "confirmed-expired",
        "a ratification that confirms it makes good what lacked authority (VCLT 8)",
        lambda w: (s := expired(w), ratify(w, s, confirms=[s]), consent(w, "ratified")),
    )
    book.no(
        "unconfirmed-expired",
        "named only, it is not",
        "standing.expired",
        "confirmed-expired",
        "what it confirms",
        lambda w: ratify(w, expired(w)),
    )
    book.ok(
        "confirmed-crossed",
        "also a crossed line, by the organ that set it",
        lambda w: (s := crossed(w), ratify(w, s, text="high", confirms=[s])),
    )
    book.no(
        "unconfirmed-crossed",
        "named only, it is not",
        "line.crossed",
        "confirmed-crossed",
        "what it confirms",
        lambda w: ratify(w, crossed(w), text="high"),
    )
    book.no(
        "confirm-from-below",
        "a mandate of an organ above is not the council's to confirm",
        "consent.confirmed",
        "confirmed-expired",
        "the signature",
        lambda w: (s := signed(w, "above", "legate", "standing.expired"), ratify(w, s, confirms=[s])),
    )
    book.no(
        "confirm-power",
        "a power that was never given is none of these",
        "consent.confirmed",
        "confirmed-expired",
        "the signature",
        lambda w: (s := signed(w, "weak", "intern", "power.missing"), ratify(w, s, confirms=[s])),
    )
    book.no(
        "confirm-theirs",
        "the other party's act",
        "consent.confirmed",
        "confirmed-expired",
        "what it confirms",
        lambda w: (s := ad_referendum(w), x := conclude(w), ratify(w, s, confirms=[x])),
    )
    book.no(
        "confirm-unknown",
        "no such act",
        "consent.confirmed",
        "confirmed-expired",
        "what it confirms",
        lambda w: (s := ad_referendum(w), ratify(w, s, confirms=[kit.chance("no act")])),
    )

    def decision(w):
        x = w.decide("A", "refuse", dossier=w.ids["dossier"], text=kit.chance("no text"))
        w.void("dossier.unknown-text")
        return x

    book.no(
        "confirm-decision",
        "an organ's void decision is not a holder's act",
        "consent.confirmed",
        "confirmed-expired",
        "what it confirms",
        lambda w: (s := ad_referendum(w), x := decision(w), ratify(w, s, confirms=[x])),
    )
    late = lambda w: (
        g := w.grant("A", "reporter", *TALKS, report=60),
        w.ids.update(reports=g),
        signed(w, "reports", "reporter", "standing.unreported"),
    )[-1]
    book.ok("confirmed-unreported", "also what was not reported", lambda w: (s := late(w), ratify(w, s, confirms=[s])))
    book.no(
        "unconfirmed-unreported",
        "named only, it is not",
        "standing.unreported",
        "confirmed-unreported",
        "what it confirms",
        lambda w: ratify(w, late(w)),
    )
    book.no(
        "confirm-lapsed",
        "and not after its deadline",
        "dossier.late",
        "confirmed-expired",
        "the log time",
        lambda w: (
            s := signed(w, "old", "old agent", "standing.expired", deadline=NOW + DAY),
            ratify(w, s, confirms=[s], wait=DAY),
        ),
    )


def superiors(group: Group) -> None:
    world = parties(subject=64)
    granted(world, *TALKS)
    open_(world, "grant")
    reply(world, "join")
    adopted(world)
    conclude(world)
    world.ids["s"] = ad_referendum(world)
    book = Book(group, world).base_case("subject", "a council whose ratification needs the congress")
    confirm = lambda w, about, answer=True, wait=0: w.decide(
        "A", "confirm", "congress", about=about, answer=answer, wait=wait
    )
    book.ok(
        "subject-unconfirmed",
        "until confirmed it is none",
        lambda w: (ratify(w, w.ids["s"]), consent(w, "signed ad referendum"), effect(w, "none")),
    )
    book.ok(
        "subject-confirmed",
        "and then counts from the confirmation",
        lambda w: (confirm(w, ratify(w, w.ids["s"]), wait=60), consent(w, "ratified"), effect(w, "in force", NOW + 60)),
    )
    book.ok(
        "subject-denied",
        "denied, it stays none",
        lambda w: (confirm(w, ratify(w, w.ids["s"]), False), consent(w, "signed ad referendum")),
    )


def acceding(group: Group) -> None:
    world = talks()
    world.found("C", "cyd")
    world.found("D", "dee")
    adopted(world, open_to=[world.parties["C"].id], provisional=True)
    adopted(world, "u")
    book = Book(group, world).base_case(
        "accession", "a text open to C that may be applied provisionally; one that is neither"
    )
    past = lambda w, party: {
        "dossier": w.ids["dossier"],
        "seen": {"dossier": w.position(w.ids["dossier"]), "party": w.position(w.parties[party].id)},
    }
    accede = lambda w, party="C", text="t", **more: w.decide(
        party, "accede", text=w.ids[text], **{**past(w, party), **more}
    )
    book.ok(
        "acceded",
        "C accedes, and has its own date",
        lambda w: (
            bind(w),
            accede(w.later(DAY)),
            consent(w, "acceded", party="C"),
            effect(w, "in force", NOW),
            effect(w, "in force", NOW + DAY, of=("A", "C")),
        ),
    )
    book.no(
        "accede-other", "it is not open to D", "consent.not-open-to", "acceded", "the party", lambda w: accede(w, "D")
    )
    book.no(
        "accede-closed-text",
        "a text open to nobody",
        "consent.not-open-to",
        "acceded",
        "the text",
        lambda w: accede(w, text="u"),
    )
    book.no(
        "accede-past",
        "heads that never were",
        "consent.past",
        "acceded",
        "the heads seen",
        lambda w: accede(w, seen={"dossier": [1, kit.chance("a head")], "party": w.position(w.parties["C"].id)}),
    )
    book.no(
        "accede-twice", "once", "dossier.overtaken", "acceded", "the accession before", lambda w: (accede(w), accede(w))
    )
    book.ok(
        "accede-after-closing",
        "accession goes on after the talks are closed",
        lambda w: (bind(w), say(w, "close", **{"as": "agreed"}), accede(w)),
    )
    apply_ = lambda w, party="A", text="t", **more: w.decide(
        party, "apply", dossier=w.ids["dossier"], text=w.ids[text], **more
    )
    book.ok(
        "applying",
        "applied provisionally until tomorrow",
        lambda w: (
            conclude(w),
            apply_(w, until=NOW + DAY),
            consent(w, "applying provisionally", DAY - 1),
            effect(w, "applied provisionally", NOW, wait=DAY - 1),
            consent(w, "none", DAY),
            effect(w, "none", wait=DAY),
        ),
    )
    book.ok(
        "applied-longer",
        "day by day: another application before the end sets the end anew",
        lambda w: (
            conclude(w),
            apply_(w, until=NOW + DAY),
            apply_(w.later(DAY - 1), until=NOW + 2 * DAY, words="another day"),
            effect(w, "applied provisionally", NOW, wait=DAY),
            effect(w, "none", wait=2 * DAY),
        ),
    )
    book.no(
        "apply-not",
        "the text does not allow it",
        "consent.not-provisional",
        "applying",
        "the text",
        lambda w: apply_(w, text="u"),
    )
    book.no(
        "apply-stranger",
        "not for one whom the opening does not name",
        "bounds.stranger",
        "applying",
        "the party",
        lambda w: apply_(w, "D"),
    )
    stop = lambda w: w.decide("A", "stop-applying", dossier=w.ids["dossier"], text=w.ids["t"])
    book.ok("stopped", "and stopped", lambda w: (apply_(w), stop(w), consent(w, "none")))
    book.no(
        "stop-nothing",
        "what was not begun is not stopped",
        "dossier.overtaken",
        "stopped",
        "the application before",
        stop,
    )


def denouncing(group: Group) -> None:
    world = talks()
    adopted(world, term={"notice_days": 7, "earliest": NOW + 10 * DAY, "until": NOW + 365 * DAY})
    adopted(world, "u")
    bind(world)
    bind(world, "u")
    adopted(world, "v", term={"notice_days": 7})
    ad_referendum(world, "v")
    world.ids["tacit"] = adopted(world, "tacit", term={"until": NOW + 365 * DAY, "tacit": True, "notice_days": 0})
    bind(world, "tacit")
    book = Book(group, world).base_case(
        "denunciation",
        "a text with notice of seven days from the tenth day on; one without; one signed only; one tacitly renewed",
    )
    go = lambda w, text="t", wait=10 * DAY, **more: w.decide(
        "A", "denounce", dossier=w.ids["dossier"], text=w.ids[text], wait=wait, **more
    )
    book.ok(
        "denounced",
        "notice runs for seven days",
        lambda w: (
            go(w),
            consent(w, "withdrawing"),
            effect(w, "notice running", NOW, NOW + 17 * DAY, 7 * DAY - 1),
            consent(w, "withdrawn", 7 * DAY),
            effect(w, "ended", NOW, NOW + 17 * DAY, 7 * DAY),
        ),
    )
    book.no(
        "too-early",
        "a second before the tenth day",
        "dossier.too-early",
        "denounced",
        "the log time",
        lambda w: go(w, wait=10 * DAY - 1),
    )
    book.no("no-denunciation", "no clause", "dossier.no-denunciation", "denounced", "the text", lambda w: go(w, "u"))
    book.no(
        "not-bound",
        "who is not bound does not denounce",
        "dossier.not-bound",
        "denounced",
        "the text",
        lambda w: go(w, "v"),
    )
    book.no(
        "denounced-twice",
        "the notice is running",
        "dossier.repeated",
        "denounced",
        "the notice before",
        lambda w: (go(w), go(w, wait=DAY)),
    )
    back = lambda w, wait: w.decide("A", "withdraw-denunciation", dossier=w.ids["dossier"], text=w.ids["t"], wait=wait)
    book.ok(
        "denunciation-withdrawn",
        "taken back in time",
        lambda w: (go(w), back(w, 7 * DAY - 1), effect(w, "in force", NOW, NOW + 365 * DAY, 2 * DAY)),
    )
    book.no(
        "denunciation-withdrawn-late",
        "not after it took effect",
        "dossier.overtaken",
        "denunciation-withdrawn",
        "the log time",
        lambda w: (go(w), back(w, 7 * DAY)),
    )
    book.ok(
        "term-ends",
        "at its end the text ends",
        lambda w: (
            effect(w, "in force", NOW, NOW + 365 * DAY, 365 * DAY - 1),
            effect(w, "ended", NOW, NOW + 365 * DAY, 365 * DAY),
            effect(w, "in force", NOW, None, 400 * DAY, text="tacit"),
        ),
    )


def remedies(group: Group) -> None:
    world = talks()
    b = world.parties["B"].id
    adopted(
        world,
        remedies=[
            {"article": "5", "does": "suspend", "cure_days": 10},
            {"article": "5", "does": "end", "by": [world.parties["A"].id]},
            {"article": "6", "does": "end", "by": [b]},
            {"article": "5", "does": "publish"},
        ],
    )
    adopted(world, "u")
    bind(world)
    book = Book(group, world).base_case("in-force", "a text with four remedies, in force")
    breach = lambda w, party="A", attributed=b, article="5", text="t": w.decide(
        party, "breach", dossier=w.ids["dossier"], text=w.ids[text], attributed=attributed, article=article
    )

    def remedy(w, number=0, wait=10 * DAY, party="A", about=None, **more):
        about = about or breach(w, party, **more)
        w.decide(party, "remedy", dossier=w.ids["dossier"], text=w.ids["t"], breach=about, remedy=number, wait=wait)

    book.ok("suspends", "after the time to cure", lambda w: (remedy(w), effect(w, "suspended", NOW)))
    book.no(
        "cure-time",
        "not before",
        "dossier.cure-time",
        "suspends",
        "the log time",
        lambda w: remedy(w, wait=10 * DAY - 1),
    )
    book.ok("ends", "another remedy ends", lambda w: (remedy(w, 1, 0), effect(w, "ended", NOW, NOW)))
    book.no(
        "remedy-other-article",
        "for a breach of another article",
        "dossier.no-remedy",
        "suspends",
        "the article breached",
        lambda w: remedy(w, article="6"),
    )
    book.no("remedy-none", "no such remedy", "dossier.no-remedy", "suspends", "the remedy", lambda w: remedy(w, 4))
    book.no(
        "remedy-unknown-breach",
        "no such breach",
        "dossier.unknown-breach",
        "suspends",
        "the breach",
        lambda w: remedy(w, about=kit.chance("no breach")),
    )
    book.no(
        "private-breach",
        "a private person's breach suspends nothing",
        "dossier.private-breach",
        "suspends",
        "whose breach it was",
        lambda w: remedy(w, attributed=None),
    )
    book.ok(
        "private-published",
        "it may be published",
        lambda w: (remedy(w, 3, attributed=None), effect(w, "in force", NOW)),
    )
    book.no(
        "not-entitled",
        "the remedy is the other party's",
        "dossier.not-entitled",
        "ends",
        "the remedy and its article",
        lambda w: remedy(w, 2, article="6"),
    )
    book.no(
        "own-breach",
        "nor for one's own breach",
        "dossier.not-entitled",
        "suspends",
        "whose breach it was",
        lambda w: remedy(w, attributed=w.parties["A"].id),
    )
    book.ok("breach", "a party to the text alleges", breach)
    book.no(
        "breach-stranger",
        "by one that is not bound",
        "dossier.not-bound",
        "breach",
        "whose breach it was",
        lambda w: breach(w, attributed=kit.chance("a stranger")),
    )
    book.no(
        "breach-not-bound",
        "one that is not, does not",
        "dossier.not-bound",
        "breach",
        "the text",
        lambda w: breach(w, text="u"),
    )


def reservations(group: Group) -> None:
    world = talks()
    adopted(world, reservations=["7"], objection_days=30)
    book = Book(group, world).base_case(
        "reservable", "a text that allows a reservation to article 7; objections within 30 days"
    )
    reserve = lambda w, *articles: w.ids.update(
        c=reply(w, "conclude", text=w.ids["t"], reserves=list(articles or ("7",)))
    )
    objected = lambda w, answer, wait: state(
        w, "objected", answer, wait, parties=[w.parties["B"].id, w.parties["A"].id]
    )
    book.ok(
        "reserved",
        "silence accepts after 30 days",
        lambda w: (reserve(w), objected(w, None, 30 * DAY - 1), objected(w, False, 30 * DAY)),
    )
    book.no(
        "not-reservable", "another article", "consent.reservation", "reserved", "the article", lambda w: reserve(w, "8")
    )
    go = lambda w, about=None, party="A": w.decide(
        party, "object-reservation", dossier=w.ids["dossier"], text=w.ids["t"], about=about or w.ids["c"]
    )
    book.ok("objection", "the other party objects in time", lambda w: (reserve(w), go(w), objected(w, True, 0)))
    book.ok("objection-late", "or too late", lambda w: (reserve(w), go(w.later(30 * DAY)), objected(w, False, 0)))
    book.no(
        "objection-own",
        "not to one's own reservation",
        "dossier.unknown-reservation",
        "objection",
        "who objects",
        lambda w: (reserve(w), go(w, party="B")),
    )
    book.no(
        "objection-nothing",
        "no such consent",
        "dossier.unknown-reservation",
        "objection",
        "the consent",
        lambda w: (reserve(w), go(w, kit.chance("no consent"))),
    )


# --- entry into force -------------------------------------------------------------------------------------------------


def force(group: Group) -> None:
    for number, when, then, what in (
        (35, ["count", 35], [["days", 30]], "30 days after the 35th instrument"),
        (40, ["count", 40], [["month", 6]], "the first day of the sixth month after the month of the 40th"),
    ):
        conference(group, number, when, then, what)
    world = talks()
    for name, clauses in (
        ("all", {}),
        ("later", {"force": {"then": [["at", NOW + 100 * DAY]]}}),
        ("days", {"force": {"then": [["days", 60], ["month", 1]]}}),
        ("a", {"force": {"when": ["parties", [world.parties["A"].id]]}}),
        ("b", {"force": {"when": ["parties", [world.parties["B"].id]]}}),
        ("scopes", {"force": {"when": ["scopes", ["north"]]}}),
    ):
        adopted(world, name, **clauses)
    book = Book(group, world).base_case("rules", "texts with other rules")
    book.ok(
        "force-all",
        "when all consent",
        lambda w: (
            conclude(w, "all"),
            effect(w, "none", text="all"),
            ratify(w, ad_referendum(w, "all", wait=DAY), text="all"),
            effect(w, "in force", NOW + DAY, text="all"),
        ),
    )
    book.ok(
        "force-at",
        "not before a date",
        lambda w: (
            bind(w, "later"),
            effect(w, "pending", NOW + 100 * DAY, wait=DAY, text="later"),
            effect(w, "in force", NOW + 100 * DAY, wait=100 * DAY, text="later"),
        ),
    )
    march = NOW + 90 * DAY  # 1 January and 60 days: 2 March; the first of the next month: 1 April, 90 days
    book.ok(
        "force-days-month",
        "60 days, then the first of the next month",
        lambda w: (
            bind(w, "days"),
            effect(w, "pending", march, text="days"),
            effect(w, "in force", march, wait=90 * DAY, text="days"),
        ),
    )
    book.ok(
        "force-named",
        "when a named party consents; a later party has its own date",
        lambda w: (
            conclude(w, "b"),
            ratify(w, ad_referendum(w, "b", wait=DAY), text="b"),
            effect(w, "in force", NOW + DAY, text="b"),
        ),
    )
    book.ok("force-named-waits", "not by the other", lambda w: (conclude(w, "a"), effect(w, "none", text="a")))

    scoped = parties()
    granted(scoped, *TALKS, scope=["north", "south"])
    open_(scoped, "grant", scopes=["north"])
    reply(scoped, "join")
    adopted(scoped, force={"when": ["scopes", ["north", "south"]]})
    Book(group, scoped).base_case("sectors", "a text in force when all sectors are covered").ok(
        "force-scopes",
        "by the mandates of those who signed",
        lambda w: (conclude(w), ratify(w, ad_referendum(w)), effect(w, "in force", NOW)),
    )


def conference(group: Group, number: int, when, then, what: str) -> None:
    """A text among so many parties and one more, each of which accedes on a day of its own."""
    world = talks()
    names = [f"P{n}" for n in range(number)]
    for name in names:
        world.found(name, f"member of {name}")
    adopted(world, open_to="any", force={"when": when, "then": then}, term={"notice_days": 1})
    book = Book(group, world).base_case(f"conference-{number}", f"in force {what}")

    def instruments(w: World, count: int) -> None:
        for name in names[:count]:
            seen = {"dossier": w.position(w.ids["dossier"]), "party": w.position(w.parties[name].id)}
            w.decide(name, "accede", dossier=w.ids["dossier"], text=w.ids["t"], seen=seen, wait=DAY)

    at = {35: NOW + 65 * DAY, 40: NOW + 212 * DAY}[number]  # 40 days: 10 February; so 1 August
    pair, late = ("P0", "P1"), (names[0], names[-1])
    first = after(
        book,
        f"instruments-{number - 1}",
        "one too few",
        lambda w: (instruments(w, number - 1), effect(w, "none", of=pair)),
    )

    def last(w: World) -> None:
        seen = {"dossier": w.position(w.ids["dossier"]), "party": w.position(w.parties[names[-1]].id)}
        w.decide(names[-1], "accede", dossier=w.ids["dossier"], text=w.ids["t"], seen=seen, wait=DAY)

    first.ok(
        f"instruments-{number}",
        what,
        lambda w: (
            last(w),
            effect(w, "pending", at, of=pair),
            effect(w, "pending", at, of=late, wait=at - w.time - 1),
            effect(w, "in force", at, of=late, wait=at - w.time),
        ),
    )
    first.ok(
        f"instruments-{number}-withdrawn",
        "once met, it is never unmet",
        lambda w: (
            last(w),
            w.decide("P2", "denounce", dossier=w.ids["dossier"], text=w.ids["t"], wait=DAY),
            effect(w, "in force", at, of=pair, wait=at - w.time),
        ),
    )
    first.ok(
        f"instruments-{number}-one-left",
        "a withdrawal before it is met counts",
        lambda w: (
            w.decide("P2", "denounce", dossier=w.ids["dossier"], text=w.ids["t"]),
            last(w),
            effect(w, "none", of=pair, wait=at - w.time),
        ),
    )


def wider(group: Group) -> None:
    world = talks("open", "propose", "adopt", "initial", "sign-ad-referendum")
    world.found("C", "cyd")
    world.ids["c"] = world.grant("C", "chargé", *TALKS, "conclude")
    both = sorted([world.parties["A"].id, world.parties["B"].id])
    adopted(world, "local", scopes=["north"], parties=both)
    bind(world, "local")
    book = Book(group, world).base_case("local", "a text about the north between A and B, in force")

    def other(w: World, name: str, framework: bool = False, with_b: bool = True, **clauses) -> None:
        """Open another dossier of A, B and C, and let C and one or both others be bound by its text."""
        home = w.ids["dossier"]
        w.later(DAY)
        open_(w, "grant", rules={"adopt": "all", "begin": 2, "counter": False}, parent=home) if framework else open_(
            w, "grant"
        )
        reply(w, "join")
        c = lambda kind, **more: w.speak("C", "chargé", kind, w.ids["c"], dossier=w.ids["dossier"], **more)
        c("join")
        w.ids[name] = w.text(name, **clauses)
        say(w, "propose", text=w.ids[name])
        for who in (say, reply):
            who(w, "adopt", text=w.ids[name])
        c("adopt", text=w.ids[name])
        c("conclude", text=w.ids[name])
        ratify(w, ad_referendum(w, name), text=name)
        if with_b:
            conclude(w, name)
        w.ids["dossier"] = home

    local = partial(effect, text="local")
    all_ = lambda w: sorted(p.id for p in w.parties.values())
    count = {"force": {"when": ["count", 2]}}
    book.ok(
        "wider",
        "a wider text in force between the two ends it",
        lambda w: (
            other(w, "general", scopes=["north", "south"], parties=all_(w), **count),
            local(w, "ended", NOW, NOW + DAY),
        ),
    )
    book.ok(
        "not-wider-scope",
        "one about the south does not",
        lambda w: (other(w, "south", scopes=["south"], parties=all_(w), **count), local(w, "in force", NOW)),
    )
    book.ok(
        "not-wider-prefix",
        "nor one whose scope only begins alike",
        lambda w: (other(w, "northern", scopes=["northern"], parties=all_(w), **count), local(w, "in force", NOW)),
    )
    book.ok(
        "not-wider-parties",
        "nor one that does not name both",
        lambda w: (
            other(w, "without-b", scopes=["north"], parties=[w.parties["A"].id], **count),
            local(w, "in force", NOW),
        ),
    )
    book.ok(
        "not-wider-between",
        "nor one that one of the two is not bound by",
        lambda w: (
            other(w, "general", with_b=False, scopes=["north", "south"], parties=all_(w), **count),
            local(w, "in force", NOW),
        ),
    )
