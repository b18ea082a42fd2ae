"""The vectors of spec/vectors, run through the core, the CDDL and two independent implementations.

Each group has a runner: what the group asks, put to the core. A case that names a reason must be refused with exactly
that reason, and its twin, which differs in one element, must not. The vectors were made without the core
(``spec/vectors/kit.py``), so that agreement means something.
"""

import hashlib
import itertools
import json
import random
import re
from pathlib import Path

import cbor2
import cwt
import pytest
from cwt import COSE, COSEKey

from pourparler.core import act as acts
from pourparler.core import clauses, encoding, errors, evidence, ledger, passkey, redline
from pourparler.core.council import Depositary
from pourparler.core.errors import Malformed, PourparlerError, Refused
from pourparler.core.ledger import tiles
from pourparler.dispatch import courier as couriers
from pourparler.dispatch import frame as frames
from pourparler.dispatch import heads, messages, parcel, riblt
from pourparler.dispatch.fountain import InProcess
from pourparler.dispatch.kiss import Unframer
from pourparler.dispatch.receiver import Receiver, Whole
from pourparler.dispatch.sheets import label
from spec.vectors import generate, kit
from tests import oracle_cbor, oracle_cddl

ROOT = Path(__file__).resolve().parent.parent
SPEC = ROOT / "spec"
GROUPS = generate.groups()
CASES = {case["id"]: case for group in GROUPS.values() for case in group.cases}

# Vectors that the core does not pass yet, each with what is wrong with it. An entry that passes fails the test.
KNOWN: dict[str, str] = {}


def cases(*groups: str, refused: bool | None = None):
    """Return the cases of some groups as parameters of a test."""
    return [
        pytest.param(
            case,
            id=case["id"],
            marks=[pytest.mark.xfail(reason=KNOWN[case["id"]], strict=True)] if case["id"] in KNOWN else [],
        )
        for group in groups or GROUPS
        for case in GROUPS[group].cases
        if refused is None or refused == ("reason" in case)
    ]


# --- runners: what each group asks the core ---------------------------------------------------------------------------


def run_encoding(case) -> None:
    data = kit.joined(case["input"])
    value = encoding.decode(data)
    if "value" in case:
        assert same(value, kit.meant(case["value"]))
    assert encoding.encode(value) == data


def run_envelope(case) -> None:
    data = kit.joined(case["input"])
    envelope = encoding.parse_envelope(data)
    assert envelope.encoded() == data
    if asked := case.get("verify"):
        signature = envelope.signatures[asked["index"]]
        message = encoding.to_be_signed(envelope, signature, case["kind"])
        encoding.verify_ed25519(bytes.fromhex(asked["key"]), message, signature.value)
    if "form" in case:
        assert envelope.form.value == case["form"]
    if "act_id" in case:
        assert encoding.act_id(envelope, case["kind"]).hex() == case["act_id"]
    if "payload" in case:
        assert envelope.payload.hex() == case["payload"]
        for signature, wanted in zip(envelope.signatures, case["signatures"], strict=True):
            assert signature.algorithm == wanted["algorithm"]
            assert (signature.kid.hex(), signature.value.hex()) == (wanted["kid"], wanted["value"])
            assert encoding.to_be_signed(envelope, signature, case["kind"]).hex() == wanted["sig_structure"]


def run_act(case) -> None:
    data = kit.joined(case["input"])
    act = acts.parse_act(data)
    assert act.kind == case["kind"]
    assert act.id.hex() == case["act_id"]
    assert act.envelope.form.value == case["form"]
    assert same(dict(act.payload), kit.meant(case["payload"]))
    assert act.envelope.encoded() == data
    for signature, key in zip(act.envelope.signatures, map(bytes.fromhex, case["signers"]), strict=True):
        assert signature.kid == encoding.kid_of(key)
        encoding.verify_ed25519(key, encoding.to_be_signed(act.envelope, signature, act.kind), signature.value)


def run_sizes(case) -> None:
    inputs = [bytes.fromhex(data) for data in case["inputs"]]
    assert sum(map(len, inputs)) == case["bytes"] <= case["max_bytes"]
    if detached := case.get("detached"):
        (data,) = inputs
        name, header, value = encoding.decode(data)
        payload, kind = bytes.fromhex(detached["payload"]), detached["kind"]
        algorithm, kid = encoding.parse_protected(header)
        signature = encoding.Signature(algorithm, kid, value)
        envelope = encoding.Envelope(encoding.Form.SIGN, payload, (signature,))
        assert encoding.act_id(envelope, kind) == name == bytes.fromhex(detached["act_id"])
        message = encoding.to_be_signed(envelope, signature, kind)
        encoding.verify_ed25519(bytes.fromhex(detached["signer"]), message, value)
        return
    read = [acts.parse_act(data) for data in inputs]
    for parent, child in itertools.pairwise(read):
        assert child["by"] == parent.id


def run_passkey(case) -> None:
    given = case["passkey"]
    key = bytes.fromhex(given["key"])
    registered = passkey.Passkey(given["algorithm"], key, given["relying_party"], given["origin"])
    passkey.verify_assertion(registered, bytes.fromhex(case["act_id"]), kit.joined(case["input"]))


def run_redline(case) -> None:
    if "lines" in case:
        redline.parse_lines(kit.meant(case["lines"]))
        return
    line = kit.meant(case["line"])
    read = redline.parse_line(line)
    if "salt" in case:
        assert redline.commitment(line, bytes.fromhex(case["salt"])).hex() == case["commitment"]
        return
    assert redline.evaluate(read, kit.meant(case["terms"])).value == case["answer"]
    if "sentence" in case:
        assert redline.sentence(read) == case["sentence"]


def run_text(case) -> None:
    data = kit.joined(case["input"])
    text = redline.parse_text(data)
    assert text.digest.hex() == case["digest"]
    if "checks" in case:
        assert [redline.holds(check, text.terms).value for check in text.checks] == case["checks"]


def run_clauses(case) -> None:
    if "clauses" in case:
        clauses.parse_clauses(kit.meant(case["clauses"]))
        return
    steps = clauses.parse_steps(case["steps"])
    assert clauses.date_of_effect(case["met"], steps) == case["time"]


def ledger_of(case) -> ledger.VerifierKey:
    return ledger.VerifierKey(case["origin"], ledger.KeyType.ED25519, bytes.fromhex(case["key"]))


def run_receipt(case) -> None:
    data = bytes.fromhex(case["input"])
    if case["entry"] is None:
        ledger.verify_consistency_receipt(data, case["old_size"], bytes.fromhex(case["old_root"]), ledger_of(case))
    else:
        assert ledger.verify_receipt(data, bytes.fromhex(case["entry"]), ledger_of(case)) is None


def run_statement(case) -> None:
    data = bytes.fromhex(case["input"])
    read = ledger.parse_statement(data)
    assert read.data == data
    assert read.hash == hashlib.sha256(bytes.fromhex(case["entry"])).digest()
    said = {"key": read.key.hex(), "issuer": read.issuer, "location": read.location}
    assert said == {name: case[name] for name in said}
    assert (read.id.hex(), read.form) == (case["id_is"], 18)
    assert ledger.is_statement(data)


def run_transparent(case) -> None:
    statement, receipts = ledger.parse_transparent(bytes.fromhex(case["input"]))
    ledger.verify_receipt(receipts[0], statement.data, ledger_of(case))
    assert statement.data.hex() == case["statement"]
    bare = ledger.parse_statement(statement.data)
    assert bare == statement
    assert ledger.with_receipts(statement.data, receipts) == bytes.fromhex(case["input"])


def run_tiles(case) -> None:
    if "path" in case:
        tile = tiles.parse_tile_path(case["path"])
        assert [tile.level if tile.level is not None else "entries", tile.index, tile.width] == case["tile"]
        assert tile.path == case["path"]
    elif "tiles" in case:
        assert [tile.path for tile in tiles.tiles_of(case["size"], case["since"])] == case["tiles"]
    else:
        files = {path: kit.joined(data) for path, data in case["files"].items()}
        reader = tiles.TileReader(case["size"], bytes.fromhex(case["root"]), lambda tile: files.get(tile.path))
        entries = reader.entries(case["bundle"])
        assert list(entries) == [bytes.fromhex(entry) for entry, times in case["entries"] for _ in range(times)]


def run_cosignature(case) -> None:
    witnesses = [ledger.parse_vkey(vkey) for vkey in case["witnesses"]]
    key = ledger.parse_vkey(case["key"])
    opened = ledger.open_checkpoint(kit.joined(case["input"]), case["origin"], key, witnesses)
    assert [[found.key.name, found.time] for found in opened.cosignatures] == case["cosigners"]
    counted = {found.key.public_key for found in opened.cosignatures if found.time}
    assert opened.cosigners() == counted


def run_witness(case) -> None:
    latest = None
    try:
        request = ledger.parse_add_checkpoint(kit.joined(case["input"]))
        origin, was = request.origin, case["latest"]
        keys = [ledger.parse_vkey(vkey) for vkey in case["keys"].get(origin, ())]
        latest = was and ledger.Checkpoint(origin, was["size"], bytes.fromhex(was["root"]))
        found = ledger.judge(request, keys, latest).checkpoint
    except PourparlerError as error:
        answer = ledger.refused_answer(error, latest)
        assert answer.status == case["status"]
        if answer.status == 409:
            assert (answer.content_type, answer.body.decode()) == ("text/x.tlog.size", f"{case['size']}\n")
        raise
    assert {"size": found.size, "root": found.root.hex()} == case["cosigns"]
    assert request.encoded() == kit.joined(case["input"])


def run_frame(case) -> None:
    keys = {bytes.fromhex(key): bytes.fromhex(case["party"]) for key in case.get("keys", ())}
    receiver = Receiver(lambda: keys, InProcess(), bare=case.get("bare", False))
    if "frames" in case:
        heard = [receiver.hear(bytes.fromhex(data), now) for now, data in enumerate(case["frames"])]
        if receiver.refused:
            raise Refused(*receiver.refused)
        assert not any(heard[:-1])
        assert heard[-1][0] == Whole(bytes.fromhex(case["object"]))
        return
    data = bytes.fromhex(case["input"])
    header, found = frames.parse_header(data), frames.parse_frame(data)
    assert header.form.name == case["form"]
    if isinstance(found, frames.Symbol):
        receiver.trust(keys)
        receiver.signed_by(data, header)
        assert (found.piece.length, found.piece.number, len(found.piece.data)) == (
            case["length"],
            case["number"],
            case["size"],
        )
    else:
        assert found.act_id.hex() == case["act_id"]


def run_object(case) -> None:
    data = kit.joined(case["input"])
    found = parcel.read_object(data)
    assert [act_id.hex() for act_id in found.act_ids] == case["act_ids"]
    assert parcel.object_digest(data).hex() == case["digest"]
    assert parcel.batch(reversed(found.envelopes)) == data


def run_exchange(case) -> None:
    if "message" in case:
        data = kit.joined(case["message"])
        found = messages.read(data)
        value = {"kind": found.kind, "session": found.session, **found.fields}
        assert same(value, kit.meant(case["fields"]))
        assert encoding.encode(value) == data == messages.message(found.kind, session=found.session, **found.fields)
    elif "body" in case:
        found = messages.read_batch(bytes.fromhex(case["body"]))
        assert [one.hex() for one in found] == case["messages"]
        assert messages.batch(found).hex() == case["body"]
    elif "all" in case:
        ids = map(bytes.fromhex, case["ids"])
        assert heads.mark_of_all(bytes.fromhex(case["salt"]), ids).hex() == case["all"]
    elif "chains" in case:
        chains = {bytes.fromhex(issuer): (place, bytes.fromhex(act)) for issuer, place, act in case["chains"]}
        made, none = heads.Heads(chains).rows(bytes.fromhex(case["salt"]))
        assert (made, none) == (
            [[bytes.fromhex(one), place, bytes.fromhex(act)] for one, place, act in case["rows"]],
            [],
        )
    else:
        run_symbols(case, messages.session_key(bytes.fromhex(case["session"]), bytes.fromhex(case["nonce"])))


def run_symbols(case, key: bytes) -> None:
    coder = riblt.Coder(key)
    coder.extend(map(bytes.fromhex, case.get("ids") or case.get("ours") or []))
    symbols = bytes.fromhex(case["symbols"])
    if "ours" not in case:
        assert coder.symbols(0, len(symbols) // riblt.SYMBOL_BYTES) == symbols
        return
    peeling = riblt.Peeling(coder, case["loose"] - len(coder.names))
    peeling.add(symbols)
    assert peeling.done
    assert sorted(f"{short:016x}" for short in peeling.theirs) == case["only_theirs"]
    assert sorted(f"{short:016x}" for short in peeling.ours) == case["only_ours"]


def run_courier(case) -> None:
    if "frame" in case:
        assert label(bytes.fromhex(case["frame"])) == case["label"]
    elif "stream" in case:
        unframer = Unframer(case["frame_bytes"])
        assert [one.hex() for one in unframer.feed(kit.joined(case["stream"]))] == case["frames"]
        assert unframer.junk == case["junk"]
    else:
        sending = couriers.read(kit.joined(case["input"]))
        for seal in sending.seals:
            couriers.check_seal(sending, seal, {bytes.fromhex(k): bytes.fromhex(case["party"]) for k in case["keys"]})
        found = sending.contents
        assert [acts.parse_act(act).id.hex() for act in found.acts] == case["acts"]
        assert [frames.id_of_part(*part).hex() for part in found.parts] == case["parts"]
        assert (len(found.bundles), len(found.frames)) == (case["bundles"], case["frames"])


RUNNERS = {
    "exchange": run_exchange,
    "cosignature": run_cosignature,
    "witness": run_witness,
    "encoding": run_encoding,
    "envelope": run_envelope,
    "act": run_act,
    "sizes": run_sizes,
    "passkey": run_passkey,
    "redline": run_redline,
    "text": run_text,
    "clauses": run_clauses,
    "receipt": run_receipt,
    "statement": run_statement,
    "transparent": run_transparent,
    "tiles": run_tiles,
    "frame": run_frame,
    "object": run_object,
    "courier": run_courier,
}


def runner(case):
    return RUNNERS[case["id"].split("/", maxsplit=1)[0]]


@pytest.mark.parametrize("case", cases(refused=False))
def test_valid(case) -> None:
    runner(case)(case)


@pytest.mark.parametrize("case", cases(refused=True))
def test_refused(case) -> None:
    with pytest.raises(PourparlerError) as caught:
        runner(case)(case)
    assert caught.value.reason == case["reason"]


# --- the files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(GROUPS))
def test_the_generator_makes_the_committed_file(name) -> None:
    committed = (SPEC / "vectors" / f"{name}.json").read_text(encoding="utf-8")
    assert generate.text_of(GROUPS[name]) == committed
    again = kit.made(name)
    assert generate.text_of(again) == committed
    assert json.loads(committed)["cases"] == GROUPS[name].cases


def test_every_group_has_a_runner() -> None:
    assert set(RUNNERS) == set(GROUPS)


def test_there_are_as_many_cases_as_we_say() -> None:
    assert len(CASES) >= 230


@pytest.mark.parametrize("name", sorted(GROUPS))
def test_twins(name) -> None:
    """Each refused case names its reason, its accepted twin in the same file, and the one element that differs."""
    for case in GROUPS[name].cases:
        if "reason" not in case:
            assert {"twin", "differs"}.isdisjoint(case), case["id"]
            continue
        twin = CASES[case["twin"]]
        assert case["what"]
        assert case["differs"]
        assert "reason" not in twin, case["id"]
        assert twin["id"].split("/")[0] == name
        given = set(case) - {"id", "what", "reason", "twin", "differs"}
        assert not same({key: case[key] for key in given}, {key: twin.get(key) for key in given}), case["id"]


def places(left, right, path="") -> list[str]:
    """Return where two values differ: the least places that hold every difference."""
    if isinstance(left, dict) and isinstance(right, dict):
        found = []
        for name in sorted(set(left) | set(right)):
            if name not in left or name not in right:
                found.append(f"{path}.{name}")
            else:
                found += places(left[name], right[name], f"{path}.{name}")
        return found
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        pairs = enumerate(zip(left, right, strict=True))
        return [place for number, (one, other) in pairs for place in places(one, other, f"{path}.{number}")]
    return [] if same(left, right) else [path]


def unwrapped(data: bytes) -> tuple[str, object]:
    """Return form and decoded payload of an envelope, by the second decoder."""
    envelope = encoding.parse_envelope(data)
    return envelope.form.value, oracle_cbor.decode(envelope.payload)


@pytest.mark.parametrize("case", [c for c in GROUPS["act"].cases if "reason" in c], ids=lambda case: case["id"])
def test_an_act_differs_from_its_twin_in_one_element(case) -> None:
    """One field of the payload, or the form; what differs within a field belongs to it."""
    if case.get("raw"):
        pytest.skip("no map, or no CBOR of the profile: its bytes are compared by eye")
    form, payload = unwrapped(kit.joined(case["input"]))
    twin_form, twin_payload = unwrapped(kit.joined(CASES[case["twin"]]["input"]))
    found = [place.removeprefix(".") for place in places(payload, twin_payload)]
    if form != twin_form:
        assert (case["differs"], found) == ("the form", [])
    else:
        assert found
        assert all(f"{place}.".startswith(f"{case['differs']}.") for place in found), found


def same(left, right) -> bool:
    """Return whether two values are equal and of the same types throughout; True is not 1."""
    if isinstance(left, dict) and isinstance(right, dict):
        return set(left) == set(right) and all(same(left[name], right[name]) for name in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(same(*pair) for pair in zip(left, right, strict=True))
    return type(left) is type(right) and left == right


# --- the specification says what the code says ------------------------------------------------------------------------

REASON = re.compile(r"`([a-z]+(?:-[a-z]+)*\.[a-z]+(?:-[a-z]+)*)`")
OURS = ("encoding", "act", "passkey", "redline", "clauses")


def table(path: Path, heading: str) -> list[list[str]]:
    """Return the rows of the first table under a heading of a Markdown file, without its head."""
    after = path.read_text(encoding="utf-8").split(f"\n{heading}\n", maxsplit=1)[1]
    rows = []
    for line in after.splitlines():
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
        elif rows:
            break
    return rows[2:]


def listed(names) -> str:
    return ", ".join(f"`{name}`" for name in names) or "-"


WHO = {
    acts.Issuer.ORGAN: "organ",
    acts.Issuer.URGENT: "urgent members",
    acts.Issuer.RECOVERY: "recovery keys",
    acts.Issuer.MEMBER: "member",
    acts.Issuer.HOLDER: "holder",
    acts.Issuer.CERTIFIER: "certifier",
    acts.Issuer.BEACON: "beacon key",
    acts.Issuer.LEDGER: "ledger",
}


def form_of(issuer: acts.Issuer) -> str:
    if issuer is acts.Issuer.HOLDER:
        return "either"
    return "Sign1" if issuer in acts.SINGLE else "Sign"


def test_the_table_of_kinds() -> None:
    """The table of act.md is the table of core/act.py, row by row and in its order."""
    expected = []
    for kind in acts.KINDS.values():
        optional = [name for name in kind.optional if name not in kind.required]
        expected.append(
            [
                f"`{kind.name}`",
                " or ".join(WHO[issuer] for issuer in kind.issuer),
                " or ".join(form_of(issuer) for issuer in kind.issuer),
                listed(kind.required),
                listed(optional),
                ", ".join(acts.power_words(kind.power)) or "-",
                "yes" if kind.spine else "-",
                "yes" if kind.dossier else "-",
            ]
        )
    assert table(SPEC / "act.md", "## 3. The kinds") == expected


def test_every_field_is_described() -> None:
    described = {
        name for row in table(SPEC / "act.md", "## 4. The fields") for name in re.findall(r"`([a-z_]+)`", row[0])
    }
    used = {name for kind in acts.KINDS.values() for name in (*kind.required, *kind.optional)}
    assert described == used | set(acts.EVERYWHERE) | {"kind"}


def test_the_powers() -> None:
    rows = table(SPEC / "act.md", "### Powers")
    assert [(row[0], int(row[1])) for row in rows] == [
        (f"`{acts.power_words(power)[0]}`", int(power)) for power in acts.Power
    ]


def test_the_steps() -> None:
    """The twelve steps of act.md and their first words are those of core/errors.py."""
    rows = table(SPEC / "act.md", "## 5. Verification steps")
    assert [(int(row[0]), row[1]) for row in rows] == list(errors.STEPS.items())
    found = {word: int(row[0]) for row in rows for word in re.findall(r"`([a-z]+(?:\.[a-z-]+)?)`", row[2])}
    expected = dict(errors.FIRST_WORDS)
    expected |= {word: errors.step_of(word) for word in found if "." in word}
    assert found == expected
    assert {"act.form", "chain.custody"} <= set(found)


def raised(*modules: str) -> set[str]:
    """Return the reasons that modules of the core raise."""
    found: set[str] = set()
    for module in modules:
        source = (ROOT / "src" / "pourparler" / "core" / f"{module}.py").read_text(encoding="utf-8")
        found |= set(re.findall(r'(?:Malformed|Refused|Missing)\(\s*f?"([a-z-]+\.[a-z-]+)"', source))
    return found


def test_every_reason_is_explained() -> None:
    pages = (SPEC / name for name in ("reasons.md", "reasons-law.md"))
    explained = {reason for page in pages for reason in REASON.findall(page.read_text(encoding="utf-8"))}
    assert raised(*OURS) - explained == set()


# Reasons that no input can show: only a caller's own value, or only where a library is absent.
UNSHOWN = {"cbor.type", "passkey.unsupported"}
ELSEWHERE = {"line.crossed", "line.cannot-tell"}  # what acts meet: authority.json shows it, see test_vectors_law.py


def test_every_reason_has_a_vector() -> None:
    shown = {case["reason"] for case in CASES.values() if "reason" in case}
    assert raised(*OURS) - shown == UNSHOWN | ELSEWHERE


def test_a_value_outside_the_profile_is_not_encoded() -> None:
    for value in (1.5, object(), {1: 2}, (1, 2), 2**63, "e\u0301"):
        with pytest.raises(Malformed):
            encoding.encode(value)
    with pytest.raises(Malformed, match="cbor.type"):
        encoding.encode(1.5)


def test_the_examples_are_vectors() -> None:
    """Each hexadecimal example of encoding.md is the input of the vector that it names."""
    text = (SPEC / "encoding.md").read_text(encoding="utf-8")
    examples = re.findall(r"<!-- vector: (\S+) -->\s*```[a-z]*\n(.*?)```", text, re.DOTALL)
    assert len(examples) >= 2
    for name, block in examples:
        shown = "".join(line.strip().split("  ")[0] for line in block.splitlines())
        assert bytes.fromhex(shown) == kit.joined(CASES[name]["input"]), name


def test_every_bound_is_stated() -> None:
    """The numbers of core/limits.py that these formats use stand in their documents."""
    from pourparler.core import limits

    text = " ".join((SPEC / f"{name}.md").read_text(encoding="utf-8") for name in ("encoding", "act", "redline"))
    for name in (
        "ENVELOPE_MAX_BYTES",
        "TEXT_MAX_BYTES",
        "CBOR_DEPTH_MAX",
        "CBOR_ITEMS_MAX",
        "TIME_MIN",
        "TIME_MAX",
        "MAP_KEY_MAX_BYTES",
        "SHORT_TEXT_MAX_BYTES",
        "LONG_TEXT_MAX_BYTES",
        "ENVELOPE_SIGNATURES_MAX",
        "PASSKEY_SIGNATURE_MAX_BYTES",
        "SEATS_MAX",
        "ORGANS_MAX",
        "IDENTIFIERS_MAX",
        "CHAIN_LINKS_MAX",
        "LINES_MAX",
        "LINE_DEPTH_MAX",
        "LINE_STEPS_MAX",
        "DECIMAL_DIGITS_MAX",
        "STREAMS_MAX",
        "COURSES_MAX",
        "ARTICLES_MAX",
        "CHECKS_MAX",
        "DURATION_MAX_SECONDS",
    ):
        number = getattr(limits, name)
        assert f"{number:,}" in text or str(number) in text, name


def test_every_reason_of_an_exchange_that_bytes_alone_show_has_a_vector() -> None:
    explained = {row[0].strip("`"): row[1] for row in table(SPEC / "exchange.md", "## 10. Reason codes")}
    source = "".join(path.read_text("utf-8") for path in sorted((ROOT / "src/pourparler/dispatch").glob("[ehmr]*.py")))
    raised_there = set(re.findall(r'"(exchange\.[a-z-]+)"', source))
    assert raised_there == set(explained)
    shown = {case["reason"] for case in GROUPS["exchange"].cases if "reason" in case}
    assert {reason for reason, family in explained.items() if family == "Malformed"} <= shown


def test_the_cddl_of_exchange_has_a_rule_for_every_message() -> None:
    schema = oracle_cddl.Schema((SPEC / "exchange.cddl").read_text(encoding="utf-8"))
    assert {part[1] for part in schema.rules["message"][1]} == set(messages.MESSAGES)
    for case in GROUPS["exchange"].cases:
        if "fields" in case:
            value = kit.meant(case["fields"])
            assert schema.matches("message", value)
            assert schema.matches(value["kind"], value)
            assert not schema.matches("message", {**value, "urgent": True})


# --- CDDL -------------------------------------------------------------------------------------------------------------

CDDL = (SPEC / "acts.cddl").read_text(encoding="utf-8")
SCHEMA = oracle_cddl.Schema(CDDL)


def test_the_cddl_has_a_rule_for_every_kind() -> None:
    assert {part[1] for part in SCHEMA.rules["payload"][1]} == set(acts.KINDS)


@pytest.mark.parametrize("case", cases("act", refused=False))
def test_cddl_accepts(case) -> None:
    """A valid payload fits its kind's rule, and its envelope the rule of its form."""
    payload = kit.meant(case["payload"])
    assert SCHEMA.matches(case["kind"], payload)
    assert SCHEMA.matches("payload", payload)
    other = "say" if case["kind"] != "say" else "join"
    assert not SCHEMA.matches(other, payload)
    assert SCHEMA.matches("envelope", envelope_value(kit.joined(case["input"])))


@pytest.mark.parametrize("case", [c for c in GROUPS["act"].cases if "reason" in c], ids=lambda case: case["id"])
def test_cddl_refuses(case) -> None:
    """What an act is refused for stands in the CDDL, too, but for what the case says CDDL cannot express."""
    if not case["reason"].startswith("act."):
        pytest.skip("refused below the CDDL")
    payload = oracle_cbor.decode(encoding.parse_envelope(kit.joined(case["input"])).payload)
    assert SCHEMA.matches("payload", payload) == case.get("cddl", False)


def envelope_value(data: bytes):
    """Return an envelope as a CBOR value with its tag, read by a decoder of everything."""
    tag = cbor2.loads(data)
    return oracle_cddl.Tag(tag.tag, tag.value)


@pytest.mark.parametrize("rule", ["text-object", "clauses", "line"])
def test_cddl_of_texts(rule) -> None:
    """Valid texts, clauses and lines fit their rules; invalid ones do not, where the CDDL can say so."""
    group = {"line": "redline", "text-object": "text"}.get(rule, rule)
    for case in GROUPS[group].cases:
        if case["id"] in KNOWN or case["id"].startswith("clauses/date") or "lines" in case:
            continue
        if group == "text":
            try:
                value = oracle_cbor.decode(kit.joined(case["input"]))
            except oracle_cbor.Bad:
                continue
        else:
            value = kit.meant(case[rule])
        if "reason" not in case:
            assert SCHEMA.matches(rule, value), case["id"]
        elif case["id"] not in BEYOND_CDDL:
            assert not SCHEMA.matches(rule, value), case["id"]


# What the CDDL does not say: the same number of articles in each language, nesting, the calendar.
BEYOND_CDDL = {"text/languages-uneven", "redline/depth-9", "redline/before-day-30"}


@pytest.mark.parametrize("kind", sorted(evidence.CLAIM_FIELDS))
def test_cddl_of_bundles(kind) -> None:
    """What the code writes as a bundle of each kind of claim fits the rule, and a part more does not."""
    ledger = Depositary("ledger.town.example/2026", bytes(32))
    parties = tuple(bytes([0x80 + number]) * 32 for number in range(evidence.CLAIM_PARTIES[kind]))
    given = {name: bytes(32) for name in evidence.CLAIM_FIELDS[kind] if name not in ("parties", "power")}
    if "power" in evidence.CLAIM_FIELDS[kind]:
        given["power"] = acts.Power.OPEN
    claim = evidence.Claim(kind, ledger, 7, parties=parties, **given)
    shown = evidence.Shown(ledger, b"note", ((0, b"entry"), (7, b"stamp")), (bytes(32),), ((b"older", (bytes(32),)),))
    data = evidence.Bundle(claim, (shown,), (b"text",)).encoded()
    assert evidence.parse_bundle(data).claim == claim
    value = oracle_cbor.decode(data)
    assert SCHEMA.matches("bundle", value)
    assert not SCHEMA.matches("bundle", {**value, "note": "x"})
    assert not SCHEMA.matches("bundle", {**value, "claim": {**value["claim"], "as_of": -1}})


def test_cddl_of_signatures() -> None:
    (data,) = CASES["sizes/detached"]["inputs"]
    assert SCHEMA.matches("detached", cbor2.loads(bytes.fromhex(data)))
    for case in GROUPS["passkey"].cases:
        if "reason" not in case:
            assert SCHEMA.matches("assertion", cbor2.loads(kit.joined(case["input"])))
    for case in GROUPS["envelope"].cases:
        if "reason" not in case:
            assert SCHEMA.matches("envelope", envelope_value(kit.joined(case["input"]))), case["id"]


def test_cddl_by_another_validator() -> None:
    """A published validator reads the same file, takes the same payloads and refuses unknown and missing fields.

    It cannot follow a rule into itself, nor a choice of maps within an array, so red lines and passkeys are any data to
    it here; and it is lax about counts in arrays. Hence ``oracle_cddl``.
    """
    pycddl = pytest.importorskip("pycddl", reason="pycddl is not installed")
    schemas: dict[str, object] = {}
    source, replaced = re.subn(r"^(line|passkey) +=.*$", r"\1 = any", CDDL, flags=re.MULTILINE)
    assert replaced == 2
    for case in GROUPS["act"].cases:
        if "reason" in case:
            continue
        kind = case["kind"]
        if kind not in schemas:
            schemas[kind] = pycddl.Schema(f"start = {kind}\n{source}")
        schemas[kind].validate_cbor(encoding.encode(kit.meant(case["payload"])))
    refused = 0
    for case in GROUPS["act"].cases:
        if case.get("reason") in ("act.field-missing", "act.field-unknown") and "passkeys" not in case["id"]:
            data = encoding.parse_envelope(kit.joined(case["input"])).payload
            with pytest.raises(pycddl.ValidationError):
                schemas[CASES[case["twin"]]["kind"]].validate_cbor(data)
            refused += 1
    assert refused > 100


# --- a second decoder -------------------------------------------------------------------------------------------------


def outcome(decoder, data: bytes):
    try:
        return True, decoder(data)
    except (PourparlerError, oracle_cbor.Bad) as error:
        return False, error.reason


@pytest.mark.parametrize("case", GROUPS["encoding"].cases, ids=lambda case: case["id"])
def test_the_second_decoder_agrees_with_the_vectors(case) -> None:
    data = kit.joined(case["input"])
    accepted, found = outcome(oracle_cbor.decode, data)
    assert accepted == ("reason" not in case)
    if not accepted:
        assert found == case["reason"]
    elif "value" in case:
        assert same(found, kit.meant(case["value"]))


def seeds() -> list[bytes]:
    """Return inputs worth mutating: short vectors, payloads of acts, texts."""
    found = [kit.joined(case["input"]) for case in GROUPS["encoding"].cases]
    found += [kit.encode(kit.meant(case["payload"])) for case in GROUPS["act"].cases if "reason" not in case]
    found += [kit.joined(case["input"]) for case in GROUPS["text"].cases]
    return [data for data in found if 0 < len(data) < 4_096]


def known_to_differ(value) -> bool:
    """Return whether a value holds bytes that meet the fault ``encoding/bytes-like-a-cid`` of :data:`KNOWN`."""
    if "encoding/bytes-like-a-cid" not in KNOWN:
        return False
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (isinstance(value, bytes) and value[:1] in (b"\x00", b"\x01", b"\x12")) or any(map(known_to_differ, members))


def mutated(chance: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        at = chance.randrange(len(changed)) if changed else 0
        match chance.randrange(6):
            case 0 if changed:
                changed[at] ^= 1 << chance.randrange(8)
            case 1 if changed:
                changed[at] = chance.choice(
                    (0x00, 0x18, 0x1B, 0x3B, 0x40, 0x5F, 0x60, 0x80, 0x9F, 0xA0, 0xD8, 0xF6, 0xFF)
                )
            case 2 if changed:
                del changed[at]
            case 3:
                changed.insert(at, chance.randrange(256))
            case 4 if changed:
                end = min(len(changed), at + chance.randrange(1, 9))
                changed[at:at] = changed[at:end]
            case _:
                changed = changed[: max(1, at)]
    return bytes(changed)


def generated(chance: random.Random, depth: int = 0):
    """Return a random value of the profile."""
    match chance.randrange(8 if depth < 4 else 6):
        case 0:
            return chance.choice((None, True, False))
        case 1:
            return chance.choice((1, -1)) * chance.randrange(1 << chance.choice((4, 8, 16, 32, 63)))
        case 2:
            return chance.randbytes(chance.choice((0, 1, 8, 23, 24, 32, 300)))
        case 3 | 4:
            return "".join(chance.choice("ab \u00e9\u4e2d\U0001f54a") for _ in range(chance.randrange(30)))
        case 5:
            return chance.randrange(-30, 30)
        case 6:
            return [generated(chance, depth + 1) for _ in range(chance.randrange(5))]
    names = ("a", "b", "aa", "zz", "kind", "\u00e9", "k" * 24)
    return {chance.choice(names): generated(chance, depth + 1) for _ in range(chance.randrange(5))}


def test_the_second_decoder_agrees_on_random_bytes() -> None:
    chance = random.Random("random bytes")
    for _ in range(6_000):
        check_agreement(chance.randbytes(chance.randrange(1, 24)))


def test_the_second_decoder_agrees_on_mutated_bytes() -> None:
    chance = random.Random("mutations")
    given = seeds()
    accepted = sum(check_agreement(mutated(chance, chance.choice(given))) for _ in range(12_000))
    assert accepted > 300  # else the mutations are too wild to tell


def test_the_second_decoder_and_encoder_agree_on_values() -> None:
    chance = random.Random("values")
    for _ in range(3_000):
        value = generated(chance)
        if known_to_differ(value):
            continue
        data = encoding.encode(value)
        assert data == kit.encode(value)
        assert same(oracle_cbor.decode(data), value)
        assert same(encoding.decode(data), value)


def check_agreement(data: bytes) -> bool:
    ours, value = outcome(encoding.decode, data)
    theirs, other = outcome(oracle_cbor.decode, data)
    if "encoding/tag-42" in KNOWN and b"\xd8\x2a" in data and ours and not theirs:
        return False
    if theirs and not ours and known_to_differ(other):
        return False
    assert ours == theirs, (data.hex(), value, other)
    assert not ours or same(value, other), data.hex()
    return ours


# --- a second implementation of COSE ----------------------------------------------------------------------------------


LAX = {
    "envelope/verify-neighbour": "asked for a key, it takes any signature of the list that the key made",
    "envelope/verify-small-order-r": "OpenSSL lets an R of small order pass",
}


def cose_key(public_key: bytes) -> COSEKey:
    return COSEKey.new({1: 1, 3: -19, -1: 6, -2: public_key, 2: encoding.kid_of(public_key)})


@pytest.mark.parametrize("case", [p for p in cases("act", refused=False) if p.values[0]["form"] == "COSE_Sign1"])
def test_cose_sign1_by_another_implementation(case) -> None:
    data = kit.joined(case["input"])
    key = cose_key(bytes.fromhex(case["signers"][0]))
    payload = COSE.new().decode(data, key, external_aad=encoding.label(case["kind"]).encode())
    assert payload == encoding.parse_envelope(data).payload
    with pytest.raises(cwt.VerifyError):
        COSE.new().decode(data, key, external_aad=encoding.label("another kind").encode())


@pytest.mark.parametrize("case", [p for p in cases("act", refused=False) if p.values[0]["form"] == "COSE_Sign"])
def test_cose_sign_by_another_implementation(case) -> None:
    data = kit.joined(case["input"])
    aad = encoding.label(case["kind"]).encode()
    for public_key in map(bytes.fromhex, case["signers"]):
        payload = COSE.new().decode(data, cose_key(public_key), external_aad=aad)
        assert payload == encoding.parse_envelope(data).payload


@pytest.mark.parametrize(
    "case", [p for p in cases("envelope", refused=True) if p.values[0]["reason"] == "signature.invalid"]
)
def test_bad_signatures_by_another_implementation(case) -> None:
    """What we refuse to verify, the other implementation refuses, too."""
    if case["id"] in LAX:
        pytest.skip(LAX[case["id"]])
    asked = case["verify"]
    public_key = bytes.fromhex(asked["key"])
    with pytest.raises(Exception):  # noqa: B017 -- whatever it raises, it does not accept
        COSE.new().decode(
            kit.joined(case["input"]), cose_key(public_key), external_aad=encoding.label(case["kind"]).encode()
        )
