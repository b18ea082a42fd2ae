"""The figures and plots of ``docs/simulate.md``: ``./run python tools/worlds.py`` runs some hundred worlds and draws.

Each question is put to worlds in which nothing is wrong but what is asked about: a general who hides every dismissal,
messages that are lost, no radio unless the question is about it.
"""

import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from pourparler.testing.world import Outcome, Plan, Treason, simulate  # noqa: E402  the checkout's own
from tools.chart import chart  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
SEEDS = 15
HOURS = 10
LOSSES = (0.0, 0.15, 0.3, 0.45, 0.6)
RELAYS = (1, 2, 4)
LEASES = tuple(range(60, 421, 30))
BEACONS = (30, 60, 120)
GENERAL = (("general", Treason.SELECTIVE),)


def asked(seed: int, **chosen: object) -> Plan:
    """Return a world for one question."""
    common: dict[str, object] = {"hours": HOURS, "traitors": GENERAL, "radio": False, "pullers": ("council",)}
    return Plan.calm(f"figures {seed}", **{**common, "sample_minutes": 10, **chosen})


def slowest(found: Outcome) -> float:
    """Return after how many minutes the last loyal place refused the dismissed; all that were left if one never did."""
    loyal = [place for place in found.plan.places if found.plan.treason(place) is None]
    never = found.plan.hours * 60 / 2
    return max(found.learnt.get(place, never) for place in loyal)


def worlds(plans: Sequence[Plan]) -> list[Outcome]:
    """Run worlds, two at a time."""
    with ProcessPoolExecutor(2) as pool:
        return list(pool.map(simulate, plans))


def medians(
    choices: Mapping[str, Mapping[str, object]], losses: Sequence[float], figure: Callable[[Outcome], float]
) -> dict[str, list[tuple[float, float]]]:
    """Return for each choice a line over the losses: the median of a figure over some seeds."""
    lines = {}
    for name, chosen in choices.items():
        line = []
        for loss in losses:
            found = worlds(
                [asked(seed, loss=loss, quiet_loss=loss, radio_loss=loss, **chosen) for seed in range(SEEDS)]
            )
            line.append((100 * loss, statistics.median(map(figure, found))))
            print(f"{name}, {loss:.0%} lost: {line[-1][1]:.0f}", flush=True)
        lines[name] = line
    return lines


def relays() -> str:
    """How many relays: minutes until the last loyal place refuses the dismissed, by loss."""
    choices: dict[str, dict[str, object]] = {f"{n} relay{'s' if n > 1 else ''}": {"relays": n} for n in RELAYS}
    choices["1 and a radio"] = {"relays": 1, "radio": True}
    title = "Until the last place refuses the dismissed general"
    return chart(title, "% of messages lost", "minutes (median)", medians(choices, LOSSES, slowest))


def leases() -> str:
    """Which lease: share of time in which it has run out, by its length, for beacons every hour."""
    lines = {}
    for loss in (0.0, 0.3, 0.6):
        found = worlds([asked(seed, loss=loss, quiet_loss=loss) for seed in range(SEEDS)])
        lines[f"{loss:.0%} lost"] = [
            (lease, 100 * statistics.mean(one.frozen(lease) for one in found)) for lease in LEASES
        ]
        print(lines[f"{loss:.0%} lost"], flush=True)
    return chart("Conclude is frozen (a beacon an hour, 2 relays)", "lease in minutes", "% of the time", lines)


def beacons() -> str:
    """Which beacon period: the age of the newest beacon that 95% of moments keep within, by loss."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for period in BEACONS:
        for loss in LOSSES[::2]:
            plans = [asked(seed, loss=loss, quiet_loss=loss, beacon_minutes=period) for seed in range(SEEDS)]
            ages = sorted(age for one in worlds(plans) for age in one.ages)
            name = f"every {period} min"
            lines.setdefault(name, []).append((100 * loss, ages[len(ages) * 95 // 100]))
            print(f"{name}, {loss:.0%}: {lines[name][-1][1]:.0f}", flush=True)
    return chart("Age of the newest beacon, 95% of the time", "% of messages lost", "minutes", lines)


PLOTS = {"relays": relays, "leases": leases, "beacons": beacons}

if __name__ == "__main__":
    for name in sys.argv[1:] or PLOTS:
        (PICTURES / f"simulate-{name}.svg").write_text(PLOTS[name](), "utf-8")
