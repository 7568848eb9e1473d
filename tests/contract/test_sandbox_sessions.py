"""What ``protocol.py`` says of sessions, held against the fake and the engine alike."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest
from worlds import Bench

from runner.errors import Cancelled, SnapshotMissing
from runner.sandbox.protocol import Exit, Leftovers, Step

MB = 1 << 20
CAP = 4 << 20  # what one repetition keeps of its output


def test_each_repetition_has_its_own_output(bench: Bench) -> None:
    command = "echo $(($(cat n 2>/dev/null || echo 0) + 1)) >n; cat n; echo err >&2"
    repetitions = bench.repeat(command, 3)
    assert [one.output for one in repetitions] == [b"1\nerr\n", b"2\nerr\n", b"3\nerr\n"]
    assert all((one.exit, one.code, one.complete) == (Exit.OK, 0, True) for one in repetitions)


@pytest.mark.parametrize(
    ("command", "output"),
    [
        ("printf 'no newline'", b"no newline"),
        ("printf 'newline\n'", b"newline\n"),
        ("printf '\\n\\n'", b"\n\n"),
        ("true", b""),
        (r"printf 'a\0b\377\r\n'", b"a\0b\xff\r\n"),
        ("printf '%s' '$HOME `id` %s \\n'", b"$HOME `id` %s \\n"),
    ],
)
def test_output_is_kept_byte_for_byte(bench: Bench, command: str, output: bytes) -> None:
    assert [one.output for one in bench.repeat(command, 2)] == [output, output]


def test_a_failing_command_does_not_end_the_session(bench: Bench) -> None:
    command = "touch ran-$$; ls | wc -l | tr -d ' \\n'; exit $(ls | wc -l)"
    repetitions = bench.repeat(command, 3)
    assert [(one.exit, one.code, one.output) for one in repetitions] == [
        (Exit.NONZERO, n, str(n).encode()) for n in (1, 2, 3)
    ]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("exit 7; echo never", 7),
        ("kill -9 $$", 137),
        ("exec no-such-command", 127),
        ("if then", 2),
        ("set -e; false; echo never", 1),
        ("exit 255", 255),
    ],
)
def test_a_command_that_ends_its_shell(bench: Bench, command: str, code: int) -> None:
    repetitions = bench.repeat(command, 2)
    assert [(one.exit, one.code) for one in repetitions] == [(Exit.NONZERO, code)] * 2
    assert not any(b"never" in one.output for one in repetitions)


def test_the_command_cannot_read_the_planners_words(bench: Bench) -> None:
    command = "wc -c; read line || echo nothing; readlink /proc/self/fd/0"
    for one in bench.repeat(command, 2):
        assert one.output.split() == [b"0", b"nothing", b"/dev/null"]


def test_a_frame_that_the_command_made_up_ends_nothing(bench: Bench) -> None:
    forged = "00000000000000000000000000000000"
    command = f"printf '\\n%s %d\\n' {forged} 0; printf '\\n%s %d\\n' $word 0; sleep 0.1; echo real"
    for one in bench.repeat(command, 2):
        assert one.output.endswith(b"\nreal\n")
        assert forged.encode() in one.output


def test_the_words_of_two_repetitions_differ(bench: Bench) -> None:
    """What a command saw of an earlier frame is of no use: its log is the test's, not its own."""
    with bench.session("true") as session:
        session.repeat()
        session.repeat()
    (log,) = bench.folder.glob("*.log")
    words = [line.split()[0] for line in log.read_bytes().splitlines() if line]
    assert len(words) == len(set(words)) == 2
    assert all(len(word) == 32 for word in words)


def test_the_deadline_of_a_repetition_ends_the_session(bench: Bench) -> None:
    command = "echo early; test -e n && sleep 60; touch n"
    with bench.session(command, time_s=1.0) as session:
        assert session.repeat().exit is Exit.OK
        started = time.monotonic()
        late = session.repeat()
        assert 1.0 <= time.monotonic() - started < 3.5
        assert (late.exit, late.output) == (Exit.TIMEOUT, b"early\n")


def test_the_clock_starts_anew_with_each_repetition(bench: Bench) -> None:
    assert [one.exit for one in bench.repeat("sleep 0.5", 3, time_s=1.2)] == [Exit.OK] * 3


def test_a_command_that_kills_the_loop(bench: Bench) -> None:
    with bench.session("echo before; kill -9 $PPID; sleep 60") as session:
        started = time.monotonic()
        one = session.repeat()
        assert (one.exit, one.output) == (Exit.NONZERO, b"before\n")
        assert time.monotonic() - started < 5.0


def test_output_beyond_the_cap_is_dropped_and_said(bench: Bench) -> None:
    command = f"head -c {CAP + 5} /dev/zero | tr '\\0' x; exit 3"
    with bench.session(command, log_bytes=1000) as session:
        for _ in range(2):
            one = session.repeat()
            assert (one.exit, one.code, one.complete) == (Exit.NONZERO, 3, False)
            assert one.output == b"x" * CAP
    (log,) = bench.folder.glob("*.log")
    assert log.stat().st_size < 2000


def test_output_up_to_the_cap_is_whole(bench: Bench) -> None:
    (one,) = bench.repeat(f"head -c {CAP} /dev/zero | tr '\\0' x")
    assert (len(one.output), one.complete) == (CAP, True)


def test_a_flood_is_survived(bench: Bench) -> None:
    flood = "yes $(printf %0199d 0) | head -c 5000000; echo; echo last"
    one, two = bench.repeat(flood, 2)
    assert (one.exit, one.complete, len(one.output)) == (Exit.OK, False, CAP)
    assert two.exit is Exit.OK


def test_what_a_background_process_prints_later_is_not_lost_to_the_frame(bench: Bench) -> None:
    with bench.session("echo now; (sleep 0.3; echo later) &") as session:
        assert session.repeat().output.startswith(b"now\n")
        time.sleep(0.5)
        assert session.repeat().exit is Exit.OK


def test_two_sessions_at_a_time(bench: Bench) -> None:
    parent = bench.child("echo parent >name", "A")
    child = bench.child("echo child >name", "A.1", parent)
    sides = [("a-candidate", child), ("a-baseline", parent)]
    command = ("sh", "-c", "echo x >>count; cat name; wc -l <count")
    sessions = [
        bench.sandbox.session(
            Step(name, "A-1", side.digest, command, bench.limits()), bench.folder / name
        )
        for name, side in sides
    ]
    with sessions[0] as candidate, sessions[1] as baseline:
        for n in (1, 2, 3):
            assert candidate.repeat().output == f"child\n{n}\n".encode()
            assert baseline.repeat().output == f"parent\n{n}\n".encode()
        assert len(bench.sandbox.leftovers().containers) == 2
    assert bench.sandbox.leftovers().containers == ()


def test_sessions_that_are_finished_together_are_left_soon(bench: Bench) -> None:
    with bench.session("echo a") as one, bench.session("echo b") as two:
        assert (one.repeat().output, two.repeat().output) == (b"a\n", b"b\n")
        one.finish()
        two.finish()
        two.finish()
        time.sleep(0.2)
        started = time.monotonic()
    assert time.monotonic() - started < 3.0


def test_a_session_that_is_over_says_so_again(bench: Bench) -> None:
    with bench.session("kill -9 $PPID; sleep 60") as session:
        assert session.repeat().exit is Exit.NONZERO
        assert session.repeat().exit is Exit.NONZERO
        session.finish()


def test_a_session_does_not_change_its_image(bench: Bench) -> None:
    parent = bench.child("touch a", "A")
    with bench.session("touch b; ls", parent.digest) as session:
        assert session.repeat().output == b"a\nb\n"
    with bench.session("ls", parent.digest) as session:
        assert session.repeat().output == b"a\n"


def test_a_session_of_the_same_name_replaces_what_a_crash_left(bench: Bench) -> None:
    name, log = f"{bench.label}-same", bench.folder / "log"
    step = Step(name, "A-1", bench.world.image, ("echo", "outer"), bench.limits())
    outer = bench.sandbox.session(step, log)
    inner = bench.sandbox.session(replace(step, command=("echo", "inner")), log)
    with outer, inner as session:
        assert session.repeat().output == b"inner\n"


def test_a_session_cleans_up_after_an_exception(bench: Bench) -> None:
    with pytest.raises(ZeroDivisionError), bench.session("sleep 60"):
        raise ZeroDivisionError
    assert bench.sandbox.leftovers() == Leftovers()


def test_a_session_of_an_image_that_is_gone(bench: Bench) -> None:
    with pytest.raises(SnapshotMissing), bench.session("true", "oppie/nobody:never"):
        pass


def test_a_cancelled_repetition(bench: Bench, run_id: str) -> None:
    told = threading.Event()
    sandbox = bench.world.open(told.is_set, run_id=run_id)
    step = Step("s", "A-1", bench.world.image, ("sleep", "60"), bench.limits())
    started = time.monotonic()
    with (
        pytest.raises(Cancelled),
        sandbox.session(step, bench.folder / "log") as session,
    ):
        threading.Timer(0.3, told.set).start()
        session.repeat()
    assert time.monotonic() - started < 6.0
    assert sandbox.leftovers() == Leftovers()
    sandbox.close()


def test_the_disk_limit_ends_a_session(bench: Bench) -> None:
    with bench.session("head -c 30000000 /dev/zero >big; sleep 60", disk_bytes=8 * MB) as session:
        started = time.monotonic()
        assert session.repeat().exit is Exit.DISK
        assert time.monotonic() - started < 10.0


def test_the_disk_limit_counts_over_short_repetitions(bench: Bench) -> None:
    command = "head -c 2000000 /dev/zero >>big; sleep 0.2"
    with bench.session(command, disk_bytes=8 * MB) as session:
        exits = [session.repeat().exit for _ in range(6)]
        assert exits == [Exit.OK] * 6
        while exits[-1] is Exit.OK and len(exits) < 60:
            exits.append(session.repeat().exit)
        assert exits[-1] is Exit.DISK


def test_a_repetition_costs_little(bench: Bench) -> None:
    with bench.session("true") as session:
        session.repeat()
        started = time.monotonic()
        for _ in range(20):
            session.repeat()
        assert (time.monotonic() - started) / 20 < 0.1
