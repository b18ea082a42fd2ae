"""The courier's file: what is altered or left out on the way shows, bombs are refused, and a node catches up."""

import gzip
import io
import random
import tracemalloc
import zipfile
from dataclasses import replace

import pytest

from pourparler.core import limits
from pourparler.core.act import Issuer, Power, parse_act
from pourparler.core.encoding import encode
from pourparler.core.errors import Malformed, Missing, PourparlerError, Refused
from pourparler.core.evidence import Trust, Verdict, parse_bundle
from pourparler.core.ledger import multiproof
from pourparler.dispatch import courier, sheets
from pourparler.dispatch.courier import Contents, Whole
from pourparler.dispatch.fountain import InProcess
from pourparler.dispatch.frame import parts_of, telegram
from pourparler.service import couriering
from pourparler.service.drafting import draft
from pourparler.service.node.nouns import Answer, Fresh, State
from pourparler.testing.keys import Key
from tests import paper
from tests.nodes import DAY, HOME, HOUR, START, HomeLedger, Party, SetClock, came, data, memory_node

BAG = came("courier", "a bag")
YEAR = 365 * DAY


class Post:
    """A home ledger with a year of one party: elections, a recovery, mandates given and ended, beacons."""

    def __init__(self) -> None:
        self.clock = SetClock()
        self.home = HomeLedger(self.clock)
        self.party = Party(home=HOME)
        self.sealer = (self.party.id, self.party.dispatch_key)
        self.log(self.party.found)
        self.general = self.decided("grant", to=Key.from_name("general").public_key, powers=31)
        self.decided("appoint", dispatch=[self.party.dispatch_key.public_key])
        self.light()
        self.january = self.bundle()
        self.clock.time += YEAR // 2
        self.elect("second")
        self.clock.time += YEAR // 4
        self.elect("third")
        self.envoy = self.decided("grant", to=Key.from_name("envoy").public_key, powers=31)
        self.dismissal = self.decided("dismiss", mandate=self.general.id)
        self.clock.time += YEAR // 4
        self.beacon = self.light()
        self.december = self.bundle()

    def log(self, act):
        self.home.log(act)
        return act

    def decided(self, kind, **fields):
        return self.log(self.party.decide(kind, **fields))

    def elect(self, name) -> None:
        """Seat three others; those who sat before decide it."""
        members = sorted((Key.from_name(f"{name} {n}") for n in range(3)), key=lambda key: key.public_key)
        signers = [*self.party.members[:2], *members]
        self.decided("elect", by=signers, seats=[[member.public_key, 1] for member in members])
        self.party.members = members

    def light(self):
        return self.log(self.party.beacon(self.clock.time, **self.home.position(self.party)))

    def bundle(self):
        return couriering.catching_up(self.party.id, [self.home.intake])

    def draft_dismissal(self):
        """Return a dismissal that no ledger has yet."""
        return draft(
            "dismiss", {"organ": self.party.organ, "prior": self.party.head, "mandate": self.envoy.id}
        ).signed_by(*self.party.members[:2])

    def file(self, *acts, bundle=None, sealed=True, parts=()):
        sealers = [self.sealer] if sealed else []
        return couriering.file(map(data, acts), parts=parts, bundles=[bundle or self.december], sealers=sealers)

    def delivered(self, file, node=None):
        node = node or self.node()
        return couriering.deliver(node, file, InProcess(), BAG, {self.party.id: "handed over"})

    def node(self):
        """A node that was told the party's id, and has slept since."""
        return memory_node(SetClock(self.clock.time), follow=[self.party.id])


@pytest.fixture(scope="module")
def post() -> Post:
    return Post()


def only(found):
    (one,) = found
    return one


# --- a year's sleep ---------------------------------------------------------------------------------------------------


def test_a_node_that_slept_through_two_elections_catches_up_from_a_file(post):
    """It knows the party's id and nothing else. From the file it learns who decides now, through each election in
    between, and what they decided; by the home's proof, not by hearsay."""
    node = post.node()
    new = post.draft_dismissal()
    delivered = post.delivered(post.file(new), node)
    assert [report.verdict for report in delivered.reports] == [Verdict.VALID]
    account = only(delivered.accounts)
    assert (account.whole, account.shown) == (Whole.WHOLE, post.home.position(post.party)["count"])
    assert account.at == post.clock.time
    assert only(delivered.reports).claim.act == post.beacon.id
    assert [reason for _, reason in delivered.seals] == [""]
    assert delivered.complete
    seats = node.registry.registers[post.party.id].spines.heads
    assert post.party.organ in seats
    assert node.standing(post.general.id, Power.PROPOSE).answer is Answer.REFUSED
    assert [taken.state for taken in delivered.taken] == [State.NEW]
    assert node.standing(post.envoy.id, Power.PROPOSE).reason == "standing.dismissed"
    assert node.freshness(post.party.id).state is not Fresh.STARVED


def test_an_old_bundle_alone_still_says_how_old_it_is(post):
    delivered = post.delivered(post.file(bundle=post.january))
    account = only(delivered.accounts)
    assert (account.whole, account.at) == (Whole.WHOLE, START)
    assert account.next == START + HOUR


# --- altered and left out ---------------------------------------------------------------------------------------------


def test_a_bundle_put_back_to_an_earlier_day_shows_its_gap(post):
    """Attack 37: the courier puts January's genuine bundle in place of December's. The beacon that came beside it says
    how many acts there are: those that are missing are named, by number."""
    delivered = post.delivered(post.file(post.beacon, bundle=post.january, sealed=False))
    assert [report.verdict for report in delivered.reports] == [Verdict.VALID]
    account = only(delivered.accounts)
    assert (account.whole, account.reason) == (Whole.MISSING, "courier.missing")
    assert account.missing == (account.shown + 1, post.beacon["count"])
    assert account.shown < post.beacon["count"]
    assert not delivered.complete


def test_an_entry_taken_out_of_the_bundle_shows(post):
    """Attack 37: the courier, who has a whole copy of the ledger, takes any one act out of the bundle and makes the
    proof anew. The proof is good; the stamp states another count; the file is not whole."""
    shown = only(post.december.ledgers)
    intake = post.home.intake
    size = len(list(intake.store.entries()))
    for index, entry in shown.entries:
        if parse_act(entry).issuer is Issuer.LEDGER:
            continue
        rest = tuple(row for row in shown.entries if row[0] != index)
        hashes = multiproof(size, [at for at, _ in rest], intake.node)
        pruned = replace(post.december, ledgers=(replace(shown, entries=rest, hashes=hashes),))
        sending = courier.read(couriering.file([], bundles=[pruned]))
        reports = courier.verified(sending.contents, Trust({post.party.id: "handed over"}))
        assert only(reports).verdict is not Verdict.VALID, index
        assert only(reports).reason, index
        assert all(account.whole is not Whole.WHOLE for account in courier.accounts(sending.contents, reports)), index
        assert not post.delivered(couriering.file([data(post.beacon)], bundles=[pruned])).complete, index


def test_an_entry_changed_in_the_bundle_shows(post):
    """Attack 37: one bit of one entry."""
    shown = only(post.december.ledgers)
    index, entry = shown.entries[-2]
    other = entry[:-1] + bytes([entry[-1] ^ 1])
    entries = tuple((at, other if at == index else one) for at, one in shown.entries)
    altered = replace(post.december, ledgers=(replace(shown, entries=entries),))
    delivered = post.delivered(couriering.file([], bundles=[altered]))
    assert only(delivered.reports).reason == "proof.root"
    assert not delivered.complete or not delivered.accounts


def test_an_act_taken_out_of_a_sealed_file_shows_and_the_rest_is_taken(post):
    """Attack 37: a dismissal that no ledger has yet is in nobody's stream. Only the seal shows that it was there; what
    is left is taken all the same, for it is signed by those who said it."""
    suspension = post.party.suspend(post.envoy.id)
    sealed = post.file(post.draft_dismissal(), suspension)
    taken_out = courier.read(sealed)
    rest = Contents((data(suspension),), (), taken_out.contents.bundles).encoded()
    seals = [[seal.party, seal.key, seal.signature] for seal in taken_out.seals]
    forged = encode({"format": courier.FORMAT, "contents": rest, "seals": seals}, most_items=limits.COURIER_ITEMS_MAX)
    delivered = post.delivered(forged)
    assert [reason for _, reason in delivered.seals] == ["courier.seal"]
    assert not delivered.complete
    assert [taken.state for taken in delivered.taken] == [State.NEW]
    assert [reason for _, reason in post.delivered(sealed).seals] == [""]


def test_a_thief_cannot_seal_for_the_party(post):
    thief = (post.party.id, Key.from_name("thief"))
    delivered = post.delivered(couriering.file([], bundles=[post.december], sealers=[thief]))
    assert [reason for _, reason in delivered.seals] == ["courier.unknown-key"]
    sending = courier.read(post.file())
    other = replace(sending.seals[0], party=bytes(32))
    with pytest.raises(Missing, match="courier.unknown-key"):
        courier.check_seal(sending, sending.seals[0], {other.key: bytes(32)})
    for keys in ({}, {other.key: post.party.id}, {other.key: bytes(32)}):  # that it is none shows to everybody
        with pytest.raises(Refused, match="courier.seal"):
            courier.check_seal(sending, other, keys)


def test_without_a_beacon_nobody_can_tell(post):
    """Attack 37: the beacons are taken out. Then the answer is that nobody can tell, and never that all is there."""
    dark = Post.__new__(Post)
    dark.clock, dark.party = SetClock(), Party("Dark")
    dark.home = HomeLedger(dark.clock)
    dark.log(dark.party.found)
    account = only(dark.delivered(couriering.file([], bundles=[dark.bundle()])).accounts)
    assert (account.whole, account.reason) == (Whole.CANNOT_TELL, "courier.no-beacon")
    beacon = dark.party.beacon(dark.clock.time, count=7, head=bytes(32))
    account = only(dark.delivered(couriering.file([data(beacon)])).accounts)
    assert (account.whole, account.reason, account.stated) == (Whole.CANNOT_TELL, "courier.no-bundle", 7)


def test_a_beacon_of_another_history_contradicts(post):
    """A stolen beacon key can make whole look like missing or contradicted; nothing makes missing look like whole."""
    position = post.home.position(post.party)
    other = post.party.beacon(post.clock.time + 5, count=position["count"], head=bytes(32))
    account = only(post.delivered(post.file(other)).accounts)
    assert (account.whole, account.reason) == (Whole.CONTRADICTED, "courier.contradicted")
    forged = post.party.beacon(post.clock.time + 6, count=9_999, head=bytes(32), key=Key.from_name("thief"))
    assert only(post.delivered(post.file(forged)).accounts).whole is Whole.WHOLE


def test_whatever_byte_is_changed_nothing_false_is_taken(post):
    """Attack 37: any byte. Either the file is refused, or its seal is broken; and nothing is in force by it that was
    not signed."""
    file = post.file(post.draft_dismissal())
    chance = random.Random(7)
    sound = post.delivered(file)
    assert sound.complete
    for _ in range(60):
        place = chance.randrange(len(file))
        altered = file[:place] + bytes([file[place] ^ (1 << chance.randrange(8))]) + file[place + 1 :]
        node = post.node()
        try:
            delivered = post.delivered(altered, node)
        except Malformed:
            continue
        assert not delivered.complete or [reason for _, reason in delivered.seals] != [""]
        assert set(node.registry.outcomes) <= {*post.home.intake.registry.outcomes, post.draft_dismissal().id}


# --- bombs and other encodings ----------------------------------------------------------------------------------------


def built(contents=None, **changed):
    """Return a file of the profile's own encoder, with parts replaced. ``contents_`` stands for the whole of them."""
    inner = encode({"acts": [], "bundles": [], "frames": [], "parts": [], **(contents or {})})
    whole = changed.pop("contents_", inner)
    return encode({"format": courier.FORMAT, "contents": whole, "seals": [], **changed})


def zipped(file: bytes) -> bytes:
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.dispatch", file)
    return found.getvalue()


ORDINARY = built()
ACT = draft("reply", {"by": bytes(32), "about": bytes(32)}).signed_by(Key.from_name("holder")).envelope.encoded()
FRAME = telegram(ACT, bytes(32))
BOMBS = {
    "gzip": (gzip.compress(bytes(10_000_000)), "courier.compressed"),
    "zip": (zipped(bytes(10_000_000)), "courier.compressed"),
    "xz": (b"\xfd7zXZ\x00" + bytes(50), "courier.compressed"),
    "zstd": (b"\x28\xb5\x2f\xfd" + bytes(50), "courier.compressed"),
    "nothing": (b"", "cbor.malformed"),
    "a list of lists, all the way down": (b"\x81" * 1_000_000 + b"\x80", "cbor.too-deep"),
    "a list that says it has 2^63 members": (b"\x9b\x7f" + b"\xff" * 7, "cbor.malformed"),
    "bytes that say they are 2^62": (b"\x5b\x40" + bytes(7), "cbor.malformed"),
    "a million small items": (b"\x9a" + (1_000_000).to_bytes(4) + bytes(1_000_000), "cbor.too-many-items"),
    "more bytes than a file may have": (bytes(limits.COURIER_FILE_MAX_BYTES + 1), "cbor.too-large"),
    "an indefinite length": (b"\xbf" + ORDINARY[1:] + b"\xff", "cbor.malformed"),
    "a longer head than need be": (b"\xb8\x03" + ORDINARY[1:], "cbor.not-deterministic"),
    "a byte behind it": (ORDINARY + b"\x00", "cbor.malformed"),
    "half of it": (ORDINARY[: len(ORDINARY) // 2], "cbor.malformed"),
    "another format": (built(format="pourparler/2 dispatch"), "courier.malformed"),
    "no map": (encode([1, 2, 3]), "courier.malformed"),
    "one field more": (encode({"format": courier.FORMAT, "contents": b"", "seals": [], "x": 1}), "courier.malformed"),
    "contents that are a map, not bytes": (built(contents_={"acts": []}), "courier.malformed"),
    "contents in another encoding": (built(contents_=b"\xb8\x04" + bytes(8)), "cbor.malformed"),
    "an act that is text": (built(contents={"acts": ["act"]}), "courier.malformed"),
    "an act that is none": (built(contents={"acts": [b"\xd2\x84"]}), "envelope.layout"),
    "an act twice": (built(contents={"acts": [ACT, ACT]}), "courier.order"),
    "a bundle that is none": (built(contents={"bundles": [encode({})]}), "bundle.malformed"),
    "a bundle that is compressed": (built(contents={"bundles": [gzip.compress(b"x")]}), "cbor.malformed"),
    "more bundles than there may be": (built(contents={"bundles": [b""] * 17}), "courier.malformed"),
    "a frame that is none": (built(contents={"frames": [b"\xd1\x09" + bytes(30)]}), "frame.form"),
    "a part of two pieces": (built(contents={"parts": [[b"", b""]]}), "courier.malformed"),
    "a part with a short kid": (built(contents={"parts": [[b"\xa0", bytes(7), bytes(64)]]}), "courier.malformed"),
    "a seal of one piece": (built(seals=[[bytes(32)]]), "courier.malformed"),
    "a seal with a short key": (built(seals=[[bytes(32), bytes(31), bytes(64)]]), "courier.malformed"),
    "one key's seal twice": (built(seals=[[bytes(32), bytes(32), bytes(64)]] * 2), "courier.order"),
    "seventeen seals": (built(seals=[[bytes(32), bytes([n]) * 32, bytes(64)] for n in range(17)]), "courier.malformed"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_and_second_encodings_are_refused(name):
    """Attack 39: compressed files, nested and counted bombs, second encodings, doubled parts: refused with a reason,
    and before they cost memory."""
    file, reason = BOMBS[name]
    tracemalloc.start()
    try:
        with pytest.raises(PourparlerError) as caught:
            courier.read(file)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert caught.value.reason == reason
    assert peak < 64 * 1024 * 1024
    assert courier.read(ORDINARY).contents == Contents()


def test_writing_and_reading_are_each_others_inverse(post):
    acts = [data(act) for act in (post.dismissal, post.beacon, post.general)]
    decision = post.draft_dismissal().envelope
    rows = tuple((decision.payload, signature.kid, signature.value) for signature in decision.signatures)
    contents = Contents(tuple(acts), rows, (post.january.encoded(),), (telegram(acts[0], post.dismissal.id),))
    file = courier.write(contents, [post.sealer])
    found = courier.read(file)
    assert set(found.contents.acts) == set(acts)
    assert set(found.contents.parts) == set(rows)
    assert found.contents.bundles == contents.bundles
    assert found.contents.frames == contents.frames
    assert courier.write(replace(contents, acts=tuple(reversed(acts))), [post.sealer]) == file
    assert parse_bundle(found.contents.bundles[0]) == post.january
    courier.check_seal(found, found.seals[0], {post.party.dispatch_key.public_key: post.party.id})


# --- a signature and a dismissal by paper -----------------------------------------------------------------------------


def pictures(sheet, seed=1):
    return [
        (f"photo-{number}.jpg", paper.jpeg(paper.photographed(paper.printed(page), seed=seed)))
        for number, page in enumerate(sheets.pages(sheet))
    ]


def test_a_dismissal_whose_members_sign_far_apart_travels_on_paper_and_works(post):
    """Two members in two towns; each prints the decision with his own signature. Two photographs of tilted, noisy
    sheets later the node has joined them, taken the act, and refuses the envoy."""
    node = post.node()
    post.delivered(post.file(), node)
    assert node.standing(post.envoy.id, Power.PROPOSE).answer is Answer.IN_FORCE
    decision = post.draft_dismissal()
    states = []
    for number, signature in enumerate(decision.envelope.signatures):
        row = (decision.envelope.payload, signature.kid, signature.value)
        sheet = sheets.sheet([], [row], language="fr" if number else "en")
        delivered = couriering.deliver_sheets(node, pictures(sheet, seed=number), InProcess(), BAG)
        assert {one.reason for one in delivered.bad} <= {"courier.unreadable"}
        states.append(delivered.taken[-1].state)
    assert states == [State.PENDING, State.NEW]
    assert node.registry.outcomes[decision.id].void is None
    assert node.standing(post.envoy.id, Power.PROPOSE).reason == "standing.dismissed"


def test_a_long_act_travels_on_paper_as_symbols_and_one_lost_sheet_does_not_matter(post):
    node = post.node()
    post.delivered(post.file(), node)
    grants = [
        post.party.decide(
            "grant", prior=post.party.head, to=Key.from_name(f"h{n}").public_key, powers=3, words="w " * 900
        )
        for n in range(2)
    ]
    sheet = sheets.sheet([data(act) for act in grants], sealer=post.sealer)
    (group,) = sheet.groups
    assert group.enough < len(group.frames)
    kept = replace(sheet, groups=(replace(group, frames=group.frames[-group.enough :]),))
    delivered = couriering.deliver_sheets(node, pictures(kept), InProcess(), BAG)
    assert {taken.act for taken in delivered.taken} == {act.id for act in grants}
    assert State.NEW in {taken.state for taken in delivered.taken}


def test_members_signatures_in_a_file_join(post):
    node = post.node()
    decision = post.draft_dismissal().envelope
    rows = [(decision.payload, one.kid, one.value) for one in decision.signatures]
    states = [post.delivered(post.file(parts=[row]), node).taken[-1].state for row in rows]
    assert states == [State.PENDING, State.NEW]
    assert node.standing(post.envoy.id, Power.PROPOSE).reason == "standing.dismissed"


def test_frames_in_a_file_are_heard_as_on_the_radio(post):
    node = post.node()
    post.delivered(post.file(), node)
    decision = post.draft_dismissal()
    frames = tuple(parts_of(decision.envelope, decision.id))
    delivered = post.delivered(courier.write(Contents(frames=frames)), node)
    assert [taken.state for taken in delivered.taken] == [State.PENDING, State.NEW]
