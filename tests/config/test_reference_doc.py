"""docs/language.md says what the classes say."""

from pathlib import Path

from workbench.config.dictionary import SECTIONS
from workbench.config.parse import parse_config
from workbench.config.reference_doc import GRAMMAR, reference
from workbench.layers import LAYERS

DOC = Path(__file__).parents[2] / "docs" / "language.md"


def test_the_reference_is_up_to_date():
    stale = "write it anew: python -m workbench.config.reference_doc docs/language.md"
    assert DOC.read_text(encoding="utf-8") == reference(), stale


def test_every_layer_and_section_has_its_place():
    text = reference()
    for tag, cls in LAYERS.items():
        if cls.__module__.startswith("workbench."):
            assert f"\n### {tag}\n" in text
            assert all(f"\n| `{key}` |" in text for key in [*cls.keys()])
    assert all(f"| `{key.name}` |" in text for keys in SECTIONS.values() for key in keys)


def test_the_example_of_the_grammar_is_a_config():
    example = "".join(line for line in GRAMMAR.splitlines(keepends=True) if line.startswith("    "))
    parsed = parse_config(example, "BATCH=1")
    assert len(parsed.graph.nodes) == 4 and not parsed.warnings
