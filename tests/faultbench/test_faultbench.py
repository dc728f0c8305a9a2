"""Planting and scoring: what is planted is really there, counts by the published rule, and is scored as documented."""

import dataclasses
import json
from collections import Counter

import numpy as np
import pytest

from workbench.cli import main
from workbench.compare.verdict import tolerance
from workbench.config.parse import parse_config
from workbench.errors import WorkbenchError
from workbench.faultbench import report, score
from workbench.faultbench.answers import ANSWERS
from workbench.faultbench.effect import Effect, effect
from workbench.faultbench.kinds import CONFIG, KINDS, UNLISTED, WEIGHTS, Plant, Site
from workbench.faultbench.plan import allot
from workbench.faultbench.run import Outcome, Record, Trial, faulty_session, run
from workbench.faultbench.subject import ports, shuffled, zoo
from workbench.weights import plan_weights

ZOO = {subject.name: subject for subject in zoo()}


@pytest.fixture(scope="module", params=ZOO)
def compact(request):
    session = ZOO[request.param].open(0)
    graph = session.graph()
    return session, graph, plan_weights(graph), session.weights(graph).values


def test_the_compact_models_are_right_to_begin_with(compact):
    session, *_ = compact
    found = session.check()
    assert found.passed and not found.uncovered and not found.warnings, str(found)


def test_every_kind_changes_what_it_says_and_nothing_before(compact, tmp_path):
    """Every kind at the first line that it fits: another config of the same lines, or other floats from the line on."""
    session, graph, plan, values = compact
    rng = np.random.default_rng(0)
    for kind in KINDS.values():
        node = next((n for n in graph.body if kind.fits(graph, n, [s for s in plan.stored if s.node is n])), None)
        plant = node and kind.plant(Site(session, graph, plan, values, node), rng)
        if not plant:
            continue
        faulty = faulty_session(session, plant, tmp_path)
        if kind.group == CONFIG:
            assert plant.edits and bytes(faulty.document) != bytes(session.document), kind.name
            assert faulty.document.text.count("\n") == session.document.text.count("\n"), kind.name
        else:
            start = min(s.offset for s in plan.stored if s.node.index == node.index)
            np.testing.assert_array_equal(plant.values[:start], values[:start], err_msg=kind.name)
            assert not np.array_equal(plant.values, values), kind.name


def test_what_counts_is_told_by_the_float64_rule(tmp_path):
    """The same fault in three strengths: far above, just above and just below what the verdict allows."""
    session = ZOO["attention"].open(0)
    graph = session.graph()
    plan, values = plan_weights(graph), session.weights(graph).values
    node = graph.body[-1]  # a dense line, whose output is linear in its weights
    site = Site(session, graph, plan, values, node)
    inside = slice(plan.stored[-2].offset, None)
    for factor, expected in ((1.1, Effect.COUNTS), (1 + 9e-6, Effect.COUNTS), (1 + 4e-7, Effect.NONE)):
        scaled = values.copy()
        scaled[inside] *= np.float32(factor)
        plant = Plant(node, "", values=scaled)
        assert effect(site, plant, faulty_session(session, plant, tmp_path)) is expected, factor
    plant = Plant(node, "", {"hidden": "none"}, node.entry)
    assert effect(site, plant, faulty_session(session, plant, tmp_path)) is Effect.REFUSED


def test_a_fifth_of_the_kinds_have_no_name_and_every_key_has_a_kind():
    groups = Counter(kind.group for kind in KINDS.values())
    assert set(groups) == {CONFIG, WEIGHTS, UNLISTED}
    assert groups[UNLISTED] / groups.total() == pytest.approx(0.2, abs=0.02)
    assert ANSWERS.keys() <= KINDS.keys() and not any(KINDS[kind].group == UNLISTED for kind in ANSWERS)
    fitted = {name for task in allot([*ZOO.values(), *ports()], 1000, 0) for name in task.lines}
    assert fitted == KINDS.keys()  # no kind that can be planted nowhere


def test_the_seed_decides_the_plan_and_nothing_else():
    subjects = list(ZOO.values())
    plans = [[(t.subject.name, [k.name for k in t.kinds], t.lines) for t in allot(subjects, 200, s)] for s in (3, 3, 4)]
    assert plans[0] == plans[1] != plans[2]
    counts = Counter(kind for _, kinds, _ in plans[0] for kind in kinds)
    assert max(counts.values()) - min(counts.values()) <= 1  # every kind as often as any other


def trial(kind, line, causes, group=CONFIG, clean=False):
    return Trial(kind, group, "net", (5, 6), "", Outcome(clean, line, tuple(causes), 1.0))


def test_scores_as_documented():
    record = Record(
        [
            trial("stride", 5, ["stride"]),  # found
            trial("stride", 6, ["padding", "stride"]),  # at the judging line, one right of two
            trial("stride", 4, ["stride"]),  # named, but of another line
            trial("stride", 5, []),  # located only
            trial("noise", 5, [], UNLISTED),
            trial("noise", 5, ["weights_scaled"], UNLISTED),  # a false claim
        ],
        [("net", 0, Outcome(True, 0, (), 1.0)), ("net", 1, Outcome(False, 3, ("padding",), 1.0))],
    )
    told = score.summary(record)
    assert told["located"] == pytest.approx(5 / 6) and told["caused"] == pytest.approx(1.5 / 4)
    assert told["precision"] == pytest.approx(2 / 6) and told["false_claims"] == told["false_alarms"] == 0.5
    rows = {row["kind"]: row for row in score.by_kind(record)}
    assert rows["stride"]["caused"] == pytest.approx(1.5 / 4) and rows["noise"]["caused"] is None
    page = report.markdown(report.sheet(record, 6, 0))
    missed = page[page.index("## Faults not located") :]
    assert missed.count("\n| stride |") == 3 and missed.count("\n| noise |") == 1


def test_overflowing_weights_do_not_pass():
    """Noise of Inf once excused an error of Inf: such a line passed."""
    for noise in (float("inf"), float("nan")):
        assert tolerance(noise) == tolerance(0.0)


def test_shuffled_feeds_hold_the_same_values():
    feeds = {"X": np.arange(12, dtype=np.uint8).reshape(3, 4)}
    assert shuffled(feeds, 0)["X"] is feeds["X"]
    other = shuffled(feeds, 1)["X"]
    assert other.dtype == np.uint8 and sorted(other.reshape(-1)) == list(range(12)) and (other != feeds["X"]).any()


def test_a_subject_that_cannot_be_opened_is_told_and_the_rest_goes_on():
    def fail(seed):
        raise WorkbenchError("its package is not installed")

    broken = dataclasses.replace(ZOO["norms"], name="broken", open=fail)
    record = run([], [broken, ZOO["norms"]], 0, 1)
    assert record.absent == {"broken": "its package is not installed"} and len(record.clean) == 1


def faultbench(tmp_path, *arguments):
    path = tmp_path / "result.json"
    assert main(["faultbench", "--json", str(path), *arguments]) == 0
    return json.loads(path.read_text())


def test_a_small_run(tmp_path, capsys):
    """The whole command on compact models: 20 faults, every file it writes, and a floor on its figures."""
    page, plot = tmp_path / "page.md", tmp_path / "plot.png"
    told = faultbench(tmp_path, "--count", "20", "--only", "convolutions,attention", "--clean", "1",
                      "--markdown", str(page), "--plot", str(plot))  # fmt: skip
    s = told["summary"]
    assert s["false_alarms"] == 0 and s["located"] >= 0.95 and s["caused"] >= 0.8 and s["false_claims"] == 0, told
    assert s["faults"] >= 15 and s["faults"] == len(told["faults"])
    assert f"located {100 * s['located']:.1f} %" in capsys.readouterr().out
    assert page.read_text().startswith("# Diagnosis") and plot.read_bytes().startswith(b"\x89PNG")


def test_a_config_of_ones_own(tmp_path):
    config = tmp_path / "own.cfg"
    config.write_text(ZOO["norms"].config)
    told = faultbench(tmp_path, "--count", "3", "--clean", "1", "--only", "norms", "--config", str(config),
                      "--model", "workbench.faultbench.zoo.norms:Network", "--example", "2,8,6,5")  # fmt: skip
    assert {row["subject"] for row in told["subjects"]} == {"norms", str(config)}
    parse_config(config.read_text())


@pytest.mark.parametrize("arguments, said", [
    (["--only", "nothing"], "nothing is named 'nothing'"),
    (["--count", "-1"], "expected counts of at least 0"),
    (["--model", "digits"], "--model needs a config"),
    (["--count", "1", "--only", "norms", "--clean", "0", "--plot", "x.xyz"], "cannot draw a 'xyz' file"),
])  # fmt: skip
def test_what_it_refuses(arguments, said, capsys):
    assert main(["faultbench", *arguments]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.slow
def test_a_larger_run(tmp_path):
    """100 faults on all that is here but the large ports."""
    told = faultbench(tmp_path, "--count", "100", "--seed", "7", "--only", ",".join([*ZOO, "digits"]))
    s = told["summary"]
    assert s["false_alarms"] == 0 and s["located"] >= 0.97 and s["caused"] >= 0.8 and s["precision"] >= 0.85, s
