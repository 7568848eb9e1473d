"""What a task allows to be reached: `[sandbox] hosts`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from runner.egress.target import Target, parse_host, parse_port, split_port

WEB_PORTS = frozenset((80, 443))
# Docker's own two. Whoever reaches an engine is root on its machine.
ENGINE_PORTS = frozenset((2375, 2376))
FORM = "must be a host such as pypi.org, *.pythonhosted.org, 10.0.0.5 or [fd00::1], with a :port or without"


@dataclass(frozen=True, slots=True)
class Rule:
    """One listed host. A rule ``below`` a name allows all that end in it, and not the name itself."""

    host: str
    ports: frozenset[int]
    is_address: bool = False
    below: bool = False

    def allows(self, target: Target) -> bool:
        """Whether this rule allows a target by what it is called."""
        if target.port not in self.ports or target.is_address != self.is_address:
            return False
        return target.host.endswith(f".{self.host}") if self.below else target.host == self.host


def parse_rule(text: str) -> Rule:
    """Read one element of `[sandbox] hosts`. Raises ``ValueError``, which says what is allowed."""
    below = text.startswith("*.")
    try:
        host, port = split_port(text.removeprefix("*."))
        found, is_address = parse_host(host)
        ports = frozenset((parse_port(port),)) if port else WEB_PORTS
    except ValueError as error:
        raise ValueError(f"{FORM} ({error})") from error
    if below and is_address:
        raise ValueError(f"{FORM} (there is nothing below an address)")
    if ports & ENGINE_PORTS:
        raise ValueError("is a port of container engines, which no sandbox may reach")
    return Rule(found, ports, is_address, below)


@dataclass(frozen=True, slots=True)
class Rules:
    """All that may be reached."""

    rules: tuple[Rule, ...] = ()

    @classmethod
    def of(cls, hosts: Iterable[str]) -> Rules:
        """Read `[sandbox] hosts`. Raises ``ValueError``."""
        return cls(tuple(map(parse_rule, hosts)))

    def allows(self, target: Target) -> bool:
        """Whether some rule allows a target by what it is called."""
        return any(rule.allows(target) for rule in self.rules)

    def lists(self, address: str, port: int) -> bool:
        """Whether this very address is listed, as an address."""
        return self.allows(Target(address, port, True))
