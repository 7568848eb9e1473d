"""Attacks with git: a repository that lies."""

from __future__ import annotations

from hostile.attack import Attack
from runner.model import Outcome

NEUTRAL, TAMPERED = (Outcome.NEUTRAL,), (Outcome.TAMPERED,)

ATTACKS = (
    Attack(
        "git-folder-elsewhere",
        TAMPERED,
        "rm -rf .git\necho 'gitdir: /var/lib/docker/../../../etc' >.git",
    ),
    Attack("git-folder-gone", TAMPERED, "rm -rf .git"),
    Attack("git-folder-linked", TAMPERED, "rm -rf .git\nln -s /etc .git"),
    Attack(
        "git-configuration-with-programs",
        TAMPERED,
        """\
        git config core.fsmonitor 'touch /tmp/owned'
        git config core.hooksPath /workspace/hooks
        git config filter.x.clean 'touch /tmp/owned'
        printf '[include]\n\tpath = /etc/passwd\n' >>.git/config
        """,
    ),
    Attack(
        "git-objects-of-the-host",
        TAMPERED,
        "mkdir -p .git/objects/info\necho /var/lib/docker >.git/objects/info/alternates",
    ),
    Attack(
        "git-repository-within",
        NEUTRAL,
        """\
        mkdir inner
        cd inner
        git init -q .
        git config core.fsmonitor 'touch /tmp/owned'
        touch file
        """,
    ),
    Attack(
        "git-modules-with-programs",
        TAMPERED,
        """\
        printf '[submodule "x"]\\n\\tpath = x\\n\\turl = -u./payload\\n\\tupdate = !reboot\\n' >.gitmodules
        """,
    ),
    Attack(
        "git-object-that-is-no-object",
        NEUTRAL,
        "head -c 999 /dev/urandom >.git/objects/pack/pack-x.pack",
    ),
)
