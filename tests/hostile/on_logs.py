"""Attacks on what reads the output."""

from __future__ import annotations

from hostile.attack import Attack
from runner.model import Outcome

FAILED = (Outcome.FAILED,)
# The engine may need longer for it than there is.
NEUTRAL_OR_LATE, FAILED_OR_LATE = (Outcome.NEUTRAL, Outcome.TIMEOUT), (*FAILED, Outcome.TIMEOUT)
FLOOD_BYTES = 32 << 20

ATTACKS = (
    Attack(
        "log-without-end-in-lines",
        NEUTRAL_OR_LATE,
        f"yes all work and no play | head -c {FLOOD_BYTES}",
    ),
    Attack(
        "log-without-end-in-one-line",
        NEUTRAL_OR_LATE,
        f"head -c {FLOOD_BYTES} /dev/zero | tr '\\0' x",
    ),
    Attack(
        "log-without-end-in-the-benchmark",
        FAILED_OR_LATE,
        f"echo 'yes | head -c {FLOOD_BYTES}' | when_asked_to measure",
    ),
    Attack(
        "log-of-invalid-utf-8",
        FAILED,
        r"printf 'ab\377\300\200\355\240\200\n\n'; exit 4",
        "exited with 4",
    ),
    Attack(
        "log-of-escapes",
        FAILED,
        r"""printf '\033[2J\033]0;owned\007\033[8mhidden \233 31m \033P1$r\033\\ \r\bgone\n'; exit 4""",
        "exited with 4",
    ),
    Attack(
        "log-of-pieces-of-characters",
        FAILED,
        r"""for byte in 342 202 254; do printf "\\$byte"; sleep 0.1; done; echo; exit 4""",
        "exited with 4: €",
    ),
    Attack(
        "log-that-closes-the-fence",
        FAILED,
        """\
        printf '%s\\n' '::set-output name=x::y' '::error::owned' '##vso[task.complete]' '```' \\
            '</pre><script>alert(1)</script>' 'section_end:1:x' '@everyone [x](javascript:alert(1))' >&2
        exit 4
        """,
        "exited with 4",
    ),
)
