"""Fixtures that several test files share."""

import pytest

from tests.nodes import Party, SetClock


@pytest.fixture
def party():
    return Party()


@pytest.fixture
def clock():
    return SetClock()
