"""What people write in TOML: every field of every kind can be written, and what cannot be read is said."""

import contextlib
import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pourparler.cli import example
from pourparler.cli.files import EXAMPLES
from pourparler.core.act import KINDS, check_payload, parse_act
from pourparler.core.clauses import parse_clauses
from pourparler.core.council import Depositary
from pourparler.core.redline import parse_text
from pourparler.service import forms
from pourparler.service.forms import Form, FormError, read_duration, read_instant
from pourparler.service.names import Names
from pourparler.service.workspace import Workspace
from pourparler.testing.keys import Key

VECTORS = json.loads((Path(__file__).parent.parent / "spec" / "vectors" / "act.json").read_text("utf-8"))
NOW = 1_800_000_000
NAMES = {
    "we": b"w" * 32, "they": b"t" * 32, "we.board": b"b" * 32, "agent-1": b"m" * 32, "tents": b"d" * 32,
    "they.board": b"o" * 32, "sale": b"s" * 32,
}  # fmt: skip


@pytest.fixture
def form(tmp_path):
    place = Workspace.create(tmp_path / "place")
    for name, given_to in NAMES.items():
        place.give_name(name, given_to)
    keys = {
        name: Key.from_name(name).public_key for name in ("ann", "bo", "cy", "di", "ed", "agent", "deputy", "clock")
    }
    ledger = Depositary("ledger.example/first", Key.from_name("ledger").public_key)
    return Form(Names(place, [], keys), {ledger.origin: ledger}, NOW, bytes)


def written(value):
    """Return a payload's value as somebody would write it: ids in hex, nobody as a word."""
    match value:
        case bytes():
            return value.hex()
        case None:
            return "nobody"
        case list():
            return [written(member) for member in value]
        case dict():
            return {name: written(member) for name, member in value.items()}
    return value


def samples():
    for case in VECTORS["cases"]:
        if case["id"].endswith(("/least", "/fullest")):
            yield pytest.param(case, id=case["id"])


@pytest.mark.parametrize("case", list(samples()))
def test_every_field_of_every_kind_can_be_written(form, case):
    act = parse_act(bytes.fromhex(case["input"]))
    if act.kind in ("stamp", "ledger"):
        return  # only a ledger writes them
    fields = {name: value for name, value in act.payload.items() if name != "kind"}
    read = form.fields(act.kind, written(fields))
    assert read == fields
    check_payload({"kind": act.kind, **read})


def test_every_field_has_a_reader():
    for kind in KINDS.values():
        for name in (*kind.required, *kind.optional, "at", "words"):
            assert (kind.name, name) in forms.READERS_OF_KIND or name in forms.READERS


@pytest.mark.parametrize("name", ["party", "mandate", "dossier"])
def test_examples_are_right_as_they_stand_and_with_every_comment_taken_away(form, name):
    kind = {"party": "found", "mandate": "grant", "dossier": "open"}[name]
    form.fields(kind, tomllib.loads(EXAMPLES[name]))


def test_the_example_of_a_text_is_a_text(form):
    text = parse_text(form.text(tomllib.loads(EXAMPLES["text"])))
    assert text.terms["price"] == ["EUR", "90.00"]
    assert len(text.articles["en"]) == 2


def test_sets_are_put_in_order_and_powers_are_words(form):
    read = form.fields(
        "grant", {"organ": "we.board", "to": "agent", "powers": ["propose", "open"], "with": ["they", "we"]}
    )
    assert read["powers"] == 3
    assert read["with"] == sorted([NAMES["we"], NAMES["they"]])
    organ = form.fields("constitute", {"organ": "we.board", "new": {"name": "x", "seats": ["bo", "ann", "cy"]}})["new"]
    assert organ["needs"] == 2
    assert organ["seats"] == sorted([Key.from_name(name).public_key, 1] for name in ("ann", "bo", "cy"))
    assert form.fields("found", {"home": "ledger.example/first"})["home"]["origin"] == "ledger.example/first"


def test_private_lines_become_commitments_and_their_openings_are_kept(form):
    read = form.fields("grant", {"private": [["at-most", "price", ["EUR", "88.00"]]]})
    (opening,) = form.openings
    assert read["private"] == [opening.commitment]
    assert opening.line == ["at-most", "price", ["EUR", "88.00"]]


@pytest.mark.parametrize(
    ("kind", "fields", "complaint"),
    [
        ("grant", {"pwers": ["open"]}, "grant.pwers: an act of this kind has no such field"),
        ("grant", {"powers": ["opne"]}, "'opne' is no power"),
        ("grant", {"to": "nobody"}, "to: 'nobody' names no key"),
        ("grant", {"to": 5}, "is text"),
        ("grant", {"lines": [["at-moost", "price", 3]]}, "lines[0]"),
        ("grant", {"lines": "at-most"}, "a list belongs here"),
        ("grant", {"until": "soon"}, "'soon' is no instant"),
        ("grant", {"until": "in 3 fortnights"}, "is no duration"),
        ("grant", {"report": -1.5}, "is no duration"),
        ("grant", {"limit": {"path": "x", "moost": 3}}, "limit.moost: there is no such entry"),
        ("grant", {"limit": {"path": "x", "most": 3.5}}, "write figures as text"),
        ("found", {"home": "ledger.example/other"}, "no ledger 'ledger.example/other' is known here"),
        ("found", {"organs": {"name": "x"}}, "a list belongs here"),
        ("found", {"nonce": "xyz"}, "hex digits belong here"),
        ("ratify", {"seen": {"dossier": [1], "party": [1, "00"]}}, "a number of acts and a head"),
        ("nonsense", {}, "this is no kind of act"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(form, kind, fields, complaint):
    with pytest.raises(FormError) as error:
        form.fields(kind, fields)
    assert complaint in error.value.what
    assert error.value.do


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ({"terms": {"price": 92.0}}, 'terms.price: write figures as text: "92.0"'),
        ({"articles": {"en": "One."}}, "a list of articles belongs here"),
        ({"articles": {"en": {"1": "One.", "3": "Three."}}}, "numbered 1, 2, 3"),
        ({"articles": {"en": ["One."], "fr": []}}, "same number of articles"),
        ({"artikles": {}}, "a text has no such part"),
        ({"clauses": {"fource": {}}}, "clauses.fource"),
        ({"clauses": {"term": {"notice_days": -1}}}, "notice_days is an integer"),
        ({"random": "00"}, "32 hex digits belong here"),
        ({"terms": {"a b": 1}}, "cannot stand in a path"),
    ],
)
def test_texts_that_are_none_are_said_with_the_place(form, text, complaint):
    with pytest.raises(FormError) as error:
        form.text({"articles": {"en": ["One."]}, "terms": {}, **text})
    assert complaint in error.value.what


def test_clauses_are_written_with_names_and_dates(form):
    data = form.text(
        tomllib.loads(
            """
            articles.en = { 1 = "One.", 2 = "Two." }
            terms.delivery = 2027-03-01
            terms.at = 2027-03-01T12:00:00+01:00
            [clauses]
            parties = ["we", "they"]
            open_to = ["they"]
            framework = "tents"
            open_from = 2027-01-01
            [clauses.force]
            when = ["parties", ["we", "they"]]
            then = [["at", 2027-04-01], ["days", 30]]
            [clauses.term]
            until = 2028-12-31
            [[clauses.remedies]]
            article = "1"
            does = "end"
            by = ["we"]
            """
        )
    )
    text = parse_text(data)
    clauses = parse_clauses(text.clauses)
    assert text.terms == {"delivery": "2027-03-01", "at": "2027-03-01T11:00:00Z"}
    assert clauses.parties == {NAMES["we"], NAMES["they"]}
    assert clauses.steps == (("at", 1_806_537_600), ("days", 30))
    assert clauses.framework == NAMES["tents"]
    assert clauses.remedies[0].by == {NAMES["we"]}


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("90", 90), (90, 90), ("90s", 90), ("15m", 900), ("15 minutes", 900), ("24h", 86_400), ("1 hour", 3_600),
     ("7 days", 604_800), ("2 Weeks", 1_209_600), (" 3 d ", 259_200)],
)  # fmt: skip
def test_durations(said, seconds):
    assert read_duration(said, "here") == seconds


@pytest.mark.parametrize("said", ["", "h", "-3h", "3 fortnights", "1.5h", None, True, [], "99999999999999h"])
def test_what_is_no_duration(said):
    with pytest.raises(FormError):
        read_duration(said, "here")


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("2027-01-31", 1_801_353_600), ("2027-01-31T12:00Z", 1_801_396_800), ("2027-01-31T12:00+02:00", 1_801_389_600),
     ("in 7 days", NOW + 604_800), ("+90m", NOW + 5_400), ("0", 0), (-5, -5), ("1917-11-08", -1_645_660_800)],
)  # fmt: skip
def test_instants(said, seconds):
    assert read_instant(said, "here", NOW) == seconds


@pytest.mark.parametrize("said", ["", "soon", "2027-02-30", "9" * 40, None, True, 10**18, "in", "in soon", {}, []])
def test_what_is_no_instant(said):
    with pytest.raises(FormError):
        read_instant(said, "here", NOW)


toml_values = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text() | some.dates() | some.datetimes(),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(name=some.sampled_from(sorted(forms.READERS)), value=toml_values)
def test_whatever_is_written_it_is_read_or_said_to_be_wrong(tmp_path_factory, name, value):
    place = Workspace.create(tmp_path_factory.mktemp("any"))
    form = Form(Names(place, [], {}), {}, NOW, bytes)
    kind = next(kind.name for kind in KINDS.values() if name in {**kind.required, **kind.optional, "at": 0, "words": 0})
    with contextlib.suppress(FormError):
        form.fields(kind, {name: value})
    for part in ("articles", "terms", "checks", "clauses", "random"):
        with contextlib.suppress(FormError):
            form.text({part: value})


# --- examples of every kind -------------------------------------------------------------------------------------------

ACTS = ("that-act", "link-1", "all-desks", "third", "we.desk", "tents.1")
FOLLOWING = {
    "prior": bytes(32), "theirs": bytes(32), "nonce": bytes(16), "signs": [bytes(32)], "count": 0, "head": bytes(32),
    "serial": 1, "next": NOW, "seen": {"dossier": [0, bytes(32)], "party": [0, bytes(32)]}, "at": NOW,
}  # fmt: skip


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("kind", [name for name in KINDS if name not in ("ledger", "stamp", *example.WHOLE)])
def test_every_kind_has_an_example_that_is_right(form, kind, whole):
    """As it stands, and with every field that it may have: nothing but names is to be replaced."""
    for number, name in enumerate(ACTS):
        form.names.workspace.give_name(name, bytes([number]) * 32)
    form.names.keys["relay"] = Key.from_name("relay").public_key
    second = Depositary("ledger.example/second", Key.from_name("second").public_key)
    form = Form(form.names, {**form.ledgers, second.origin: second}, NOW, bytes)
    text = example.example_of(kind)
    if whole:
        instead = "class = " if kind == "urgent-grant" else "by = " if kind == "denounce" else "\0"
        text = text.replace(f"# {instead}", f"## {instead}")
        text = "\n".join(line.removeprefix("# ") if " = " in line else line for line in text.splitlines())
    fields = form.fields(kind, tomllib.loads(text))
    row = KINDS[kind]
    needed = {*row.required, *({"prior"} if "organ" in fields and kind == "denounce" else ())}
    needed |= {"theirs"} if "of" in fields and kind in ("elect", "dissolve") else set()
    follow = {name: FOLLOWING[name] for name in needed - fields.keys() - {"kind", "ledger"}}
    assert set(follow) <= example.FOLLOWS
    check_payload({"kind": kind, **follow, **fields})
    assert set(tomllib.loads(text)) <= {*row.required, *row.optional, "words"}
    if whole:
        shown = {*fields, *example.FOLLOWS, "kind"} | ({"class"} if kind == "urgent-grant" else set())
        assert {*row.required, *row.optional} - {"by"} <= shown | {"ledger"}
