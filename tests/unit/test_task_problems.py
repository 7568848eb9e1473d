"""What is wrong with a task file: each message names the key, the value, and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.errors import ExitCode, TaskError
from runner.task import load_task

GOOD = """
name = "t"
protected = ["bench.py"]
[[actions]]
name = "a"
command = "true"
[benchmark]
command = "b"
metrics = [{name = "m"}]
"""
UPSTREAM = 'name = "u"\nurl = "http://127.0.0.1:1"\nmodels = ["m"]'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bench.py").touch()
    (tmp_path / "tests/unit").mkdir(parents=True)
    (tmp_path / "tests/unit/test_a.py").touch()
    (tmp_path / "catalogue").mkdir()
    (tmp_path / "catalogue/a.sh").write_text("true\n")
    (tmp_path / "catalogue/b.patch").write_text("--- a/x\n")
    return tmp_path


def problems(folder: Path, text: str | bytes) -> list[str]:
    """The lines of the message, without the file's name."""
    path = folder / "oppie.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(TaskError) as caught:
        load_task(path)
    assert caught.value.exit_code is ExitCode.USAGE
    message = str(caught.value)
    assert message.startswith(f"{path}")
    first, *lines = message.removeprefix(f"{path}").removeprefix(": ").split("\n  ")
    return lines or [first]


def test_the_good_file_is_good(folder: Path) -> None:
    (folder / "oppie.toml").write_text(GOOD)
    load_task(folder)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        # unknown keys
        ('name = "t"', 'name = "t"\nnam = "t"', 'nam: there is no such key. Did you mean name? Allowed: name, target,'),
        ("[benchmark]", "[benchmark]\npair = 6", "benchmark.pair: there is no such key. Did you mean pairs?"),
        ('{name = "m"}', '{name = "m", gaol = "min"}', "benchmark.metrics[1].gaol: there is no such key. Did you mean goal? Allowed: name, unit, goal"),
        ('command = "true"', 'command = "true"\ntimeout = 5', "actions[1].timeout: there is no such key."),
        ("[benchmark]", "[search.threshold]\n[benchmark]", "search.threshold: there is no such key. Did you mean thresholds?"),
        ("[benchmark]", "[search.thresholds]\nrejected = 1\n[benchmark]", "search.thresholds.rejected: there is no such key."),
        ("[benchmark]", "[xyz]\n[benchmark]", "xyz: there is no such key. Allowed: name"),
        # wrong types
        ('name = "t"', "name = 5", 'name = 5: must be text, in quotes: "…"'),
        ('["bench.py"]', '"bench.py"', 'protected = "bench.py": must be a list: […]'),
        ('["bench.py"]', '["bench.py", 3]', "protected[2] = 3: must be text"),
        ("[benchmark]", '[benchmark]\npairs = "six"', 'benchmark.pairs = "six": must be a whole number'),
        ("[benchmark]", "[benchmark]\npairs = 6.0", "benchmark.pairs = 6.0: must be a whole number"),
        ("[benchmark]", "[benchmark]\npairs = true", "benchmark.pairs = true: must be a whole number"),
        ("[benchmark]", '[sandbox]\nread_only = "no"\n[benchmark]', 'sandbox.read_only = "no": must be true or false'),
        ("[benchmark]", '[sandbox]\nnetwork = "bridge"\n[benchmark]', 'sandbox.network = "bridge": must be "none" or "allow"'),
        ("[benchmark]", '[sandbox]\nnetwork = "allow"\n[benchmark]', "sandbox.hosts: is missing"),
        ("[benchmark]", '[sandbox]\nhosts = ["a.example"]\n[benchmark]', "sandbox.hosts: has no effect without"),
        ("[benchmark]", '[sandbox]\nnetwork = "allow"\nhosts = ["http://a"]\n[benchmark]', 'sandbox.hosts[1] = "http://a": must be a host such as'),
        ("[benchmark]", '[sandbox]\nnetwork = "allow"\nhosts = ["a:65536"]\n[benchmark]', 'sandbox.hosts[1] = "a:65536": must be a host such as'),
        ("[benchmark]", '[sandbox]\nsecrets = ["A=B"]\n[benchmark]', "sandbox.secrets[1]"),
        ("[benchmark]", '[[sandbox.mounts]]\nhost = "nowhere"\nat = "/data"\n[benchmark]', "sandbox.mounts[1].host"),
        ("[benchmark]", '[[sandbox.mounts]]\nhost = "/"\nat = "/data"\n[benchmark]', 'sandbox.mounts[1].host = "/": holds, or is part of, /proc'),
        ("[benchmark]", '[[sandbox.mounts]]\nhost = "/var/run"\nat = "/data"\n[benchmark]', "which no container may see"),
        ("[benchmark]", '[[sandbox.mounts]]\nhost = "/dev/null"\nat = "/data"\n[benchmark]', 'host = "/dev/null": holds, or is part of, /dev'),
        ("[benchmark]", '[[sandbox.mounts]]\nhost = "."\nat = "data"\n[benchmark]', 'sandbox.mounts[1].at = "data": must be an absolute path'),
        ("[benchmark]", '[[sandbox.mounts]]\nhost = "."\nat = "/workspace/x"\n[benchmark]', 'at = "/workspace/x": must be outside of'),
        ("[benchmark]", '[[sandbox.mounts]]\nhost = "."\nat = "/a/../tmp"\n[benchmark]', 'at = "/a/../tmp": must be an absolute path'),
        ("[benchmark]", '[[sandbox.mounts]]\nhost = "."\nat = "/d"\n[[sandbox.mounts]]\nhost = "."\nat = "/d"\n[benchmark]', 'sandbox.mounts[2].at = "/d": is taken already'),
        ("[benchmark]", '[sandbox]\nruntime = "/bin/sh"\n[benchmark]', "sandbox.runtime"),
        ("[benchmark]", '[limits]\ncpus = "2"\n[benchmark]', 'limits.cpus = "2": must be a number'),
        ("[benchmark]", "[limits]\ncpus = inf\n[benchmark]", "limits.cpus = inf: must be"),
        ("[benchmark]", "[search]\nc = nan\n[benchmark]", "search.c = nan: must be"),
        ("[[actions]]", "[actions]", "actions: must be a list"),
        ("[benchmark]", "[[benchmark]]", "benchmark = "),
        ("[benchmark]", '[hooks]\npre_execution = "./x"\n[benchmark]', 'hooks.pre_execution = "./x": must be a list'),
        ("[benchmark]", "[benchmark]\nobjective = 2020-01-01", "benchmark.objective = 2020-01-01: must be text"),
        # agents, and the models they use
        ('command = "true"', 'agent = "clod"', 'actions[1].agent = "clod": '),
        ('name = "a"\ncommand = "true"', 'agent = "claude"\ncommand = "true"', 'actions[1].command: is for agent = "command" alone'),
        ('name = "a"\ncommand = "true"', 'agent = "command"', 'actions[1].command: is missing; agent = "command" needs it'),
        ('name = "a"\ncommand = "true"', 'agent = "scripted"', "actions[1].recording: is missing"),
        ('name = "a"\ncommand = "true"', 'agent = "chat"', "actions[1].model: is missing"),
        ('name = "a"\ncommand = "true"', 'agent = "claude"\ncatalogue = "c"', "actions[1]: has a catalogue, and so can't have: agent"),
        ('command = "true"', 'command = "true"\nturns = 3', "actions[1]: has no agent, and so can't have: turns"),
        ('name = "a"\ncommand = "true"', 'agent = "claude"\n[sandbox]\nkind = "worktree"', 'sandbox.kind = "worktree": shuts nothing in'),
        ("[benchmark]", '[sandbox]\nkind = "vm"\n[benchmark]', 'sandbox.kind = "vm": must be one of: container, worktree, tempdir'),
        ("[benchmark]", '[image]\nagents = ["clod"]\n[benchmark]', "image.agents: there is no agent 'clod'"),
        ("[benchmark]", '[search]\nmode = "tree"\n[benchmark]', 'search.mode = "tree": must be one of: auto, single, mcts'),
        ("[benchmark]", f'[[gateway.upstreams]]\n{UPSTREAM}\ndialect = "french"\n[benchmark]', 'gateway.upstreams[1].dialect = "french": must be one of'),
        ("[benchmark]", f'[[gateway.upstreams]]\n{UPSTREAM}\ndialect = "openai"\n[[gateway.upstreams]]\n{UPSTREAM}\ndialect = "openai"\n[benchmark]', 'gateway.upstreams: "u" is there twice'),
        ("[benchmark]", '[[gateway.upstreams]]\nname = "u"\nurl = "http://me:pw@a"\nmodels = ["m"]\ndialect = "openai"\n[benchmark]', "must hold no password"),
        ("[benchmark]", '[prompts]\nfolder = "nowhere"\n[benchmark]', "prompts.folder: "),
        ("[benchmark]", '[review]\nagent = "clod"\n[benchmark]', 'review.agent = "clod": '),
        # values that are not allowed
        ("[benchmark]", "[benchmark]\npairs = 0", "benchmark.pairs = 0: must be greater than or equal to 1"),
        ("[benchmark]", "[benchmark]\npairs = 1001", "benchmark.pairs = 1001: must be less than or equal to 1000"),
        ('name = "t"', 'name = "a/b"', 'name = "a/b": must be 1 to 64 of A-Z'),
        ('name = "t"', 'name = ""', 'name = "": must be 1 to 64 of A-Z'),
        ('name = "t"', 'name = "a\\nb\\u001b"', 'name = "a\\nb\\x1b": must be 1 to 64 of'),
        ('name = "t"', 'name = "é"', "must be 1 to 64 of"),
        ('name = "a"', 'name = "-a"', 'actions[1].name = "-a": must be 1 to 64 of A-Z a-z 0-9 . _ = + -'),
        ('{name = "m"}', '{name = "m n"}', 'benchmark.metrics[1].name = "m n": must be 1 to 128 of'),
        ('{name = "m"}', '{name = "unit"}', 'benchmark.metrics[1].name = "unit": is taken'),
        ('{name = "m"}', '{name = "m", unit = "a b"}', "must be at most 32 of"),
        ('{name = "m"}', '{name = "m", goal = "less"}', 'benchmark.metrics[1].goal = "less": must be "min" or "max"'),
        ('{name = "m"}', '{name = "m", goal = ["min"]}', 'must be "min" or "max"'),
        ("[benchmark]", '[search]\npolicy = "uct"\n[benchmark]', 'search.policy = "uct": must be one of: frontier, ucb1, greedy, beam, random'),
        ("[benchmark]", '[limits]\nmemory = "512"\n[benchmark]', 'limits.memory = "512": must be a size such as "512MiB"'),
        ("[benchmark]", '[limits]\nmemory = "1MiB"\n[benchmark]', 'limits.memory = "1MiB": must be greater than or equal to 6291456'),
        ("[benchmark]", '[limits]\ntime = "10 min"\n[benchmark]', 'limits.time = "10 min": must be a duration such as'),
        ("[benchmark]", "[limits]\ntime = 0\n[benchmark]", "limits.time = 0: must be longer than 0"),
        ("[benchmark]", '[budget]\ntarget = ["m = 5"]\n[benchmark]', 'budget.target[1] = "m = 5": must be a metric, one of < <= > >=, and a number'),
        ("[benchmark]", "[search.thresholds]\nrejected_below = 0.1\n[benchmark]", "search.thresholds.rejected_below = 0.1: must be less than or equal to 0"),
        ("[benchmark]", '[image]\nname = "-x"\n[benchmark]', 'image.name = "-x": must be the name of an image'),
        ('["bench.py"]', '["/bench.py"]', 'protected[1] = "/bench.py": must be relative to the target'),
        ('["bench.py"]', '["[a"]', 'protected[1] = "[a": has a `[` without its `]`'),
        # empty commands
        ('command = "true"', 'command = " \\n"', 'actions[1].command = " \\n": is empty; it must be a shell command'),
        ('command = "b"', 'command = ""', 'benchmark.command = "": is empty'),
        ('name = "t"', 'name = "t"\nsetup = ["make", ""]', 'setup[2] = "": is empty'),
        ("[benchmark]", '[[checks]]\nname = "c"\ncommand = "\\t"\n[benchmark]', 'checks[1].command = "\\t": is empty'),
        ('command = "true"', 'command = "a\\u0000"', "holds a NUL character"),
        ("[benchmark]", "[hooks]\nbacktrack = []\n[benchmark]", "hooks.backtrack = []: must not be empty"),
        # what is missing
        ('name = "t"', "", "name: is missing"),
        ('command = "b"', "", "benchmark.command: is missing"),
        ('metrics = [{name = "m"}]', "", "benchmark.metrics: is missing; at least one metric"),
        ('{name = "m"}', "", "benchmark.metrics = []: must not be empty; at least one metric"),
        ('name = "a"', "", "actions[1]: must have a catalogue, an agent, or a name and a command"),
        ('name = "a"', 'name = "a"\ncatalogue = "catalogue"', "actions[1]: has a catalogue, and so can't have: command, name"),
        ("[benchmark]", '[image]\nagent = true\nname = "x"\n[benchmark]', "image: must have exactly one of: agent = true, agents, name, dockerfile"),
        ("[benchmark]", "[image]\nagent = false\n[benchmark]", "image: must have exactly one of"),
        # what judges, and who judges the judge
        ("[benchmark]", '[[checks]]\nname = "c"\ncommand = "x"\nformat = "tap"\n[benchmark]', 'checks[1].format = "tap": says how a file of results is to be read; name the file: results'),
        ("[benchmark]", '[[checks]]\nname = "c"\ncommand = "x"\nresults = "r"\nformat = "xml"\n[benchmark]', 'checks[1].format = "xml": must be one of: junit, tap, go-json, jest-json'),
        ("[benchmark]", '[[checks]]\nname = "c"\ncommand = "x"\nresults = "r"\nformat = ["tap"]\n[benchmark]', "checks[1].format = ['tap']: must be one of: junit, tap"),
        *(
            ("[benchmark]", f'[[checks]]\nname = "c"\ncommand = "x"\nresults = "{path}"\n[benchmark]', f'checks[1].results = "{path}": must be the path of a file below the workspace, such as .oppie/junit.xml')
            for path in ("", "/junit.xml", "../junit.xml", "a/../../b", "./r", "a//b", "a/", ".git/config", "a/.git/x")
        ),
        ("[benchmark]", '[[checks]]\nname = "c"\ncommand = "x"\nresults = "a\\\\b"\n[benchmark]', "must be the path of a file below the workspace"),
        ("[benchmark]", '[[checks]]\nname = "c"\ncommand = "x"\nresults = "a\\u0000b"\n[benchmark]', "must be the path of a file below the workspace"),
        ('{name = "m"}', '{name = "m", source = "wall"}', 'benchmark.metrics[1].source = "wall": must be one of: output, clock'),
        ('{name = "m"}', '{name = "m", source = "clock", unit = "ms"}', 'benchmark.metrics: "m" has source = "clock": it is a number of seconds, the fewer the better; its unit is "s", its goal "min"'),
        ('{name = "m"}', '{name = "m", source = "clock", goal = "max"}', 'its unit is "s", its goal "min"'),
        ("[benchmark]", "[trials]\ncheck_runs = 0\n[benchmark]", "trials.check_runs = 0: must be greater than or equal to 1"),
        ("[benchmark]", "[trials]\ncheck_runs = 101\n[benchmark]", "trials.check_runs = 101: must be less than or equal to 100"),
        ("[benchmark]", "[trials]\npairs = 4\n[benchmark]", "trials.pairs = 4: must be greater than or equal to 5"),
        ("[benchmark]", "[trials]\npairs = 1001\n[benchmark]", "trials.pairs = 1001: must be less than or equal to 1000"),
        ("[benchmark]", "[trials]\nruns = 3\n[benchmark]", "trials.runs: there is no such key. Allowed: check_runs, pairs"),
        ("[benchmark]", '[loaders]\npolicy = "reject"\n[benchmark]', 'loaders.policy = "reject": must be one of: tampered, note, allow'),
        ("[benchmark]", '[loaders]\nallow = ["/etc/x"]\n[benchmark]', 'loaders.allow[1] = "/etc/x": must be relative to the target'),
        ("[benchmark]", '[loaders]\nallow = "conftest.py"\n[benchmark]', 'loaders.allow = "conftest.py": must be a list'),
        ("[benchmark]", '[sealed]\nfiles = "no"\n[benchmark]', 'sealed.files = "no": {folder}/no is no directory'),
        ("[benchmark]", '[sealed]\nfiles = "bench.py"\n[benchmark]', 'sealed.files = "bench.py": {folder}/bench.py is no directory'),
        ("[benchmark]", '[sealed]\nfiles = "."\n[benchmark]', 'sealed.files = ".": holds the target itself, which all can see; it must be a folder of its own'),
        ("[benchmark]", '[sealed]\nfiles = ".."\n[benchmark]', 'sealed.files = "..": holds the target itself'),
        ("[benchmark]", '[sealed]\nbenchmark = " "\n[benchmark]', 'sealed.benchmark = " ": is empty; it must be a shell command'),
        ("[benchmark]", '[[sealed.checks]]\nname = "c"\n[benchmark]', "sealed.checks[1].command: is missing"),
        ("[benchmark]", '[[sealed.checks]]\nname = "c"\ncommand = "x"\nformat = "trx"\n[benchmark]', 'sealed.checks[1].format = "trx": says how a file of results is to be read'),
        ("[benchmark]", '[[sealed.checks]]\nname = "c"\ncommand = "x"\n[[sealed.checks]]\nname = "c"\ncommand = "y"\n[benchmark]', 'sealed.checks: "c" is there 2 times; names must differ'),
        ("[benchmark]", '[[checks]]\nname = "c"\ncommand = "x"\n[[sealed.checks]]\nname = "c"\ncommand = "y"\n[benchmark]', 'sealed.checks: "c" is the name of one of checks; names must differ'),
        ("[benchmark]", '[tests_first]\ncommand = "x {files}"\n[benchmark]', "tests_first.tests: is missing"),
        ("[benchmark]", '[tests_first]\ntests = ["t"]\n[benchmark]', "tests_first.command: is missing"),
        ("[benchmark]", '[tests_first]\ntests = []\ncommand = "x"\n[benchmark]', "tests_first.tests = []: must not be empty"),
        ("[benchmark]", '[tests_first]\ntests = ["[a"]\ncommand = "x"\n[benchmark]', 'tests_first.tests[1] = "[a": has a `[` without its `]`'),
        ("[benchmark]", '[tests_first]\ntests = ["t"]\ncommand = "x"\ntimeout_s = 0\n[benchmark]', "tests_first.timeout_s = 0: must be longer than 0"),
        ("[benchmark]", "[search.thresholds]\nmin_gain = -0.1\n[benchmark]", "search.thresholds.min_gain = -0.1: must be greater than or equal to 0"),
        ("[benchmark]", '[search.thresholds]\nmin_gain = "5 %"\n[benchmark]', 'search.thresholds.min_gain = "5 %": must be a number'),
        ("[benchmark]", '[budget]\ncontainer_time = "1 h"\n[benchmark]', 'budget.container_time = "1 h": must be a duration such as'),
        ("[benchmark]", "[search]\nverify_pairs = 0\n[benchmark]", "search.verify_pairs = 0: must be greater than or equal to 1"),
        # what doesn't go together
        ("[benchmark]", '[benchmark]\nobjective = "n"', 'benchmark.objective = "n": must be one of: m'),
        ('{name = "m"}', '{name = "m"}, {name = "n"}', "benchmark.objective: is missing; it must be one of: m, n"),
        ('[{name = "m"}]', '[{name = "m"}, {name = "m"}]\nobjective = "m"', 'benchmark.metrics: "m" is there 2 times; names must differ'),
        ("[benchmark]", '[budget]\ntarget = ["n < 5"]\n[benchmark]', 'budget.target = "n < 5": no such metric; declared: m'),
        ("[benchmark]", '[[actions]]\ncatalogue = "catalogue"\n[benchmark]', 'actions: "a" is there 2 times; names must differ'),
        ("[benchmark]", '[[checks]]\nname = "c"\ncommand = "x"\n[[checks]]\nname = "c"\ncommand = "y"\n[benchmark]', 'checks: "c" is there 2 times'),
        # what isn't there
        ('name = "t"', 'name = "t"\ntarget = "nowhere"', 'target = "nowhere": {folder}/nowhere is no directory'),
        ('name = "t"', 'name = "t"\ntarget = "bench.py"', 'target = "bench.py": {folder}/bench.py is no directory'),
        ('["bench.py"]', '["bench.py", "test_*.py"]', 'protected = "test_*.py": matches no file in {folder}'),
        ('["bench.py"]', '["tests"]', 'protected = "tests": matches no file in {folder}; for all that is in the folder: "tests/**"'),
        ('name = "t"', 'name = "t"\nexclude = ["*.py"]', "matches no file in {folder}; all files that it would match are excluded"),
        ("[benchmark]", '[[actions]]\ncatalogue = "no"\n[benchmark]', 'actions[2].catalogue = "no": {folder}/no: can\'t be read as a catalogue'),
        ("[benchmark]", '[[actions]]\ncatalogue = "tests"\n[benchmark]', "{folder}/tests: the catalogue holds no *.patch and no *.sh"),
        ("[benchmark]", '[image]\ndockerfile = "D"\n[benchmark]', 'image.dockerfile = "D": {folder}/D is no file'),
        ("[benchmark]", '[hooks]\nbacktrack = ["./bench.py"]\n[benchmark]', 'hooks.backtrack = "./bench.py": {folder}/bench.py is no executable file'),
        ("[benchmark]", '[hooks]\nbacktrack = ["./x y"]\n[benchmark]', "a hook is a program and its arguments, each as text of its own"),
    ],
)  # fmt: skip
def test_one_problem(folder: Path, old: str, new: str, problem: str) -> None:
    assert old in GOOD
    found = problems(folder, GOOD.replace(old, new, 1))
    assert len(found) == 1, found
    assert problem.replace("{folder}", str(folder)) in found[0]


def test_all_problems_of_the_shape_are_told_at_once(folder: Path) -> None:
    text = GOOD.replace('"t"', "1").replace('"true"', '""') + "pair = 1\n[limits]\ncpus = 0\n"
    assert [line.split(":")[0] for line in problems(folder, text)] == [
        "name = 1",
        'actions[1].command = ""',
        "benchmark.pair",
        "limits.cpus = 0",
    ]


def test_all_problems_of_the_world_are_told_at_once(folder: Path) -> None:
    text = GOOD.replace("bench.py", "x.py") + (
        '[[actions]]\ncatalogue="no"\n[[actions]]\ncatalogue="nor"\n[budget]\ntarget=["z > 1"]\n'
    )
    assert len(problems(folder, text)) == 4


def test_toml_that_is_none_is_told_with_its_line(folder: Path) -> None:
    assert "is not valid TOML: " in problems(folder, GOOD + "x = = 1")[0]
    assert "line 10" in problems(folder, GOOD + "x = = 1")[0]
    assert "line 3" in problems(folder, 'name = "a"\n\nname = "b"\n')[0]


def test_a_file_that_is_not_utf8_is_told_with_its_line(folder: Path) -> None:
    assert problems(folder, b'name = "t"\n# \xff\n') == [":2: is not UTF-8, as TOML must be"]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"oppie\.toml: there is no such task file"):
        load_task(tmp_path)
    with pytest.raises(TaskError, match=r"x\.toml: there is no such task file"):
        load_task(tmp_path / "x.toml")


def test_a_file_that_is_too_long_or_no_file(folder: Path) -> None:
    assert "more than a task file may have" in problems(folder, b"#" * (1 << 20) + b"\n")[0]
    with pytest.raises(TaskError, match="can't be read"):
        load_task(folder / "bench.py/oppie.toml")


def test_a_value_as_deep_as_the_stack_is_told(folder: Path) -> None:
    assert "is not valid TOML" in problems(folder, "x = " + "[" * 5000 + "]" * 5000)[0]


def test_a_long_value_is_shortened(folder: Path) -> None:
    (line,) = problems(folder, GOOD.replace('"t"', '"' + "ü" * 5000 + '"'))
    assert len(line) < 250


TOML_VALUES = st.one_of(
    st.booleans().map(lambda value: str(value).lower()),
    st.integers(-(10**20), 10**20).map(str),
    st.sampled_from(["nan", "inf", "-inf", "1e400", "2020-01-01", "{}", "[]", "[[]]", "{a = 1}"]),
    st.text(alphabet="ab -./\\\\n*[", max_size=6).map(
        lambda text: '"' + text.replace("\\", "") + '"'
    ),
)
SECTION_KEYS = [
    *("image", "actions", "checks", "benchmark", "limits", "search", "budget", "hooks"),
    *("trials", "loaders", "sealed", "tests_first"),
]
DEEP_KEYS = [
    "limits.memory",
    "limits.time",
    "search.thresholds",
    "budget.target",
    "benchmark.metrics",
    "sealed.checks",
    "loaders.allow",
]
TOP_KEYS = ["name", "target", "exclude", "setup", "setup_timeout_s", "protected", "odd"]
KEYS = st.sampled_from([*TOP_KEYS, *SECTION_KEYS, *DEEP_KEYS])


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(KEYS, TOML_VALUES, min_size=1, max_size=6))
def test_whatever_is_written_gives_a_task_or_a_task_error(
    folder: Path, values: dict[str, str]
) -> None:
    path = folder / "oppie.toml"
    path.write_text("".join(f"{key} = {value}\n" for key, value in values.items()))
    with pytest.raises(TaskError):  # never enough keys for a task, and never another error
        load_task(path)
