"""Vectors of spec/redline.md and of a text's clauses: red lines and their answers, texts, checks, dates of effect."""

import calendar
import time
from itertools import product

from spec.vectors import kit
from spec.vectors.kit import Group, encode, group, shown

KEPT, CROSSED, OPEN = "kept", "crossed", "cannot tell"
LINES, DEPTH, LISTED, STEPS = 64, 8, 256, 4_096
TIME_MIN, TIME_MAX = -62_135_596_800, 253_402_300_799
DAY = 86_400


@group(
    "redline",
    format="spec/redline.md sections 3 to 6",
    about="Input: `line` and `terms`, in the notation of spec/README.md section 4. A valid case gives the `answer`, "
    "and where it has one the `sentence`. A case with `lines` asks only whether one act may hold them all. A case with "
    "`salt` gives the commitment to a private line.",
)
def redline(group: Group) -> None:
    operators(group)
    values(group)
    kleene(group)
    refused_lines(group)
    costs(group)
    salt = kit.chance("a salt", 16)
    line = ["at-most", "unit-price", ["EUR", "92.00"]]
    commitment = kit.digest("private-line", salt, line).hex()
    group.valid("private", "the commitment", line=shown(line), salt=salt.hex(), commitment=commitment)


def operators(group: Group) -> None:
    """Each operator: kept, crossed, and open for each reason there is."""
    money = {"price": ["EUR", "92.00"], "days": 30, "law": "NL", "end": "2026-12-31", "rush": False}
    terms = {**money, "site": {"north": {"open": True}}, "key": b"\x01", "none": None, "list": [1, 2, 3], "map": {}}

    def asks(name, line, answer, sentence=None, what=""):
        more = {} if sentence is None else {"sentence": sentence}
        group.valid(name, what or f"{line[0]}: {answer}", line=shown(line), terms=shown(terms), answer=answer, **more)

    price = "price"
    asks("equal-kept", ["equal", "law", "NL"], KEPT, "law is “NL”")
    asks("equal-crossed", ["equal", "law", "BE"], CROSSED)
    asks("equal-missing", ["equal", "court", "NL"], OPEN)
    asks("equal-number", ["equal", "days", 30], KEPT, "days is 30")
    asks("equal-money", ["equal", price, ["EUR", "92"]], KEPT, "price is EUR 92", "92.00 and 92 are one amount")
    asks("equal-currency", ["equal", price, ["USD", "92"]], OPEN)
    asks("equal-no-currency", ["equal", price, 92], OPEN)
    asks("equal-flag", ["equal", "rush", False], KEPT, "rush is false")
    asks("equal-flag-number", ["equal", "rush", 0], OPEN, what="false is no number")
    asks("equal-bytes", ["equal", "key", b"\x01"], KEPT, "key is h'01'")
    asks("equal-bytes-crossed", ["equal", "key", b"\x02"], CROSSED)
    asks("equal-text-bytes", ["equal", "law", b"NL"], OPEN)
    asks("equal-null", ["equal", "none", "NL"], OPEN, what="null is stated, and of another type")
    asks("equal-list", ["equal", "list", "NL"], OPEN)
    asks("equal-map", ["equal", "map", "NL"], OPEN)
    asks("equal-text-number", ["equal", "law", "5"], OPEN, what="text that is no amount, and an amount")
    asks("not-equal-kept", ["not-equal", "law", "BE"], KEPT, "law is not “BE”")
    asks("not-equal-crossed", ["not-equal", "law", "NL"], CROSSED)
    asks("not-equal-missing", ["not-equal", "court", "NL"], OPEN)
    asks("not-equal-currency", ["not-equal", price, ["USD", "92.00"]], OPEN, what="another currency is not 'not equal'")
    asks("one-of-kept", ["one-of", "law", ["BE", "NL"]], KEPT, "law is one of “BE”, “NL”")
    asks("one-of-crossed", ["one-of", "law", ["BE", "FR"]], CROSSED)
    asks("one-of-missing", ["one-of", "court", ["BE"]], OPEN)
    asks("one-of-mixed", ["one-of", "law", [5, "BE"]], OPEN, what="one member cannot be compared, the other is not it")
    asks("one-of-mixed-kept", ["one-of", "law", [5, "NL"]], KEPT, what="one member decides")
    asks("none-of-kept", ["none-of", "law", ["BE", "FR"]], KEPT, "law is none of “BE”, “FR”")
    asks("none-of-crossed", ["none-of", "law", ["BE", "NL"]], CROSSED)
    asks("none-of-missing", ["none-of", "court", ["BE"]], OPEN)
    asks("none-of-mixed", ["none-of", "law", ["BE", 5]], OPEN)
    asks("at-least-kept", ["at-least", "days", 30], KEPT, "days is at least 30")
    asks("at-least-crossed", ["at-least", "days", 31], CROSSED)
    asks("at-least-decimal", ["at-least", "days", "30.0000000001"], CROSSED)
    asks("at-least-missing", ["at-least", "weeks", 1], OPEN)
    asks("at-least-text", ["at-least", "law", 1], OPEN)
    asks("at-least-flag", ["at-least", "rush", 0], OPEN)
    asks("at-most-kept", ["at-most", price, ["EUR", "92.00"]], KEPT, "price is at most EUR 92.00")
    asks("at-most-crossed", ["at-most", price, ["EUR", "91.99"]], CROSSED)
    asks("at-most-currency", ["at-most", price, ["USD", "1000"]], OPEN)
    asks("at-most-no-currency", ["at-most", price, "1000"], OPEN)
    asks("at-most-list", ["at-most", "list", 5], OPEN)
    asks("before-kept", ["before", "end", "2027-01-01"], KEPT, "end is before 2027-01-01")
    asks("before-same", ["before", "end", "2026-12-31"], CROSSED)
    asks("before-instant", ["before", "end", "2027-01-01T00:00:00Z"], OPEN, what="a date and an instant")
    asks("before-missing", ["before", "start", "2027-01-01"], OPEN)
    asks("before-text", ["before", "law", "2027-01-01"], OPEN)
    asks("after-kept", ["after", "end", "2026-12-30"], KEPT, "end is after 2026-12-30")
    asks("after-same", ["after", "end", "2026-12-31"], CROSSED)
    asks("present-kept", ["present", "law"], KEPT, "law is stated")
    asks("present-null", ["present", "none"], KEPT, what="null is stated")
    asks("present-crossed", ["present", "court"], CROSSED)
    asks("absent-kept", ["absent", "court"], KEPT, "court is not stated")
    asks("absent-crossed", ["absent", "law"], CROSSED)
    asks("path-deep", ["equal", "site.north.open", True], KEPT, "site.north.open is true")
    asks("path-half", ["equal", "site.south.open", True], OPEN)
    asks("path-through-text", ["present", "law.article"], CROSSED, what="nothing stands below text")
    asks("path-through-list", ["present", "list.0"], CROSSED, what="a path does not count through a list")
    asks("path-case", ["present", "LAW"], CROSSED, what="paths are compared letter by letter")
    asks("path-prefix", ["present", "la"], CROSSED, what="whole steps, never prefixes")
    asks("path-on-map", ["equal", "site", "north"], OPEN)
    sentence = "(law is “NL”) and (it is not so that rush is true)"
    asks("all-sentence", ["all", ["equal", "law", "NL"], ["not", ["equal", "rush", True]]], KEPT, sentence)
    asks("any-sentence", ["any", ["absent", "law"], ["present", "law"]], KEPT, "(law is not stated) or (law is stated)")


def values(group: Group) -> None:
    """What is an amount, and what is an instant."""

    def asks(name, what, line, found, answer):
        group.valid(name, what, line=shown(line), terms=shown({"x": found}), answer=answer)

    at_most = ["at-most", "x", 100]
    amounts = {
        "zero": ("0", KEPT),
        "minus-zero": ("-0", KEPT),
        "fraction": ("99.999", KEPT),
        "negative": ("-1.5", KEPT),
        "just-more": ("100." + "0" * 33 + "1", CROSSED),
        "38-letters": ("100." + "0" * 34, KEPT),
        "39-letters": ("100." + "0" * 35, OPEN),
        "plus": ("+1", OPEN),
        "leading-zero": ("01", OPEN),
        "no-whole": (".5", OPEN),
        "no-fraction": ("5.", OPEN),
        "exponent": ("1e2", OPEN),
        "comma": ("1,5", OPEN),
        "space": (" 5", OPEN),
        "arabic-digits": ("\u0665", OPEN),
        "empty": ("", OPEN),
        "infinity": ("Infinity", OPEN),
        "newline": ("5\n", OPEN),
    }
    for name, (text, answer) in amounts.items():
        asks(f"amount-{name}", f"the text {text!r} in the terms", at_most, text, answer)
    asks("amount-integer", "the greatest integer, exactly", ["at-most", "x", 2**63 - 2], 2**63 - 1, CROSSED)
    asks("amount-decimal-exact", "0.1 is exactly 0.1", ["equal", "x", "0.10"], "0.1", KEPT)
    euros = ["at-most", "x", ["EUR", "100"]]
    money = {
        "exact": (["EUR", "100.00"], KEPT),
        "more": (["EUR", "100.01"], CROSSED),
        "integer": (["EUR", 100], OPEN),
        "lower-case": (["eur", "100"], OPEN),
        "four-letters": (["EURO", "100"], OPEN),
        "no-number": (["EUR", "hundred"], OPEN),
        "three": (["EUR", "100", "VAT"], OPEN),
        "reversed": (["100", "EUR"], OPEN),
    }
    for name, (found, answer) in money.items():
        asks(f"money-{name}", f"{found!r} in the terms", euros, found, answer)
    before = ["before", "x", "2026-06-30T12:00:00Z"]
    instants = {
        "earlier": ("2026-06-30T11:59:59Z", KEPT),
        "same": ("2026-06-30T12:00:00Z", CROSSED),
        "later-year": ("9999-12-31T23:59:59Z", CROSSED),
        "leap-day": ("2024-02-29T00:00:00Z", KEPT),
        "no-leap-day": ("2023-02-29T00:00:00Z", OPEN),
        "leap-second": ("2016-12-31T23:59:60Z", OPEN),
        "midnight-24": ("2025-12-31T24:00:00Z", OPEN),
        "month-13": ("2025-13-01T00:00:00Z", OPEN),
        "year-0": ("0000-01-01T00:00:00Z", OPEN),
        "year-1": ("0001-01-01T00:00:00Z", KEPT),
        "offset": ("2026-06-30T12:00:00+00", OPEN),
        "no-zone": ("2026-06-30T12:00:00 ", OPEN),
        "lower-case": ("2026-06-30t11:59:59z", OPEN),
        "date": ("2026-06-30", OPEN),
        "integer": (1_782_820_800, OPEN),
    }
    for name, (found, answer) in instants.items():
        asks(f"instant-{name}", f"{found!r} in the terms", before, found, answer)


def kleene(group: Group) -> None:
    """The whole truth table of not, all and any over three values."""
    terms = {"there": 1}
    lines = {KEPT: ["present", "there"], CROSSED: ["absent", "there"], OPEN: ["equal", "missing", 1]}
    negation = {KEPT: CROSSED, CROSSED: KEPT, OPEN: OPEN}
    for given, answer in negation.items():
        name = f"not-{given}".replace(" ", "-")
        group.valid(name, f"not {given}", line=["not", lines[given]], terms=terms, answer=answer)
    table = {
        "all": {(KEPT, KEPT): KEPT, (KEPT, OPEN): OPEN, (OPEN, KEPT): OPEN, (OPEN, OPEN): OPEN},
        "any": {(CROSSED, CROSSED): CROSSED, (CROSSED, OPEN): OPEN, (OPEN, CROSSED): OPEN, (OPEN, OPEN): OPEN},
    }
    for operator, left, right in product(table, lines, lines):
        answer = table[operator].get((left, right), CROSSED if operator == "all" else KEPT)
        name = f"{operator}-{left}-{right}".replace(" ", "-")
        line = [operator, lines[left], lines[right]]
        group.valid(name, f"{operator} of {left} and {right}", line=line, terms=terms, answer=answer)
    group.valid("all-one", "all of one", line=["all", lines[OPEN]], terms=terms, answer=OPEN)
    nested = ["not", ["any", ["all", lines[KEPT], lines[OPEN]], ["not", lines[KEPT]]]]
    group.valid("nested", "what is open within stays open", line=nested, terms=terms, answer=OPEN)


def refused_lines(group: Group) -> None:
    """Lines that mean nothing, or that could never be kept."""

    def invalid(name, what, line, twin, differs, reason="line.malformed"):
        group.invalid(name, what, reason, f"redline/{twin}", differs, line=shown(line))

    operator = "line.operator"
    invalid("no-list", "text for a line", "law is NL", "equal-kept", "the line")
    invalid("nothing", "an empty line", [], "present-kept", "operator and path are missing")
    invalid(
        "no-operator", "a number for the operator", [1, "law", "NL"], "equal-kept", "the operator", "line.malformed"
    )
    invalid("unknown", "an operator of somebody else", ["matches", "law", "NL"], "equal-kept", "the operator", operator)
    invalid(
        "capitals", "operators are in small letters", ["EQUAL", "law", "NL"], "equal-kept", "the operator", operator
    )
    invalid("symbol", "no symbols", ["<=", "price", ["EUR", "92.00"]], "at-most-kept", "the operator", operator)
    invalid(
        "underscore", "no underscores", ["at_most", "price", ["EUR", "92.00"]], "at-most-kept", "operator", operator
    )
    invalid("equal-one", "no value", ["equal", "law"], "equal-kept", "the value is missing")
    invalid("equal-three", "two values", ["equal", "law", "NL", "BE"], "equal-kept", "a value more")
    invalid("equal-null-operand", "null can be equal to nothing", ["equal", "law", None], "equal-kept", "the value")
    invalid("equal-list-operand", "a list", ["equal", "law", ["NL"]], "equal-kept", "the value")
    invalid("equal-map-operand", "a map", ["equal", "law", {"is": "NL"}], "equal-kept", "the value")
    invalid("at-most-text", "no amount", ["at-most", "price", "cheap"], "at-most-kept", "the value")
    invalid("at-most-true", "true is no amount", ["at-most", "price", True], "at-most-kept", "the value")
    invalid(
        "at-most-money-integer", "money in a number", ["at-most", "price", ["EUR", 92]], "at-most-kept", "the value"
    )
    invalid("at-most-currency-lower", "eur", ["at-most", "price", ["eur", "92.00"]], "at-most-kept", "the currency")
    invalid("at-most-not-a-number", "NaN", ["at-most", "price", "NaN"], "at-most-kept", "the value")
    invalid("at-least-exponent", "an exponent", ["at-least", "days", "3e1"], "at-least-kept", "the value")
    invalid("before-number", "seconds", ["before", "end", 1_798_675_200], "before-kept", "the value")
    invalid("before-short", "a month", ["before", "end", "2027-01"], "before-kept", "the value")
    invalid("before-offset", "another zone", ["before", "end", "2027-01-01T00:00:00+01:00"], "before-kept", "the value")
    invalid("before-day-30", "30 February", ["before", "end", "2027-02-30"], "before-kept", "the value")
    invalid("one-of-none", "one of nothing", ["one-of", "law", []], "one-of-kept", "the list is empty")
    invalid("none-of-none", "none of nothing", ["none-of", "law", []], "none-of-kept", "the list is empty")
    invalid("one-of-text", "no list", ["one-of", "law", "NL"], "one-of-kept", "the list")
    invalid("one-of-null", "null in the list", ["one-of", "law", ["BE", None]], "one-of-kept", "a member")
    invalid("present-value", "a value for present", ["present", "law", "NL"], "present-kept", "an operand more")
    invalid("all-none", "all of nothing", ["all"], "all-one", "the member is missing")
    invalid("any-none", "any of nothing", ["any"], "any-sentence", "the members are missing")
    invalid("not-none", "not of nothing", ["not"], "not-kept", "the member is missing")
    two = [["present", "there"]] * 2
    invalid("not-two", "not of two", ["not", *two], "not-kept", "a member more")
    invalid("all-value", "a value for a line", ["all", "there"], "all-one", "the member")
    invalid(
        "within", "an unknown operator within", ["not", ["is", "there"]], "not-kept", "the inner operator", operator
    )
    for name, path in {
        "path-empty": "",
        "path-empty-step": "site..open",
        "path-dot-first": ".law",
        "path-dot-last": "law.",
        "path-space": "unit price",
        "path-star": "site.*",
        "path-letter": "pr\u00eds",
        "path-65": "p" * 65,
    }.items():
        invalid(name, f"the path {path!r}", ["present", path], "present-kept", "the path")
    invalid("path-number", "a number for the path", ["present", 1], "present-kept", "the path")


def costs(group: Group) -> None:
    """Depth, counts and the step budget."""
    line = ["present", "there"]
    terms = {"there": 1}
    deep = line
    for _ in range(DEPTH):
        deep = ["not", deep]
    known = group.valid("depth-8", "a line within eight", line=deep, terms=terms, answer=KEPT)
    malformed = "line.malformed"
    group.invalid("depth-9", "a line within nine", malformed, known, "one not more", line=["not", deep])
    wide = group.valid("all-64", "64 members", line=["all", *[line] * LINES], terms=terms, answer=KEPT)
    wider = ["all", *[line] * (LINES + 1)]
    group.invalid("all-65", "65 members", malformed, wide, "a member more", line=wider)
    listed = ["none-of", "there", [0] * LISTED]
    long = group.valid("none-of-256", "256 members", line=listed, terms=terms, answer=KEPT)
    longer = ["none-of", "there", [0] * (LISTED + 1)]
    group.invalid("none-of-257", "257 members", malformed, long, "a member more", line=longer)
    step = "p" * 64
    group.valid("path-64", "a step of 64 letters", line=["absent", f"{step}.{step}"], terms=terms, answer=KEPT)
    sixteen = [["none-of", "there", [0] * 255] for _ in range(16)]
    budget = group.valid("steps-4096", "16 lines of 256 steps", lines=sixteen)
    dear = [*sixteen[:15], ["none-of", "there", [0] * 256]]
    group.invalid("steps-4097", "a step too many", "line.too-costly", budget, "a listed value more", lines=dear)
    tree = ["all", ["none-of", "there", [0] * 254]]
    nested = group.valid("steps-nested", "15 lines of 256 steps, and one of 1 + 1 + 254", lines=[*sixteen[:15], tree])
    larger = [*sixteen[:15], ["all", ["none-of", "there", [0] * 255]]]
    reason, differs = "line.too-costly", "a listed value more"
    group.invalid("steps-nested-4097", "a step too many, further down", reason, nested, differs, lines=larger)


# --- texts ------------------------------------------------------------------------------------------------------------


@group(
    "text",
    format="spec/redline.md sections 7 and 8",
    about="Input: a text. A valid case gives its digest and, where the text has checks, the answer of each.",
)
def text(group: Group) -> None:
    random = kit.chance("random bytes of a text", 16)
    plain = {"articles": {"en": ["The price is 92 euros."]}, "terms": {"price": ["EUR", "92.00"]}, "random": random}
    terms = {
        "quantity": 100,
        "price": ["EUR", "92.00"],
        "net": ["EUR", "9200.00"],
        "tax": ["EUR", "1932.00"],
        "total": ["EUR", "11132.00"],
        "share": "0.5",
        "half": 50,
        "law": "NL",
        "part": {"a": 1, "b": 2},
    }
    rich = {
        "articles": {"en": ["One.", "Two."], "fr": ["Un.", "Deux."]},
        "terms": terms,
        "checks": [["product", "net", ["quantity", "price"]], ["sum", "total", ["net", "tax"]]],
        "clauses": {"force": {"when": ["all"]}},
        "random": random,
    }

    def valid(name, what, value, **more):
        data = encode(value)
        return group.valid(name, what, input=data.hex(), digest=kit.digest("text", data).hex(), **more)

    least = valid("least", "articles in one language, terms, 16 random bytes", plain)
    full = valid("fullest", "two languages, checks, clauses", rich, checks=[KEPT, KEPT])
    valid("no-articles", "a text may be its terms alone", {**plain, "articles": {}})
    valid("empty-language", "a language without articles", {**plain, "articles": {"en": []}})
    valid("no-terms", "a text may state nothing that a line could ask for", {**plain, "terms": {}})
    other = kit.chance("other random bytes", 16)
    valid("other-random", "other random bytes, another digest", {**plain, "random": other})
    long = {**plain, "articles": {"en": ["a"] * 1_024}}
    many = valid("articles-1024", "1,024 articles", long)

    def invalid(name, what, value, differs, twin=least, reason="text.malformed"):
        data = value if isinstance(value, bytes) else encode(value)
        group.invalid(name, what, reason, twin, differs, input=data.hex())

    for part in ("articles", "terms", "random"):
        value = {key: member for key, member in plain.items() if key != part}
        invalid(f"no-part-{part}", f"{part} is missing", value, part)
    invalid("list", "a list", [plain], "the text stands in a list")
    invalid("unknown", "a part more", {**plain, "annex": "see attached"}, "annex")
    invalid("random-15", "15 random bytes", {**plain, "random": random[:15]}, "random")
    invalid("random-text", "text for random", {**plain, "random": "0" * 16}, "random")
    invalid("articles-list", "no language", {**plain, "articles": ["One."]}, "articles")
    invalid("article-empty", "an empty article", {**plain, "articles": {"en": [""]}}, "the article")
    invalid("article-bytes", "an article of bytes", {**plain, "articles": {"en": [b"One."]}}, "the article")
    invalid("article-text", "no list of articles", {**plain, "articles": {"en": "One."}}, "the list of articles")
    uneven = {**rich, "articles": {"en": ["One.", "Two."], "fr": ["Un."]}}
    invalid("languages-uneven", "an article that one language lacks", uneven, "the second French article", full)
    longer = {**plain, "articles": {"en": ["a"] * 1_025}}
    invalid("articles-1025", "1,025 articles", longer, "an article more", many)
    invalid("terms-list", "terms are a map", {**plain, "terms": [1]}, "terms")
    invalid("terms-dot", "a name with a dot", {**plain, "terms": {"unit.price": 1}}, "the name of the term")
    invalid("terms-space", "a name with a space", {**plain, "terms": {"unit price": 1}}, "the name of the term")
    nested = {**rich, "terms": {**terms, "part": {"a": 1, "b c": 2}}}
    invalid("terms-nested", "a name further down", nested, "the name of part.b", full)
    invalid("clauses-list", "clauses are a map", {**rich, "clauses": []}, "clauses", full)
    checks = rich["checks"]
    for name, check, differs in (
        ("operator", ["quotient", "net", ["quantity", "price"]], "the operator"),
        ("one", ["product", "net", ["price"]], "a path less"),
        ("seventeen", ["product", "net", ["quantity"] * 17], "the list of paths"),
        ("short", ["product", "net"], "the list of paths"),
    ):
        value = {**rich, "checks": [check, checks[1]]}
        invalid(f"check-{name}", f"a check: {differs}", value, f"checks: {differs}", full)
    invalid("checks-map", "checks are a list", {**rich, "checks": {}}, "checks", full)
    invalid("checks-65", "65 checks", {**rich, "checks": checks[:1] * 65}, "checks", full)
    value = {**rich, "checks": [["product", "net", ["quantity", "unit price"]], checks[1]]}
    invalid("check-path", "a path that is none", value, "the second factor's path", full, "line.malformed")
    invalid("cbor", "bytes after", encode(plain) + b"\x00", "a byte follows", reason="cbor.malformed")
    size = len(encode({**plain, "articles": {"en": ["aa"]}})) - 3
    most = (1 << 20) - size - 5
    start, end = encode({**plain, "articles": {"en": ["|"]}}).split(b"\x61|")

    def filled(count):
        return kit.pieces((start + b"\x7a" + count.to_bytes(4, "big"), 1), (b"a", count), (end, 1))

    largest = kit.joined(filled(most))
    assert len(largest) == 1 << 20
    digest = kit.digest("text", largest).hex()
    group.valid("size-1-mib", "1,048,576 bytes", input=filled(most), digest=digest)
    over = filled(most + 1)
    group.invalid("size-more", "a byte more", "cbor.too-large", "text/size-1-mib", "an article's length", input=over)

    # Checks, each on the same terms.
    for name, check, answer in (
        ("product-crossed", ["product", "total", ["quantity", "price"]], CROSSED),
        ("product-plain", ["product", "half", ["quantity", "share"]], KEPT),
        ("product-two-currencies", ["product", "net", ["price", "price"]], OPEN),
        ("product-loses-currency", ["product", "half", ["quantity", "price"]], OPEN),
        ("product-three", ["product", "net", ["quantity", "price", "part.a"]], KEPT),
        ("sum-crossed", ["sum", "total", ["net", "net"]], CROSSED),
        ("sum-mixed", ["sum", "total", ["net", "half"]], OPEN),
        ("sum-plain", ["sum", "quantity", ["half", "half"]], KEPT),
        ("sum-missing", ["sum", "total", ["net", "toll"]], OPEN),
        ("sum-text", ["sum", "total", ["net", "law"]], OPEN),
        ("sum-deep", ["sum", "part.b", ["part.a", "part.a"]], KEPT),
    ):
        valid(f"check-{name}", f"a check: {answer}", {**rich, "checks": [check]}, checks=[answer])
    exact = {
        "a": "0." + "0" * 35 + "1",
        "b": "1" + "0" * 37,
        "sum": "1" + "0" * 37,
        "product": "100",
    }
    value = {**plain, "terms": exact, "checks": [["sum", "sum", ["a", "b"]], ["product", "product", ["a", "b"]]]}
    valid("check-exact", "no digit is rounded away", value, checks=[CROSSED, CROSSED])


# --- clauses ----------------------------------------------------------------------------------------------------------


def at(text: str) -> int:
    """Return the seconds since 1970 of an instant in UTC, written as 2026-01-31T00:00:00Z."""
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))


@group(
    "clauses",
    format="spec/dossier.md section 5",
    about="A case with `met` gives the instant of entry into force (`time`, seconds since 1970 in UTC; `instant` says "
    "the same for people) after the `steps` from the log time at which the condition was met. A case with `clauses` "
    "asks whether a text may state them.",
)
def clauses(group: Group) -> None:
    def takes_effect(name, what, met, steps, expected):
        seconds = met if isinstance(met, int) else at(met)
        result = expected if isinstance(expected, int) else at(expected)
        instant = {} if isinstance(expected, int) else {"instant": expected}
        group.valid(f"date-{name}", what, met=seconds, steps=steps, time=result, **instant)

    noon = "2026-01-31T12:00:00Z"
    takes_effect("none", "at once", noon, [], noon)
    takes_effect("days", "days of 86,400 seconds", noon, [["days", 30]], "2026-03-02T12:00:00Z")
    takes_effect("days-leap", "29 February counts", "2028-02-28T12:00:00Z", [["days", 2]], "2028-03-01T12:00:00Z")
    takes_effect("no-days", "zero days", noon, [["days", 0]], noon)
    takes_effect("month", "the first day of the next month", noon, [["month", 1]], "2026-02-01T00:00:00Z")
    first = "2026-02-01T00:00:00Z"
    takes_effect("month-first", "met on a first day: the next first day", first, [["month", 1]], "2026-03-01T00:00:00Z")
    takes_effect("month-12", "a year of months", noon, [["month", 12]], "2027-01-01T00:00:00Z")
    december = "2026-12-15T08:00:00Z"
    takes_effect("month-december", "over the year's end", december, [["month", 1]], "2027-01-01T00:00:00Z")
    takes_effect("month-1200", "a hundred years", noon, [["month", 1_200]], "2126-01-01T00:00:00Z")
    met = "2001-04-11T00:00:00Z"
    both = [["days", 60], ["month", 1]]
    takes_effect("statute", "the first day of the month after the 60th day", met, both, "2001-07-01T00:00:00Z")
    takes_effect("order", "steps are taken in their order", met, both[::-1], "2001-06-30T00:00:00Z")
    fixed = at("2026-07-01T00:00:00Z")
    takes_effect("at", "at a date, when met before", noon, [["at", fixed]], "2026-07-01T00:00:00Z")
    late = "2026-08-03T09:30:00Z"
    takes_effect("at-late", "at a date, when met after it: at once", late, [["at", fixed]], late)
    later = [["at", fixed], ["month", 1]]
    takes_effect("at-month", "the month after a date", noon, later, "2026-08-01T00:00:00Z")
    takes_effect("before-1970", "before 1970", "1917-11-20T18:00:00Z", [["month", 1]], "1917-12-01T00:00:00Z")
    takes_effect("days-end", "no later than the end of year 9999", TIME_MAX - DAY, [["days", 36_525]], TIME_MAX)
    takes_effect("month-end", "no month follows December 9999", TIME_MAX - DAY, [["month", 1]], TIME_MAX)
    takes_effect(
        "month-end-1", "the last first day", at("9999-11-30T00:00:00Z"), [["month", 1]], "9999-12-01T00:00:00Z"
    )

    def valid(name, what, value):
        return group.valid(name, what, clauses=shown(value))

    party = kit.chance("id of party A")
    remedy = {"article": "article 2", "does": "suspend", "cure_days": 14, "by": [party]}
    term = {"until": fixed, "tacit": True, "notice_days": 90, "earliest": fixed - 180 * DAY}
    full = {
        "force": {"when": ["count", 2], "then": [["at", fixed], ["days", 30], ["month", 1]]},
        "term": term,
        "scopes": ["north", "south"],
        "parties": [party],
        "framework": kit.chance("id of framework"),
        "open_from": fixed,
        "open_to": [party],
        "reservations": ["article 3"],
        "objection_days": 30,
        "provisional": True,
        "remedies": [remedy],
    }
    none = valid("none", "no clauses: in force when all consent", {})
    fullest = valid("fullest", "every clause", full)
    whole = valid("all", "all", {"force": {"when": ["all"]}})
    named = valid("parties", "named parties", {"force": {"when": ["parties", [party]]}})
    covered = valid("scopes", "scopes", {"force": {"when": ["scopes", ["north"]]}})
    valid("open-to-any", "any party may accede", {**full, "open_to": "any"})
    for does in ("end", "publish", "revoke"):
        valid(f"remedy-{does}", f"a remedy: {does}", {"remedies": [{"article": "article 2", "does": does}]})

    def invalid(name, what, value, differs, twin=fullest):
        group.invalid(name, what, "text.clause", twin, differs, clauses=shown(value))

    invalid("unknown", "a clause more", {"penalty": 1}, "penalty", none)
    invalid("force-unknown", "a part more", {"force": {"when": ["all"], "unless": ["all"]}}, "unless", whole)
    invalid("when-unknown", "an unknown condition", {"force": {"when": ["most"]}}, "when", whole)
    invalid("when-operand", "all with a number", {"force": {"when": ["all", 2]}}, "when", whole)
    invalid("when-text", "text for a condition", {"force": {"when": "all"}}, "when", whole)
    for count in (0, 1_025, True):
        value = {**full, "force": {**full["force"], "when": ["count", count]}}
        invalid(f"count-{str(count).lower()}", f"count {count}", value, "when")
    invalid("parties-text", "names for ids", {"force": {"when": ["parties", ["party A"]]}}, "when", named)
    invalid("parties-short", "31 bytes", {"force": {"when": ["parties", [party[:31]]]}}, "when", named)
    invalid("scopes-bytes", "ids for names", {"force": {"when": ["scopes", [party]]}}, "when", covered)
    wide = [f"{number}" for number in range(257)]
    invalid("scopes-257", "257 scopes", {"force": {"when": ["scopes", wide]}}, "when", covered)
    for name, step in {
        "unknown": ["weeks", 2],
        "text": ["days", "30"],
        "negative": ["days", -1],
        "many-days": ["days", 36_526],
        "month-0": ["month", 0],
        "month-1201": ["month", 1_201],
        "at-late": ["at", TIME_MAX + 1],
        "at-early": ["at", TIME_MIN - 1],
        "flag": ["days", True],
        "bare": ["days"],
    }.items():
        value = {**full, "force": {**full["force"], "then": [["at", fixed], step, ["month", 1]]}}
        invalid(f"step-{name}", f"the step {step}", value, "the second step")
    steps = [["days", 1]] * 9
    value = {**full, "force": {**full["force"], "then": steps}}
    invalid("steps-9", "nine steps", value, "then")
    for name, member, value in (
        ("until", "until", "2026-07-01"),
        ("tacit", "tacit", 1),
        ("notice", "notice_days", -1),
        ("earliest", "earliest", TIME_MAX + 1),
    ):
        invalid(f"term-{name}", f"a term's {member}", {**full, "term": {**term, member: value}}, f"term.{member}")
    invalid("term-unknown", "a part more", {**full, "term": {**term, "forever": True}}, "term.forever")
    for member, value in (
        ("scopes", "north"),
        ("parties", [party[:31]]),
        ("framework", party[:31]),
        ("open_from", True),
        ("open_to", "all"),
        ("reservations", [3]),
        ("objection_days", 36_526),
        ("provisional", 0),
        ("remedies", {}),
    ):
        invalid(f"clause-{member}", f"{member} of another kind", {**full, member: value}, member)
    for name, member, value in (
        ("does", "does", "punish"),
        ("article", "article", 2),
        ("cure", "cure_days", -1),
        ("by", "by", ["party A"]),
    ):
        listed = [{**remedy, member: value}]
        invalid(f"remedy-wrong-{name}", f"a remedy's {member}", {**full, "remedies": listed}, f"remedies: {member}")
    lacking = [{key: value for key, value in remedy.items() if key != "does"}]
    invalid("remedy-does-nothing", "a remedy that does nothing", {**full, "remedies": lacking}, "remedies: does")
    invalid("remedies-65", "65 remedies", {**full, "remedies": [remedy] * 65}, "remedies")
