"""What ``protocol.py`` says of steps, held against the fake and the engine alike."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import threading
import time
from dataclasses import replace

import pytest
from worlds import Bench, World, wait_for

from runner.errors import Cancelled, EngineError, SnapshotMissing
from runner.sandbox import spec
from runner.sandbox.protocol import Exit, HeldContainer, Leftovers, Step

MB = 1 << 20
FLOOD = "yes $(printf %0199d 0)"


def archive_of(*members: tuple[tarfile.TarInfo, bytes]) -> list[bytes]:
    """A tar stream in pieces of an odd size."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for member, content in members:
            member.name = f"workspace/{member.name}"
            member.uid = member.gid = 1000
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    whole = buffer.getvalue()
    return [whole[at : at + 777] for at in range(0, len(whole), 777)]


def member(
    name: str, mode: int = 0o644, kind: bytes = tarfile.REGTYPE, to: str = ""
) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.mode, info.type, info.linkname = mode, kind, to
    return info


# -- endings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "exit_", "code"),
    [
        ("true", Exit.OK, 0),
        ("exit 7", Exit.NONZERO, 7),
        ("no-such-command", Exit.NONZERO, 127),
        ("kill -9 $$", Exit.NONZERO, 137),
        ("kill -TERM $$", Exit.NONZERO, 143),
        ("exit 255", Exit.NONZERO, 255),
        ("", Exit.OK, 0),
    ],
)
def test_a_step_ends_as_its_command_does(bench: Bench, script: str, exit_: Exit, code: int) -> None:
    result, _ = bench.sh(script)
    assert (result.exit, result.code) == (exit_, code)


def test_both_streams_go_to_the_log_byte_for_byte(bench: Bench) -> None:
    result, said = bench.sh(r"printf 'out\0\377\n'; printf 'err\r' >&2; printf 'no newline'")
    assert sorted(said) == sorted(b"out\0\xff\nerr\rno newline")
    assert result.log_bytes == len(said)
    assert result.log_complete


def test_seconds_are_the_commands_own(bench: Bench) -> None:
    result, _ = bench.sh("sleep 0.3")
    assert 0.2 <= result.seconds < 10.0


@pytest.mark.parametrize(
    "script", ["sleep 60", "trap '' TERM INT HUP; sleep 60; sleep 60", "while :; do :; done"]
)
def test_the_deadline_ends_the_step(bench: Bench, script: str) -> None:
    started = time.monotonic()
    result, _ = bench.sh(f"echo before\n{script}", time_s=0.6)
    assert result.exit is Exit.TIMEOUT
    assert 0.6 <= time.monotonic() - started < 2.5


def test_what_was_printed_before_the_deadline_is_kept(bench: Bench) -> None:
    _, said = bench.sh("echo before; sleep 60", time_s=0.6)
    assert said == b"before\n"


@pytest.mark.parametrize(
    ("script", "exit_"), [("sleep 60", Exit.TIMEOUT), ("exit 0", Exit.OK)], ids=["deadline", "end"]
)
def test_nothing_outlives_the_main_process(bench: Bench, script: str, exit_: Exit) -> None:
    started = time.monotonic()
    result, _ = bench.sh(
        f"(sleep 1; touch late) &\n{script}", time_s=0.5 if exit_ is Exit.TIMEOUT else 9
    )
    assert result.exit is exit_
    time.sleep(max(0.0, started + 1.5 - time.monotonic()))
    assert "workspace/late" not in bench.files(result.container)


def test_a_command_that_closes_its_outputs_goes_on(bench: Bench) -> None:
    result, said = bench.sh("echo said; exec >&- 2>&-; sleep 0.5; touch done; exit 5")
    assert (result.exit, result.code, said) == (Exit.NONZERO, 5, b"said\n")
    assert result.seconds >= 0.3
    assert "workspace/done" in bench.files(result.container)


def test_the_deadline_holds_for_a_command_that_closed_its_outputs(bench: Bench) -> None:
    started = time.monotonic()
    result, _ = bench.sh("exec >&- 2>&-; sleep 60", time_s=0.6)
    assert result.exit is Exit.TIMEOUT
    assert time.monotonic() - started < 2.5


def test_the_disk_limit_ends_the_step_while_it_runs(bench: Bench) -> None:
    started = time.monotonic()
    result, _ = bench.sh("head -c 30000000 /dev/zero >big; sleep 60", disk_bytes=8 * MB)
    assert result.exit is Exit.DISK
    assert time.monotonic() - started < 10.0


def test_the_disk_limit_counts_at_the_end(bench: Bench) -> None:
    result, _ = bench.sh("head -c 9000000 /dev/zero >big", disk_bytes=8 * MB)
    assert result.exit is Exit.DISK
    result, _ = bench.sh("head -c 7000000 /dev/zero >big", disk_bytes=8 * MB)
    assert result.exit is Exit.OK


# -- input -------------------------------------------------------------------------------------


def test_input_arrives_whole_while_the_command_floods_its_output(bench: Bench) -> None:
    step = bench.step(os.urandom(MB))
    script = FLOOD + " | head -c 6000000 & cat >got; wait; exit 3"
    step = Step(step.name, "A-1", step.image, ("sh", "-c", script), step.limits, stdin=step.stdin)
    result = bench.run(step)
    assert (result.exit, result.code) == (Exit.NONZERO, 3)
    assert not result.log_complete
    digest = hashlib.sha256(bench.read(result.container, "got")).hexdigest()
    assert digest == hashlib.sha256(step.stdin).hexdigest()


def test_input_arrives_whole_though_the_log_was_cut_before(bench: Bench) -> None:
    step = bench.step(os.urandom(MB), log_bytes=1000)
    script = FLOOD + " | head -c 6000000; cat >got"
    step = Step(step.name, "A-1", step.image, ("sh", "-c", script), step.limits, stdin=step.stdin)
    result = bench.run(step)
    assert result.exit is Exit.OK
    assert bench.read(result.container, "got") == step.stdin


def test_a_script_of_a_megabyte_runs_to_its_last_line(bench: Bench) -> None:
    lines = ": " + "x" * 998 + "\n"
    result, said = bench.sh(
        FLOOD + " | head -c 300000\n" + lines * 1050 + "echo; echo last; exit 9"
    )
    assert (result.code, said[-6:]) == (9, b"\nlast\n")


def test_input_that_nobody_reads_is_no_error(bench: Bench) -> None:
    step = bench.step(b"x" * MB)
    step = Step(step.name, "A-1", step.image, ("sh", "-c", "exit 4"), step.limits, stdin=step.stdin)
    assert bench.run(step).code == 4


def test_input_ends(bench: Bench) -> None:
    step = bench.step(b"all there is")
    command = ("sh", "-c", "cat; echo; echo end")
    result = bench.run(Step(step.name, "A-1", step.image, command, step.limits, stdin=step.stdin))
    assert bench.log(step).read_bytes() == b"all there is\nend\n"
    assert result.exit is Exit.OK


def test_without_input_the_command_reads_an_end(bench: Bench) -> None:
    step = bench.step()
    command = ("sh", "-c", "wc -c")
    bench.run(Step(step.name, "A-1", step.image, command, step.limits))
    assert bench.log(step).read_bytes().strip() == b"0"


# -- the log's cap -----------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "complete"), [(49_999, True), (50_000, True), (50_001, False)])
def test_the_log_is_cut_at_its_cap(bench: Bench, size: int, complete: bool) -> None:
    result, said = bench.sh(f"head -c {size} /dev/zero | tr '\\0' x", log_bytes=50_000)
    assert result.exit is Exit.OK
    assert result.log_complete is complete
    assert result.log_bytes == min(size, 50_000)
    assert said[:50_000] == b"x" * min(size, 50_000)
    assert said[50_000:] == (b"" if complete else b"\n[oppie: log cut at 50000 bytes]\n")


def test_a_cut_log_neither_stalls_nor_fails_the_command(bench: Bench) -> None:
    started = time.monotonic()
    result, _ = bench.sh(FLOOD + " | head -c 20000000; touch done; exit 6", log_bytes=10_000)
    assert (result.exit, result.code) == (Exit.NONZERO, 6)
    assert "workspace/done" in bench.files(result.container)
    assert time.monotonic() - started < 10.0


def test_the_deadline_holds_against_a_flood(bench: Bench) -> None:
    started = time.monotonic()
    result, _ = bench.sh(FLOOD, log_bytes=10_000, time_s=0.6)
    assert result.exit is Exit.TIMEOUT
    assert 0.6 <= time.monotonic() - started < 6.0  # the engine has to digest what is under way


# -- the workspace -----------------------------------------------------------------------------


def test_an_archive_is_unpacked_over_the_workspace_before_the_start(bench: Bench) -> None:
    parent = bench.child(
        "mkdir kept; echo old >kept/file; echo old >replaced; ln -s kept link", "A"
    )
    step = bench.step(
        "cat replaced kept/file run; ./run; readlink link dangling; ls -d empty; rm gone"
    )
    step = Step(
        step.name,
        "A-1",
        parent.digest,
        step.command,
        step.limits,
        stdin=step.stdin,
        archive=archive_of(
            (member("replaced"), b"new\n"),
            (member("run", 0o755), b"#!/bin/sh\necho ran\n"),
            (member("link", kind=tarfile.SYMTYPE, to="replaced"), b""),
            (member("dangling", kind=tarfile.SYMTYPE, to="/no/where"), b""),
            (member("empty", 0o755, tarfile.DIRTYPE), b""),
            (member("gone", 0o600), b""),
            (member("big"), bytes(range(256)) * 8192),
        ),
    )
    result = bench.run(step)
    said = bench.log(step).read_text().splitlines()
    assert said == ["new", "old", "#!/bin/sh", "echo ran", "ran", "replaced", "/no/where", "empty"]
    assert bench.read(result.container, "big") == bytes(range(256)) * 8192


def test_the_archive_of_a_stopped_step_holds_the_workspace(bench: Bench) -> None:
    result, _ = bench.sh(
        "mkdir -p d/e; printf x >d/f; chmod 640 d/f; printf '#!' >s; chmod 755 s;"
        "ln -s d/f up; ln -s /etc/passwd out; ln -s nowhere dangling; printf y >'a b'; : >d/zero"
    )
    files = bench.files(result.container)
    assert set(files) == {"workspace"} | {
        f"workspace/{name}"
        for name in ("d", "d/e", "d/f", "d/zero", "s", "up", "out", "dangling", "a b")
    }
    assert files["workspace/d/e"].isdir()
    assert (files["workspace/d/f"].mode & 0o777, files["workspace/s"].mode & 0o777) == (
        0o640,
        0o755,
    )
    assert files["workspace/out"].issym() and files["workspace/out"].linkname == "/etc/passwd"
    assert files["workspace/dangling"].linkname == "nowhere"
    assert {(info.uid, info.gid) for info in files.values()} == {(1000, 1000)}
    assert bench.read(result.container, "a b") == b"y"


def test_an_archive_goes_out_and_in_again_unchanged(bench: Bench) -> None:
    script = "mkdir -p d; umask 077; echo x >d/f; ln -s d/f l; head -c 3000000 /dev/urandom >big; chmod 750 d"
    first, _ = bench.sh(script)
    step = bench.step()
    chunks = bench.sandbox.archive(first.container)
    second = bench.run(Step(step.name, "A-1", step.image, ("true",), step.limits, archive=chunks))
    assert second.exit is Exit.OK

    def facts(container: str) -> dict[str, tuple[int, str, bytes]]:
        with bench.open_archive(container) as tar:
            return {
                info.name: (
                    info.mode,
                    info.linkname,
                    (tar.extractfile(info) or io.BytesIO()).read() if info.isfile() else b"",
                )
                for info in tar
            }

    assert facts(first.container) == facts(second.container)


def test_steps_of_one_image_do_not_see_each_other(bench: Bench) -> None:
    parent = bench.child("echo 1 >file", "A")
    bench.sh("echo 2 >>file; touch new", parent.digest)
    _, said = bench.sh("cat file; ls", parent.digest)
    assert said == b"1\nfile\n"


def test_a_step_of_an_image_that_is_gone(bench: Bench) -> None:
    parent = bench.child("touch file", "A")
    bench.sandbox.discard(parent.tag)
    for image in (parent.digest, parent.tag, "oppie/nobody:never"):
        with pytest.raises(SnapshotMissing, match=r"oppie|sha256"):
            bench.run(bench.step("true", image))


# -- being told to stop ------------------------------------------------------------------------


@pytest.mark.parametrize("script", ["sleep 60", "exec >&- 2>&-; sleep 60", FLOOD])
def test_a_cancelled_step_leaves_nothing(bench: Bench, run_id: str, script: str) -> None:
    told = threading.Event()
    sandbox = bench.world.open(told.is_set, run_id=run_id)
    threading.Timer(0.7, told.set).start()
    step = bench.step(script, log_bytes=1000)
    started = time.monotonic()
    with pytest.raises(Cancelled):
        sandbox.run(step, bench.log(step))
    assert time.monotonic() - started < 6.0
    assert sandbox.leftovers() == Leftovers()
    sandbox.close()


def test_after_being_told_nothing_is_started(bench: Bench, run_id: str) -> None:
    sandbox = bench.world.open(lambda: True, run_id=run_id)
    step = bench.step("touch x")
    with pytest.raises(Cancelled):
        sandbox.run(step, bench.log(step))
    session = sandbox.session(step, bench.log(step))
    with pytest.raises(Cancelled), session:
        pass
    assert sandbox.leftovers() == Leftovers()
    assert not bench.log(step).exists()
    sandbox.close()


# -- removal -----------------------------------------------------------------------------------


def test_removing_a_container_twice_and_one_that_never_was(bench: Bench) -> None:
    result, _ = bench.sh("true")
    bench.sandbox.remove(result.container)
    bench.sandbox.remove(result.container)
    bench.sandbox.remove("oppie-nobody-never")
    with pytest.raises(EngineError):
        b"".join(bench.sandbox.archive(result.container))


def test_removing_a_container_that_runs(bench: Bench) -> None:
    step = bench.step("echo up; sleep 60")
    with bench.world.another_planner(step, bench.log(step)):
        wait_for(lambda: _holds(bench, step, b"up"), "the step has started")
    (container,) = bench.sandbox.leftovers().containers
    started = time.monotonic()
    bench.sandbox.remove(container)
    assert time.monotonic() - started < 3.0
    assert bench.sandbox.leftovers() == Leftovers()


def _holds(bench: Bench, step: Step, word: bytes) -> bool:
    log = bench.log(step)
    return log.exists() and word in log.read_bytes()


def test_leftovers_are_of_this_run_and_no_other(bench: Bench, run_id: str) -> None:
    other = bench.world.open(run_id=run_id)
    step = bench.step("true")
    theirs = other.run(step, bench.log(step))
    image = other.commit(theirs.container, "A", None, {"attempt": "A-1"})
    ours, _ = bench.sh("true")
    left = bench.sandbox.leftovers()
    assert (left.containers, left.images) == ((ours.container,), ())
    (container,) = other.leftovers().held_containers
    (snapshot,) = other.leftovers().held_images
    assert container == HeldContainer(
        theirs.container, run_id, spec.KIND_STEP, "A-1", image=container.image
    )
    assert other.find(container.image).digest == other.find(bench.world.image).digest
    assert (snapshot.digest, snapshot.run_id, snapshot.names) == (
        image.digest,
        run_id,
        (image.tag,),
    )
    assert (snapshot.node, snapshot.attempt_id, snapshot.inner) == ("A", "A-1", False)
    other.remove(theirs.container)
    other.discard(image.tag)
    assert other.leftovers() == Leftovers()
    other.close()
    other.close()


def test_two_workers_at_a_time(bench: Bench, world: World) -> None:
    parent = bench.child("echo root >file", "A")
    said: dict[int, bytes] = {}

    def work(slot: int) -> None:
        sandbox = world.open(slot=slot)
        for turn in range(2):
            step = bench.step(
                f"cat file; sleep 0.1; echo {slot}-{turn} >file; cat file", parent.digest
            )
            result = sandbox.run(step, bench.log(step))
            said[10 * slot + turn] = bench.log(step).read_bytes()
            sandbox.remove(result.container)
        sandbox.close()

    workers = [threading.Thread(target=work, args=(slot,)) for slot in (1, 2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert said == {10 * s + t: f"root\n{s}-{t}\n".encode() for s in (1, 2) for t in (0, 1)}


def test_one_file_of_a_stopped_step(bench: Bench) -> None:
    result, _ = bench.sh("mkdir -p a; head -c 3000000 /dev/zero >a/big; ln -s a/big link; mkfifo pipe")
    read = bench.sandbox.read
    assert len(b"".join(read(result.container, "a/big"))) == 3_000_000
    assert [*read(result.container, "link")] == []
    assert [*read(result.container, "pipe")] == []
    assert [*read(result.container, "a")] == []
    assert [*read(result.container, "absent")] == []
    with pytest.raises(EngineError):
        [*read("oppie-nobody", "a/big")]


def test_the_environment_of_a_step_is_its_own(bench: Bench) -> None:
    step = replace(bench.step('echo "$COLOUR"'), env=("COLOUR=a b=c",))
    bench.run(step)
    assert bench.log(step).read_bytes() == b"a b=c\n"


def test_how_long_a_process_ran(bench: Bench) -> None:
    result, _ = bench.sh("sleep 0.5")
    assert 0.4 < result.ran_s <= result.seconds + 0.2
