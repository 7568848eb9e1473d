"""Every relative link in the documentation leads to a file that is there, and to a heading in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PAGES = sorted(
    [
        *REPOSITORY.glob("*.md"),
        *REPOSITORY.glob("docs/**/*.md"),
        *REPOSITORY.glob("examples/*/*.md"),
    ]
)
_FENCED = re.compile(r"^(?P<fence>```+).*?^(?P=fence)$", re.M | re.S)
_LINK = re.compile(r"(?<!!)\[(?:[^\[\]]|\[[^\]]*\])*\]\((?P<target>[^()\s]+)\)")
_CODE = re.compile(r"``.+?``|`[^`\n]+`")
_HEADING = re.compile(r"^#{1,6} (?P<text>.+)$", re.M)


def links(page: Path) -> list[str]:
    """The relative targets of a page's links, without what is in code."""
    text = _CODE.sub("`code`", _FENCED.sub("", page.read_text(encoding="utf-8")))
    targets = [found["target"] for found in _LINK.finditer(text)]
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def anchors(page: Path) -> set[str]:
    """What headings can be linked by, as forges make it of them: lower case, no punctuation, hyphens
    for blanks."""
    text = _FENCED.sub("", page.read_text(encoding="utf-8"))
    headings = (re.sub(r"\]\([^)]*\)", "]", found["text"]) for found in _HEADING.finditer(text))
    return {re.sub(r"[^\w\- ]", "", each.lower()).strip().replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in links(page):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.is_relative_to(REPOSITORY), target
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file), target


def test_every_page_of_the_documentation_is_reached_from_the_readme() -> None:
    reached, left = set[Path](), [REPOSITORY / "README.md"]
    while left:
        page = left.pop()
        if page not in reached and page.suffix == ".md":
            reached.add(page)
            paths = [target.partition("#")[0] for target in links(page)]
            left += [(page.parent / path).resolve() for path in paths if path]
    pages = {page for page in PAGES if page.parent == REPOSITORY / "docs"}
    assert not pages - reached
