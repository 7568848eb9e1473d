import pytest
from calc import add


def test_adds():
    assert add(2, 3) == 5


@pytest.mark.parametrize("word", ["plain", '<"é"> & more'])
def test_says(word):
    assert word


@pytest.mark.skip(reason="not written yet")
def test_divides():
    raise AssertionError
