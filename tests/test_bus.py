"""The bus, as far as no server is needed: what is checked at the start. Real servers: ``./run campaign bus``."""

import pytest

from pourparler.dispatch.bus import BusTrouble, act_subject, check_server, version_of, writes_through


def refused(version: str, **how: object) -> str:
    with pytest.raises(BusTrouble) as caught:
        check_server(version, only_copy=True, **how)  # type: ignore[arg-type]
    return caught.value.reason


def test_a_server_that_would_be_the_only_copy_is_new_and_writes_through() -> None:
    assert check_server("2.12.3", only_copy=True, syncs=True) == ""
    assert check_server("<nats server v2.15.2>", only_copy=True, syncs=True) == ""
    assert refused("2.12.2", syncs=True) == "bus.version"
    assert refused("2.9.10", syncs=True) == "bus.version"
    assert refused("no version", syncs=True) == "bus.version"
    assert refused("2.12.3", syncs=False) == "bus.sync"
    assert refused("2.12.3", syncs=None) == "bus.sync-unknown"


def test_beside_other_copies_an_old_server_is_used_and_the_user_told() -> None:
    assert check_server("2.15.2", only_copy=False, syncs=None) == ""
    assert "2.9.10" in check_server("v2.9.10", only_copy=False, syncs=None)


def test_an_address_that_says_nothing_is_told() -> None:
    for address in ("file:///etc/hosts", "http://127.0.0.1:9"):
        with pytest.raises(BusTrouble) as caught:
            writes_through(address, seconds=0.5)
        assert caught.value.reason == "bus.sync-unknown"
        assert caught.value.do


def test_a_subject_names_the_party_and_nothing_else() -> None:
    assert act_subject(bytes(31) + b"*") == f"pourparler.v1.{'00' * 31}2a.act"
    assert version_of("2.10.0-RC.1") == (2, 10, 0)
