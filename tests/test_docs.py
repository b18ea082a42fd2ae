"""The pages: every link leads somewhere, every page stands in a chapter, the site shows what the repository says."""

from pathlib import Path

import pytest

from docs import build

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("page", build.pages(), ids=str)
def test_every_link_of_a_page_leads_somewhere(page):
    list(build.links((ROOT / page).read_text("utf-8"), page))


def test_every_page_stands_in_one_chapter():
    names = [page.as_posix() for page in build.pages() if page != Path(build.HOME)]
    chosen = [name for _, chapter in build.chapters(names) for name in chapter]
    assert sorted(chosen) == sorted(names)
    with pytest.raises(build.Broken, match=r"no chapter .* holds docs/stray\.md"):
        list(build.chapters([*names, "docs/stray.md"]))


def test_a_link_that_leads_nowhere_is_named_with_its_line(tmp_path):
    (tmp_path / "there.md").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "README.md").touch()
    page = Path("page.md")
    text = "# Title\n[a](there.md#part) [b](folder/) [c](https://elsewhere.example) [d](#here) `[e](code)`\n"
    fenced = "~~~text\n[f](fenced.md)\n~~~\n"
    assert [target for *_, target in build.links(text + fenced, page, tmp_path)] == [
        Path("there.md"),
        Path("folder/README.md"),
    ]
    with pytest.raises(build.Broken, match=r"page\.md:6: gone\.md leads nowhere"):
        list(build.links(text + fenced + "[g](gone.md)\n", page, tmp_path))


def test_a_link_out_of_the_repository_is_none(tmp_path):
    (tmp_path / "inside").mkdir()
    (tmp_path / "outside.md").touch()
    with pytest.raises(build.Broken):
        list(build.links("[a](../outside.md)", Path("page.md"), tmp_path / "inside"))


def test_the_site_leaves_out_diagrams_and_nothing_else():
    text = "a\n```mermaid\nstateDiagram-v2\n```\nb\n```python\nx\n```\n"
    assert build.without_mermaid(text) == "a\nb\n```python\nx\n```\n"


def test_every_public_module_has_a_page():
    modules = build.public_modules()
    assert {"pourparler.core.evidence", "pourparler.ports", "pourparler.service.intake"} <= set(modules)
    assert not [module for module in modules if ".cli" in module]
