"""The demo of the jammed radio: real nodes and sockets, and what it says."""

import pytest

from pourparler.cli import jammed as shown
from pourparler.cli.main import main
from pourparler.cli.words import Screen
from pourparler.testing.jammed import COMMITTEES, PLACES, Happened, Row, Scene


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[bool, Scene, dict[str, Happened]]:
    told: dict[str, Happened] = {}
    with Scene(tmp_path_factory.mktemp("jammed"), tell=lambda what: told.setdefault(what.key, what)) as scene:
        good = scene.play()
        scene.last_rows = scene.rows()
        return good, scene, told


def test_everybody_refuses_the_general_and_the_council_knows_that_they_know(played) -> None:
    good, scene, told = played
    assert good
    assert [row.name for row in scene.last_rows if row.knows] == list(PLACES)
    assert told["reached"].parts["known"] == len(COMMITTEES)


def test_the_wire_held_it_back_and_the_radio_lost_most_of_it(played) -> None:
    _, scene, told = played
    assert told["stalled"].parts["kept"] > 0
    assert told["stalled"].parts["knows"] == 2, "the council, and the staff that keeps it back"
    lacking = len(PLACES) - told["stalled"].parts["knows"]
    assert 3 <= told["stalled"].parts["starved"] + told["stalled"].parts["cut"] <= lacking, "only who lacks it counts"
    assert told["heard"].parts["lost"] > 0
    assert told["heard"].parts["forged"] > told["heard"].parts["lost"]
    ways = {row.name: row.way for row in scene.last_rows}
    assert {ways[name] for name in ("fifth", "corps", "special", "austria")} == {"radio"}
    assert ways["fleet"] == "courier"


def test_each_step_is_told_in_both_languages_with_its_parts(played) -> None:
    _, _, told = played
    for what in told.values():
        parts = {**what.parts, "held": 1, "lack": 5}
        english, french = (shown.STORY[what.key][language].format(**parts) for language in ("en", "fr"))
        assert english != french
    assert shown.STORY.keys() >= told.keys()


def test_a_place_that_does_not_know_ends_it_with_exit_code_1(monkeypatch, capsys) -> None:
    monkeypatch.setattr(Scene, "on_air", lambda self: None)  # nobody goes on the air
    monkeypatch.setattr("pourparler.testing.jammed.STALLED_SECONDS", 0.1)
    assert main(["demo", "jammed", "--once"]) == 1
    assert "did not come out" in capsys.readouterr().out


def test_french_figures_and_a_decision_of_its_own(capsys) -> None:
    row = Row("fleet", True, "", "its own", 0.94, "current")
    for language, says in (
        ("en", "knows by its own decision, after 0.9 s"),
        ("fr", "sait par sa décision, après 0,9 s"),
    ):
        told = shown.Told(Screen(), language, live=False)
        told.screen.line(*told.line(row))
        assert says in capsys.readouterr().out
    told.happened(Happened("courier", {"bytes": 8445, "alone": "cut off"}))
    said = capsys.readouterr().out.replace("\n  ", " ")
    assert "8\u202f445 octets" in said
    assert "le sait : coupée." in said
    assert "perd 60\u202f% des trames" in told.say("about", loss=0.6, forged=3.0)


@pytest.mark.parametrize("given", [["--reading", "foo"], ["--pace", "0"]])
def test_an_option_of_the_other_demos_is_refused(given, capsys) -> None:
    assert main(["demo", "jammed", *given]) == 4
    assert given[0] in capsys.readouterr().err


def test_jammed_stands_in_the_list_of_demos(capsys) -> None:
    assert main(["demo", "jammedx"]) == 4
    assert "jammed, november-1917, procurement, union" in " ".join(capsys.readouterr().err.split())
