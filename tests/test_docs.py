"""The pages: every link leads somewhere, every page stands in a chapter, the site shows what the repository says."""

import re
from pathlib import Path

import pytest

from docs import build
from tests.builder import TALKS, World, talks

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("page", build.pages(), ids=str)
def test_every_link_of_a_page_leads_somewhere(page):
    list(build.links((ROOT / page).read_text("utf-8"), page))


def test_every_page_stands_in_one_chapter():
    names = [page.as_posix() for page in build.pages() if page != Path(build.HOME)]
    chosen = [name for _, chapter in build.chapters(names) for name in chapter]
    assert sorted(chosen) == sorted(names)
    with pytest.raises(build.Broken, match=r"no chapter .* holds stray\.md"):
        list(build.chapters([*names, "stray.md"]))


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


# What docs/concepts.md says of notice, done.


def notice_of(order: list[str]) -> str:
    """Do in a ledger what a row of the page says, in its order; return what it comes to, in the page's words."""
    world = World()
    buyer, seller = world.party("Buyer", "ann", "bob", "cay"), world.party("Seller", "dan")
    mandate = buyer.grant("agent", *TALKS, "conclude")
    scene = talks(world, buyer, seller, mandate)
    text = scene.adopted()
    signatures = []
    for step in order:
        match step:
            case "dismissal":
                buyer.dismiss(mandate.id)
            case "suspension by one member":
                world.put(buyer.member("ann", "suspend", target=mandate.id))
            case "signature ad referendum":
                signatures.append(scene.sign(text))
                outcome = world.put(signatures[-1])
            case "definitive signature":
                outcome = world.put(scene.ours("conclude", text=text))
            case "ratification":
                scene.ratify(text, *signatures)
            case "ratification that confirms it":
                scene.ratify(text, *signatures, confirms=[signatures[-1].id])
            case _:
                raise AssertionError(step)
    if scene.bound(text):
        return "the party is bound"
    return "the signature is void" if outcome.void and "ratification" not in order else "not bound"


def notices() -> list[tuple[str, str]]:
    page = (ROOT / "docs" / "concepts.md").read_text("utf-8")
    (table,) = re.findall(r"<!-- notice -->\n(.*?)<!-- end -->", page, re.DOTALL)
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("|")][2:]
    return [(order, comes_to) for order, comes_to in rows]


@pytest.mark.parametrize(("order", "comes_to"), notices())
def test_a_dismissal_works_as_the_page_says(order, comes_to):
    assert notice_of(order.split("; ")) == comes_to
