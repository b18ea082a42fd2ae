"""A small CDDL validator (RFC 8610) for the part of the language that ``spec/acts.cddl`` uses.

Written from the RFC, for the tests: published validators read our file too, but leave counts of arrays unchecked or
read negative ranges as something else. Values are Python's, as a CBOR decoder returns them (:class:`Tag` for a tag).
Maps are matched member by member: keys are text or integers that the file names, so no search is needed.
"""

import re
from dataclasses import dataclass

import cbor2

TOKEN = re.compile(
    r"""\s*(?:;[^\n]*\n\s*)*(?:
    (?P<text>"[^"]*") | (?P<bytes>h'[0-9a-f]*') | (?P<tag>\#6\.\d+) | (?P<number>-?\d+) | (?P<control>\.[a-z]{2,})
    | (?P<name>[A-Za-z_$@][A-Za-z0-9_$@.-]*[A-Za-z0-9_$@]|[A-Za-z_$@])
    | (?P<mark>=>|\.\.|//|/|[=:?*+,(){}\[\]])
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Tag:
    number: int
    value: object


@dataclass(frozen=True)
class Member:
    """An element of an array or map: how often, under which key (maps), of which type. Or a nested choice."""

    least: int
    most: int | None
    key: object
    type: object


def tokens(source: str) -> list[tuple[str, str]]:
    found, position = [], 0
    source = source.rstrip() + "\n"
    while position < len(source) and source[position:].strip():
        match = TOKEN.match(source, position)
        if match is None:
            if re.fullmatch(r"(\s|;[^\n]*\n)*", source[position:]):
                break
            raise ValueError(f"CDDL: {source[position : position + 40]!r}")
        found.append((match.lastgroup, match.group(match.lastgroup)))
        position = match.end()
    return found


class Schema:
    """The rules of a CDDL file, by name."""

    def __init__(self, source: str) -> None:
        self.tokens = tokens(source)
        self.at = 0
        self.rules: dict[str, object] = {}
        while self.at < len(self.tokens):
            kind, name = self.next()
            assert kind == "name", name
            self.expect("=")
            if name in self.rules:
                raise ValueError(f"two rules are called {name}")
            self.rules[name] = self.group_rule() if self.peek() == ("mark", "(") and self.is_group() else self.type()
        for name in self.named():
            if name not in self.rules and name not in PRELUDE:
                raise ValueError(f"no rule is called {name}")

    def named(self):
        """Yield every name that the rules refer to."""
        waiting = list(self.rules.values())
        while waiting:
            match waiting.pop():
                case ("name", name):
                    yield name
                case Member(key=key, type=type_):
                    waiting += [key, type_]
                case tuple() | list() as parts:
                    waiting += parts

    # Reading.

    def peek(self, ahead: int = 0):
        return self.tokens[self.at + ahead] if self.at + ahead < len(self.tokens) else ("end", "")

    def next(self):
        self.at += 1
        return self.tokens[self.at - 1]

    def accept(self, mark: str) -> bool:
        if self.peek() == ("mark", mark):
            self.at += 1
            return True
        return False

    def expect(self, mark: str) -> None:
        if not self.accept(mark):
            raise ValueError(f"CDDL: {mark} expected, not {self.peek()}")

    def is_group(self) -> bool:
        """Return whether the parentheses that open here hold members rather than a type."""
        depth, ahead = 0, 0
        while True:
            token = self.peek(ahead)
            depth += token[1] in "([{" and token[0] == "mark"
            depth -= token[1] in ")]}" and token[0] == "mark"
            if depth == 1 and token in (("mark", ":"), ("mark", "=>"), ("mark", ","), ("mark", "?"), ("mark", "//")):
                return True
            if depth == 0:
                return False
            ahead += 1

    def group_rule(self):
        self.expect("(")
        return ("group", self.members(")"))

    def type(self):
        choices = [self.type1()]
        while self.accept("/"):
            choices.append(self.type1())
        return choices[0] if len(choices) == 1 else ("choice", choices)

    def type1(self):
        left = self.type2()
        if self.accept(".."):
            return ("range", left, self.type2())
        if self.peek()[0] == "control":
            return ("control", self.next()[1], left, self.type2())
        return left

    def type2(self):
        kind, word = self.next()
        match kind, word:
            case "text", _:
                return ("value", word[1:-1])
            case "bytes", _:
                return ("value", bytes.fromhex(word[2:-1]))
            case "number", _:
                return ("value", int(word))
            case "tag", _:
                self.expect("(")
                inner = self.type()
                self.expect(")")
                return ("tag", int(word[3:]), inner)
            case "name", _:
                return ("name", word)
            case "mark", "(":
                inner = self.type()
                self.expect(")")
                return inner
            case "mark", "{":
                return ("map", self.members("}"))
            case "mark", "[":
                return ("array", self.members("]"))
        raise ValueError(f"CDDL: a type expected, not {word}")

    def members(self, end: str) -> list[list[Member]]:
        """Read members up to a closing mark: a list of alternatives (``//``), each a list of members."""
        alternatives: list[list[Member]] = [[]]
        while not self.accept(end):
            if self.accept("//"):
                alternatives.append([])
                continue
            alternatives[-1].append(self.member())
            self.accept(",")
        return alternatives

    def member(self) -> Member:
        least, most = 1, 1
        if self.accept("?"):
            least = 0
        elif self.accept("*"):
            least, most = 0, self.number()
        elif self.accept("+"):
            most = None
        elif self.peek()[0] == "number" and self.peek(1) == ("mark", "*"):
            least = int(self.next()[1])
            self.expect("*")
            most = self.number()
        if self.peek() == ("mark", "(") and self.is_group():
            self.expect("(")
            return Member(least, most, None, ("group", self.members(")")))
        if self.peek(1) == ("mark", ":"):
            kind, word = self.next()
            self.expect(":")
            key = {"text": lambda: word[1:-1], "number": lambda: int(word), "name": lambda: word}[kind]()
            return Member(least, most, ("value", key), self.type())
        type_ = self.type1()
        if self.accept("=>"):
            return Member(least, most, type_, self.type())
        if self.peek() == ("mark", "/"):
            choices = [type_]
            while self.accept("/"):
                choices.append(self.type1())
            type_ = ("choice", choices)
        return Member(least, most, None, type_)

    def number(self) -> int | None:
        return int(self.next()[1]) if self.peek()[0] == "number" else None

    # Matching.

    def matches(self, rule: str, value) -> bool:
        """Return whether a value is what the rule describes."""
        return self.fits(self.rules[rule], value)

    def fits(self, type_, value) -> bool:
        match type_:
            case ("value", wanted):
                return type(wanted) is type(value) and wanted == value
            case ("choice", choices):
                return any(self.fits(choice, value) for choice in choices)
            case ("range", ("value", low), ("value", high)):
                return is_integer(value) and low <= value <= high
            case ("control", ".size", left, right):
                size = len(value.encode()) if isinstance(value, str) else len(value) if isinstance(value, bytes) else -1
                return self.fits(left, value) and self.fits(right, size)
            case ("control", ".ge", left, ("value", bound)):
                return self.fits(left, value) and value >= bound
            case ("control", ".le", left, ("value", bound)):
                return self.fits(left, value) and value <= bound
            case ("control", ".and", left, right):
                return self.fits(left, value) and self.fits(right, value)
            case ("control", ".regexp", left, ("value", pattern)):
                return self.fits(left, value) and re.fullmatch(pattern, value) is not None
            case ("control", ".cbor", left, right):
                if not self.fits(left, value):
                    return False
                try:
                    return self.fits(right, cbor2.loads(value))
                except cbor2.CBORDecodeError:
                    return False
            case ("tag", number, inner):
                return isinstance(value, Tag) and value.number == number and self.fits(inner, value.value)
            case ("map", alternatives):
                return isinstance(value, dict) and any(self.map_fits(members, value) for members in alternatives)
            case ("array", alternatives):
                return isinstance(value, list) and any(self.rest_fits(members, value) for members in alternatives)
            case ("name", name):
                if name in PRELUDE:
                    return PRELUDE[name](value)
                return self.fits(self.rules[name], value)
        raise ValueError(f"CDDL: {type_!r}")

    def group_of(self, member: Member):
        """Return the alternatives of a member that is a group, or None."""
        type_ = member.type
        if member.key is None and type_[0] == "name" and type_[1] in self.rules:
            type_ = self.rules[type_[1]]
        return type_[1] if member.key is None and type_[0] == "group" else None

    def map_fits(self, members: list[Member], value: dict) -> bool:
        """Expand groups into flat lists of members, and ask whether one of them takes every entry exactly."""
        for position, member in enumerate(members):
            alternatives = self.group_of(member)
            if alternatives is not None:
                before, after = members[:position], members[position + 1 :]
                options = alternatives if member.least else [*alternatives, []]
                return any(self.map_fits([*before, *option, *after], value) for option in options)
        left = dict(value)
        for member in members:
            if member.key[0] == "value":
                name = member.key[1]
                if name in left:
                    if not self.fits(member.type, left.pop(name)):
                        return False
                elif member.least:
                    return False
        for member in members:
            if member.key[0] != "value":
                taken = [name for name in left if self.fits(member.key, name) and self.fits(member.type, left[name])]
                if len(taken) < member.least or (member.most is not None and len(taken) > member.most):
                    return False
                for name in taken:
                    del left[name]
        return not left

    def rest_fits(self, members: list[Member], values: list) -> bool:
        if not members:
            return not values
        member, others = members[0], members[1:]
        count = 0
        while count < len(values) and (member.most is None or count < member.most):
            if not self.fits(member.type, values[count]):
                break
            count += 1
        return any(self.rest_fits(others, values[taken:]) for taken in range(count, member.least - 1, -1))


def is_integer(value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


PRELUDE = {
    "any": lambda value: True,
    "int": is_integer,
    "uint": lambda value: is_integer(value) and value >= 0,
    "nint": lambda value: is_integer(value) and value < 0,
    "bstr": lambda value: isinstance(value, bytes),
    "bytes": lambda value: isinstance(value, bytes),
    "tstr": lambda value: isinstance(value, str),
    "text": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "true": lambda value: value is True,
    "false": lambda value: value is False,
    "null": lambda value: value is None,
}
