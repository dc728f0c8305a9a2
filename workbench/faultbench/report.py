"""The result as data, as a table for a terminal, and as the page docs/faultbench.md."""

from __future__ import annotations

import datetime
import importlib.metadata
import platform
from collections.abc import Sequence
from typing import Any

from workbench import __version__
from workbench.compare.verdict import C, K
from workbench.faultbench import CLEAN
from workbench.faultbench.kinds import UNLISTED
from workbench.faultbench.run import Outcome, Record
from workbench.faultbench.score import by_kind, located, right, summary

Sheet = dict[str, Any]
SAID = 300  # characters kept of what a diagnosis says

RULES = f"""\
- **located**: the first wrong line that the diagnosis names is the planted one. A line without a tie is judged by the
  next tied line that reads it: that line counts too. What is moved in the weights file counts at the line that reads
  the first float moved; two exchanged tensors at the earlier of their lines; exchanged names of a chunk's pieces at the
  first line that reads one, for the pieces themselves are right.
- **caused**: the right cause is named, for a located fault; one right cause among n named scores 1/n.
- **false claims**: causes named that are not the planted one; of a fault *without a name* any cause is false.
- **precision**: right claims of all claims. **False alarms**: right models of which something was said to be wrong.
- Left out are faults without effect: those that change their line's own output, computed in float64 from the original's
  tensors with and without the fault, by no more than the verdict allows a right line (max({K:g} · noise, {C:g} · ulp,
  √terms · 2⁻²⁴), `compare/verdict.py`),
  bit for bit where the line only copies); and those that the parser refuses at their own line: nothing is left to find.
- Seconds are of one diagnosis on one thread; the original, the same for all faults of a model, is traced once."""


def sheet(record: Record, count: int, seed: int, only: str = "", clean: int = CLEAN) -> Sheet:
    """Everything, in types that JSON has."""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "count": count,
        "seed": seed,
        "only": only,
        "clean_seeds": clean,
        "versions": {"workbench": __version__, "Python": platform.python_version(), **_versions()},
        "summary": summary(record),
        "kinds": by_kind(record),
        "subjects": _subjects(record),
        "absent": record.absent,
        "faults": [
            {
                "kind": t.kind,
                "subject": t.subject,
                "lines": list(t.lines),
                "planted": t.what,
                "located": located(t),
                "right": right(t),
                **_told(t.outcome),
            }
            for t in record.trials
        ],
        "clean": [{"subject": s, "seed": n, "clean": o.clean, **_told(o)} for s, n, o in record.clean],
    }


def _told(outcome: Outcome) -> dict[str, Any]:
    return {
        "line": outcome.line,
        "causes": list(outcome.causes),
        "said": outcome.said[:SAID],
        "refused": outcome.refused,
        "seconds": round(outcome.seconds, 3),
    }


def _versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in ("torch", "openvino", "numpy")}


def _subjects(record: Record) -> list[dict[str, Any]]:
    names = dict.fromkeys(name for name, *_ in record.clean)
    rows = []
    for name in names:
        trials = [t for t in record.trials if t.subject == name]
        seconds = max((t.outcome.seconds for t in trials), default=0.0)
        rows.append({"subject": name, "faults": len(trials), "located": sum(map(located, trials)), "seconds": seconds})
    return rows


def text(sheet: Sheet) -> str:
    """The table for a terminal."""
    lines = [f"{'kind':<30} {'faults':>6} {'located':>8} {'caused':>8} {'false':>7} {'seconds':>8}"]
    for row in sheet["kinds"]:
        numbers = f"{percent(row['located']):>8} {percent(row['caused']):>8} {percent(row['false_claims']):>7}"
        lines.append(f"{row['kind']:<30} {row['faults']:>6} {numbers} {row['seconds']:>8.2f}")
    return "\n".join([*lines, "", *headline(sheet)])


def headline(sheet: Sheet) -> list[str]:
    s = sheet["summary"]
    left_out = ", ".join(f"{n} {why}" for why, n in s["left_out"].items()) or "none"
    return [
        f"{s['faults']} faults of {s['kinds']} kinds, {s['faults'] - s['faults_with_a_cause']} of them without a name",
        f"located {percent(s['located'])}, caused {percent(s['caused'])}, precision {percent(s['precision'])}, "
        f"false claims about what has no name {percent(s['false_claims'])}",
        f"false alarms {percent(s['false_alarms'])} of {s['clean_models']} right models",
        f"seconds: median {s['seconds_median']:.2f}, most {s['seconds_most']:.1f}; left out: {left_out}",
        *(f"not available: {name}: {why}" for name, why in sheet["absent"].items()),
    ]


def markdown(sheet: Sheet) -> str:
    """The page for docs/."""
    versions = ", ".join(f"{name} {version}" for name, version in sheet["versions"].items())
    only = f" --only {sheet['only']}" if sheet["only"] else ""
    clean = f" --clean {sheet['clean_seeds']}" if sheet["clean_seeds"] != CLEAN else ""
    command = f"workbench faultbench --count {sheet['count']} --seed {sheet['seed']}{clean}{only}"
    parts = [
        "# Diagnosis, measured by planted faults",
        f"<!-- Generated by `{command} --markdown FILE`. -->",
        f"{sheet['date']}; {versions}. Every figure comes out of `{command}`: the seed alone decides which faults are "
        "planted where. What plants and what diagnoses share nothing but the public API.",
        "\n".join(f"- {line}" for line in headline(sheet)),
        "## What the figures mean",
        RULES,
        "## By kind",
        _table(("kind", "group", "faults", "located", "caused", "false claims", "median s"), [
            (r["kind"], r["group"], r["faults"], *map(percent, (r["located"], r["caused"], r["false_claims"])),
             f"{r['seconds']:.2f}") for r in sheet["kinds"]]),
        "## By model",
        _table(("model", "faults", "located", "slowest, s"), [
            (r["subject"], r["faults"], r["located"], f"{r['seconds']:.1f}") for r in sheet["subjects"]]),
        "## Faults not located, not named, or named wrongly",
        _missed(sheet),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _missed(sheet: Sheet) -> str:
    groups = {row["kind"]: row["group"] for row in sheet["kinds"]}
    rows = [
        (f["kind"], f["subject"], "/".join(map(str, f["lines"])), f["planted"], f["line"] or "none",
         ", ".join(f["causes"]) or ("an error" if f["refused"] else "no cause"))
        for f in sheet["faults"]
        if not f["located"] or len(f["causes"]) != (groups[f["kind"]] != UNLISTED) or (f["causes"] and not f["right"])
    ]  # fmt: skip
    return _table(("kind", "model", "line", "planted", "line named", "said"), rows) if rows else "None."


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    cells = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(c).replace("|", "\\|") for c in row) + " |" for row in cells)


def percent(part: float | None) -> str:
    return "" if part is None else f"{100 * part:.1f} %"
