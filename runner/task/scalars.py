"""What a single value of the task file may be."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from runner.egress import parse_rule
from runner.measure.loaders import LoaderPolicy
from runner.measure.plan import MOST_PAIRS
from runner.measure.protected import check_glob
from runner.measure.reports import Format
from runner.model import Goal, Mode, SandboxKind, Source
from runner.planner.policy import POLICIES
from runner.task import quantity

DAY_S = 86400.0
MAX_PAIRS = MOST_PAIRS


def _command(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty; it must be a shell command")
    if "\0" in text:
        raise ValueError("holds a NUL character, which no shell command can")
    return text


def _path(text: str) -> str:
    if not text.strip() or "\0" in text:
        raise ValueError("is empty; it must be a path, relative to the task file")
    return text


def _argument(text: str) -> str:
    if "\0" in text:
        raise ValueError("holds a NUL character, which no argument can")
    return text


def _glob(text: str) -> str:
    if why := check_glob(text):
        raise ValueError(why)
    return text


def _policy(text: str) -> str:
    if text not in POLICIES:
        raise ValueError(f"must be one of: {', '.join(POLICIES)}")
    return text


def _goal(value: object) -> object:
    if not isinstance(value, str) or value not in set(Goal):
        raise ValueError('must be "min" or "max"')
    return Goal(value)


def _one_of(kind: type[StrEnum]) -> Callable[[object], object]:
    def check(value: object) -> object:
        if not isinstance(value, str) or value not in set(kind):
            raise ValueError(f"must be one of: {', '.join(kind)}")
        return kind(value)

    return check


def _inner_path(text: str) -> str:
    parts = text.split("/")
    if not text or "\0" in text or "\\" in text or {"", ".", "..", ".git"} & set(parts):
        raise ValueError("must be the path of a file below the workspace, such as .oppie/junit.xml")
    return text


def _network(value: object) -> object:
    if value not in ("none", "allow"):
        raise ValueError('must be "none" or "allow" (then `hosts` says what may be reached)')
    return value


def _host(text: str) -> str:
    parse_rule(text)
    return text.lower()


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be an address such as https://api.example.com or http://127.0.0.1:8000")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must hold no password; `key` names the variable that has the key")
    return text.rstrip("/")


def _wish(text: str) -> str:
    quantity.wish(text)
    return text


Command = Annotated[str, AfterValidator(_command)]
FilePath = Annotated[str, AfterValidator(_path)]
Glob = Annotated[str, AfterValidator(_glob)]
Name = Annotated[str, AfterValidator(quantity.name)]
ActionKey = Annotated[str, AfterValidator(quantity.action_key)]
MetricName = Annotated[str, AfterValidator(quantity.metric_name)]
Unit = Annotated[str, AfterValidator(quantity.unit)]
Duration = Annotated[float, BeforeValidator(quantity.duration_s), Field(le=30 * DAY_S)]
Number = Annotated[float, Field(allow_inf_nan=False)]
ImageName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:@-]{0,254}$")]
Argv = Annotated[list[Annotated[str, AfterValidator(_argument)]], Field(min_length=1)]
Size = Annotated[int, BeforeValidator(quantity.size_bytes), Field(le=1 << 60)]
GoalName = Annotated[Goal, BeforeValidator(_goal)]
PolicyName = Annotated[str, AfterValidator(_policy)]
SourceName = Annotated[Source, BeforeValidator(_one_of(Source))]
ReportFormat = Annotated[Format, BeforeValidator(_one_of(Format))]
LoaderPolicyName = Annotated[LoaderPolicy, BeforeValidator(_one_of(LoaderPolicy))]
KindName = Annotated[SandboxKind, BeforeValidator(_one_of(SandboxKind))]
ModeName = Annotated[Mode, BeforeValidator(_one_of(Mode))]
ModelName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}$")]
ModelGlob = Annotated[str, Field(pattern=r"^[A-Za-z0-9*?][A-Za-z0-9._:/@+*?-]{0,127}$")]
Url = Annotated[str, AfterValidator(_url)]
InnerPath = Annotated[str, AfterValidator(_inner_path)]
NetworkName = Annotated[str, BeforeValidator(_network)]
Host = Annotated[str, AfterValidator(_host)]
RuntimeName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
VariableName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
Wish = Annotated[str, AfterValidator(_wish)]
Pairs = Annotated[int, Field(ge=1, le=MAX_PAIRS)]
