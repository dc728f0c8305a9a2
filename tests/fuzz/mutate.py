"""Mutations of texts and bytes: at single bytes, at tokens, and by splicing two seeds."""

import re

TOKENS = re.compile(rb"[A-Za-z_]+|\d+|\s+|.", re.S)
WORDS = [
    *(
        b"-1 0 1 2 99999999999999999999 -2147483649 1e308 nan inf 1/0 (((( $ $X * , = [ ] # [end] "
        b"[model] [input] [default] [output] input= refname=A shape= 4096,4096,4096 "
        b"name=a.b@1/op.2:0"
    ).split(),
    b"\xff\xfe",
    b"\xb0\xa1",
    b"\xef\xbb\xbf",
    b"\x00",
    b"\r",
    b"\n",
    b"\t",
]


def mutate(rng, seeds):
    """A few mutations of one seed (bytes), most often one: what is nearly right gets furthest."""
    data = rng.choice(seeds)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 7))):
        data = rng.choice((_byte, _cut, _number, _number, _token, _token, _swap, _repeat, _splice))(rng, data, seeds)
    return data


def _byte(rng, data, seeds):
    at = rng.randrange(len(data) + 1)
    return data[:at] + bytes([rng.randrange(256)]) + data[at + rng.randrange(2) :]


def _cut(rng, data, seeds):
    at = rng.randrange(len(data) + 1)
    return data[:at] + data[at + rng.randrange(40) :]


def _token(rng, data, seeds):
    """A token becomes another of a seed's, or one of the words that often hurt."""
    tokens = TOKENS.findall(data)
    if not tokens:
        return rng.choice(WORDS)
    other = rng.choice(WORDS) if rng.random() < 0.5 else rng.choice(TOKENS.findall(rng.choice(seeds)))
    tokens[rng.randrange(len(tokens))] = other
    return b"".join(tokens)


def _number(rng, data, seeds):
    """A number becomes another, which leaves the grammar right and the shapes wrong."""
    found = list(re.finditer(rb"\d+", data))
    if not found:
        return data
    m = rng.choice(found)
    return data[: m.start()] + rng.choice((b"0", b"1", b"2", b"3", b"7", b"-1", b"100", b"65537")) + data[m.end() :]


def _swap(rng, data, seeds):
    tokens = TOKENS.findall(data)
    if len(tokens) > 1:
        i, j = rng.sample(range(len(tokens)), 2)
        tokens[i], tokens[j] = tokens[j], tokens[i]
    return b"".join(tokens)


def _repeat(rng, data, seeds):
    at = rng.randrange(len(data) + 1)
    piece = data[at : at + rng.randrange(60)]
    return data[:at] + piece * rng.randrange(2, 20) + data[at:]


def _splice(rng, data, seeds):
    other = rng.choice(seeds)
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other) + 1) :]
