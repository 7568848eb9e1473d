"""What may be asked for, and what is listed: read in one way only."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.egress.rules import Rules, parse_rule
from runner.egress.target import Target, parse_authority, parse_host, parse_port, parse_uri


@pytest.mark.parametrize(
    ("text", "host", "is_address"),
    [
        ("pypi.org", "pypi.org", False),
        ("PyPI.ORG.", "pypi.org", False),
        ("localhost", "localhost", False),
        ("xn--bcher-kva.example", "xn--bcher-kva.example", False),
        ("10.0.0.5", "10.0.0.5", True),
        ("10.0.0.5.", "10.0.0.5", True),
        ("[::1]", "::1", True),
        ("[FD00:0:0::1]", "fd00::1", True),
        ("1e100.net", "1e100.net", False),
        ("3com", "3com", False),
    ],
)
def test_hosts_have_one_form(text: str, host: str, is_address: bool) -> None:
    assert parse_host(text) == (host, is_address)


@pytest.mark.parametrize(
    "text",
    [
        # What some programs take for 127.0.0.1.
        "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.0.0.01",
        "127.0.0.1.1", "127.0.0.0x1", "0", "0x", "١٢٧.0.0.1", "127。0。0。1", "1.2.3.4\u2024",
        # What a parser of addresses may take apart elsewhere.
        "", ".", "..", "a..b", ".a", "a..", "a@b", "user:pw@a", "a%2eb", "a%00b", "a b", "a\tb", "a\nb",
        "a\0b", "a/b", "a?b", "a#b", "a\\b", "a_b", "-a", "a-", "*", "*.a", "a,b", "a;b", "a'b",
        "bücher.example", "ⓔxample.com", "ex\u00adample.com", "a" * 64, ".".join(["a" * 60] * 5),
        "::1", "[::1", "::1]", "[::1]]", "[]", "[fe80::1%eth0]", "[fe80::1%25eth0]", "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]", "[127.0.0.1]", "[v1.a]", "[::1]a",
    ],
)  # fmt: skip
def test_what_could_be_read_in_two_ways_is_no_host(text: str) -> None:
    with pytest.raises(ValueError):
        parse_host(text)


@pytest.mark.parametrize("text", ["", "0", "00080", "080", "+80", "-1", " 80", "80 ", "8_0", "65536", "٨٠", "80a", "1e2", "0x50"])
def test_what_is_no_port(text: str) -> None:
    with pytest.raises(ValueError):
        parse_port(text)


def test_authorities() -> None:
    assert parse_authority("PyPI.org:443") == Target("pypi.org", 443, False)
    assert parse_authority("[::1]:8080") == Target("::1", 8080, True)
    assert str(parse_authority("[::1]:8080")) == "[::1]:8080"
    assert parse_authority("a", 80) == Target("a", 80, False)
    for text in ("a", "a:", "a:b", "a:80:80", "[::1]", "[::1]:", "[::1]80", ":80", "a:80@b:80", "u@a:80"):
        with pytest.raises(ValueError):
            parse_authority(text)


def test_addresses_in_full() -> None:
    assert parse_uri("http://a.example/x?y") == (Target("a.example", 80, False), "/x?y")
    assert parse_uri("HTTP://A.example:8080") == (Target("a.example", 8080, False), "/")
    assert parse_uri("http://a?b") == (Target("a", 80, False), "/?b")
    assert parse_uri("http://[::1]:81/") == (Target("::1", 81, True), "/")
    for uri in (
        "/x", "*", "https://a/", "ftp://a/", "http:/a/", "http:a", "http://", "http:///x",
        "http://a@b/", "http://a:80@b/", "http://a\\@b/", "http://a%40b/", "http://a#@b/", "http://a:/",
        "http://a/#x", "http://a/é", "gopher://a:80/", "http://127.1/", "http://a:80:80/",
    ):  # fmt: skip
        with pytest.raises(ValueError):
            parse_uri(uri)


@given(st.text(max_size=40))
def test_a_host_is_read_in_one_way_or_not_at_all(text: str) -> None:
    try:
        host, is_address = parse_host(text)
    except ValueError:
        return
    assert parse_host(f"[{host}]" if ":" in host else host) == (host, is_address)
    assert host.isascii()
    if is_address:
        assert str(ipaddress.ip_address(host)) == host
    else:
        assert set(host) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")
        with pytest.raises(ValueError):
            ipaddress.ip_address(host)


@given(st.integers(0, 2**32 - 1))
def test_only_the_usual_form_of_an_address_is_one(number: int) -> None:
    address = ipaddress.IPv4Address(number)
    assert parse_host(str(address)) == (str(address), True)
    a, b, c, d = address.packed
    for other in (str(number), hex(number), f"{a}.{b}.{c << 8 | d}", f"0{a}.{b}.{c}.{d}", f"{a}.{b}.{c}.{d:#x}"):
        with pytest.raises(ValueError):
            parse_host(other)


@pytest.mark.parametrize(
    ("rule", "yes", "no"),
    [
        (
            "pypi.org",
            ["pypi.org:443", "pypi.org:80", "PYPI.org.:443"],
            ["pypi.org:22", "www.pypi.org:443", "xpypi.org:443", "pypi.org.evil.com:443", "pypi.or:443"],
        ),
        (
            "*.pythonhosted.org",
            ["files.pythonhosted.org:443", "a.b.pythonhosted.org:80"],
            ["pythonhosted.org:443", "xpythonhosted.org:443", "files.pythonhosted.org:8443"],
        ),
        ("a.example:8443", ["a.example:8443"], ["a.example:443", "a.example:80"]),
        ("10.0.0.5:8080", ["10.0.0.5:8080"], ["10.0.0.5:80", "10.0.0.50:8080", "a10.0.0.5.com:8080"]),
        ("[fd00::1]", ["[fd00::1]:443", "[FD00:0::1]:80"], ["[fd00::2]:443", "[fd00::1]:8080"]),
    ],
)
def test_rules(rule: str, yes: list[str], no: list[str]) -> None:
    rules = Rules.of([rule])
    assert [text for text in yes if not rules.allows(parse_authority(text))] == []
    assert [text for text in no if rules.allows(parse_authority(text))] == []


def test_no_rule_allows_nothing() -> None:
    assert not Rules.of([]).allows(parse_authority("pypi.org:443"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("http://a", "must be a host such as"),
        ("a:65536", "a number from 1 to 65535"),
        ("a:", "the port is missing"),
        ("*", "must be a host such as"),
        ("*.", "must be a host such as"),
        ("a.*", "must be a host such as"),
        ("*.10.0.0.5", "nothing below an address"),
        ("*.[::1]", "nothing below an address"),
        ("127.1", "is no address such as 10.0.0.5"),
        ("2130706433:80", "is no address such as 10.0.0.5"),
        ("bücher.example", "xn--"),
        ("[fe80::1%eth0]", "zone"),
        ("10.0.0.5:2375", "container engines"),
        ("engine:2376", "container engines"),
    ],
)
def test_rules_that_are_none(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_rule(text)
