"""The layer dictionary: made from the classes, read with every bad row told, written so that it reads back."""

import pytest

from workbench.config.dictionary import HEADER, Dictionary, Row, builtin
from workbench.errors import WorkbenchError
from workbench.layers import LAYERS


def test_the_built_in_one_has_every_key_of_every_layer_and_reads_back(tmp_path):
    dictionary = builtin()
    for tag, cls in LAYERS.items():
        assert set(cls.keys()) <= set(dictionary.rows(tag))
    for row in dictionary:
        row.check()
    assert {"model", "input", "output", "default", "base"} <= set(dictionary.layers)
    assert dictionary.rows("conv2d")["kernel"].require and dictionary.rows("input")["refname"].require
    assert dictionary.rows("conv2d")["bn_eps"].init == "1e-05" and "weight" in dictionary.rows("dense")
    dictionary.write(tmp_path / "a.dct")
    assert Dictionary.read(tmp_path / "a.dct") == dictionary


def test_a_table_as_spreadsheets_write_it(tmp_path):
    head = "\t".join(HEADER).encode()
    cp949 = 'a\tk\ts\tx\t"x,y"\t0\t"says ""확인"", twice"\t\t\r\n'.encode("cp949")
    utf8 = 'a\tn\tvi32\t"1,1"\t\t1\t확인\tstride\t\r\n\r\nb\tm\ts\t\t\t0\r\n'.encode()
    (tmp_path / "a.dct").write_bytes(head + b"\r\n" + cp949 + utf8)
    dictionary = Dictionary.read(tmp_path / "a.dct")
    assert list(dictionary) == [
        Row("a", "k", "s", "x", ("x", "y"), False, 'says "확인", twice'),
        Row("a", "n", "vi32", "1,1", (), True, "확인", "stride"),
        Row("b", "m"),
    ]
    dictionary.write(tmp_path / "b.dct")
    assert Dictionary.read(tmp_path / "b.dct") == dictionary


def test_every_bad_row_is_told(tmp_path):
    rows = ["a k integer - - 0", "a k i32 x - 0", "a k s z x,y 0", "a k s - - yes", "- k s - - 0", "a k", "a k s - - 0",
            "a k s - - 0", "a b c d e f g h i j", f"a b s - - 0 {'x' * 200_000}"]  # fmt: skip
    text = "\n".join(rows).replace("-", "").replace(" ", "\t")
    (tmp_path / "a.dct").write_text("\t".join(HEADER) + "\n" + text)
    with pytest.raises(WorkbenchError) as caught:
        Dictionary.read(tmp_path / "a.dct")
    told = {e.where.line: e.problem for e in caught.value.errors}
    assert told == {
        2: "a k: ktype: expected one of f32, i32, s, vf32, vi32, vs; got 'integer'",
        3: "a k: key 'k': expected an integer; got 'x'",
        4: "a k: key 'k': expected one of x, y; got 'z'",
        5: "a k: require: expected 0 or 1; got 'yes'",
        6: " k: expected a layer and a key in the first two columns",
        7: "a k: expected 6 to 9 tab-separated columns; got 2",
        9: "a k: this key has a row above already",
        10: "a b: expected 6 to 9 tab-separated columns; got 10",
        11: "the row cannot be read: field larger than field limit (131072)",
    }
    with pytest.raises(WorkbenchError, match="cannot read the dictionary"):
        Dictionary.read(tmp_path)


def test_one_dictionary_over_another():
    below, above = (
        Dictionary([Row("a", "k", init="1"), Row("a", "l")]),
        Dictionary([Row("a", "k", init="2"), Row("b", "m")], "f"),
    )
    both = above.over(below)
    assert [(r.layer, r.key, r.init) for r in both] == [("a", "k", "2"), ("a", "l", ""), ("b", "m", "")]
    assert both.origin == "f"
