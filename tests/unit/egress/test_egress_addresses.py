"""Where a listed name may lead: the public network, or what is listed as an address."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.egress.addresses import Barred, is_public, open_addresses
from runner.egress.rules import Rules
from runner.egress.target import parse_authority

NEVER: frozenset[tuple[str, int]] = frozenset()


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255",
        "192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1",
        "239.255.255.250", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0",
        "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2002:a9fe:a9fe::1",
        "2001::1", "2001:db8::1", "100::1", "",
    ],
)  # fmt: skip
def test_what_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "151.101.0.223", "2606:4700::1111", "64:ff9b::101:101", "::ffff:1.1.1.1"])
def test_what_is_public(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_no_way_of_writing_a_closed_address_opens_it(address: ipaddress.IPv4Address) -> None:
    inside = int(address)
    if not is_public(str(address)):
        assert not is_public(f"::ffff:{address}")
        assert not is_public(str(ipaddress.IPv6Address((0x64FF9B << 96) | inside)))
        assert not is_public(str(ipaddress.IPv6Address((0x2002 << 112) | (inside << 80))))


def resolved(*addresses: str, hosts: tuple[str, ...] = ("a.example",), port: int = 80) -> tuple[str, ...]:
    target = parse_authority(f"a.example:{port}")
    return open_addresses(target, Rules.of(hosts), NEVER, lambda *_: addresses)


def test_a_name_leads_to_public_addresses_only() -> None:
    assert resolved("10.0.0.5", "1.1.1.1", "::1", "2606:4700::1111") == ("1.1.1.1", "2606:4700::1111")
    with pytest.raises(Barred, match=r"a\.example:80 leads to 169\.254\.169\.254, which is no public"):
        resolved("169.254.169.254")
    with pytest.raises(Barred, match="nowhere"):
        resolved()


def test_a_name_leads_to_what_is_listed_as_an_address() -> None:
    hosts = ("a.example", "10.0.0.5")
    assert resolved("10.0.0.5", "10.0.0.6", hosts=hosts) == ("10.0.0.5",)
    with pytest.raises(Barred):
        resolved("10.0.0.5", hosts=("a.example:8080", "10.0.0.5:80"), port=8080)


def test_a_listed_address_is_reached_without_asking_anybody() -> None:
    def nobody(*question: object) -> tuple[str, ...]:
        raise AssertionError(f"asked for {question}")

    target = parse_authority("127.0.0.1:8080")
    assert open_addresses(target, Rules.of(["127.0.0.1:8080"]), NEVER, nobody) == ("127.0.0.1",)


def test_the_engine_is_reached_by_nobody() -> None:
    target, rules = parse_authority("127.0.0.1:9999"), Rules.of(["127.0.0.1:9999"])
    never = frozenset([("127.0.0.1", 9999)])
    with pytest.raises(Barred, match="nowhere"):
        open_addresses(target, rules, never, lambda *_: ())
