"""The two encoders, libipld's and the one that decides where it cannot be trusted, agree on every value."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pourparler.core.encoding import TAG_OF_IDENTIFIERS, decode, encode, items
from pourparler.core.errors import Malformed

IDENTIFIER = bytes.fromhex("01551220") + bytes(range(32))  # reads like a content identifier: libipld writes a tag
KEYS = st.text("abcdefghijkl-é", min_size=1, max_size=30)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text("abc é\n", max_size=40)
    | st.binary(max_size=40)
    | st.just(IDENTIFIER)
    | st.binary(max_size=8).map(lambda rest: TAG_OF_IDENTIFIERS + rest)
)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=5))


@settings(max_examples=200, deadline=None)
@given(VALUES)
@example(IDENTIFIER)
@example({"a": [IDENTIFIER, TAG_OF_IDENTIFIERS]})
@example({"bb": 1, "a": 2, "é": 3, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": 4})
def test_both_encoders_agree_and_what_is_encoded_is_read_back(value):
    encoded = encode(value)
    assert encoded == b"".join(items(value))
    assert decode(encoded) == value


def test_a_tag_is_refused_though_libipld_reads_and_writes_it():
    link = b"\xd8\x2a" + encode(IDENTIFIER)
    for data in (link, b"\x81" + link, encode([TAG_OF_IDENTIFIERS])[:1] + link):
        with pytest.raises(Malformed, match=r"cbor\.malformed"):
            decode(data)
