"""Random texts that reach every repair of ftfy and every step of the tokenizer, for make_tokens.py.

A text is a few pieces run together; each kind of piece aims at one of the steps, and mojibake
pieces are real lines of many scripts put through wrong encodings, once or more, whole or damaged.
"""

import random
import unicodedata
from html.entities import html5

from ftfy.badness import MOJIBAKE_CATEGORIES
from ftfy.chardata import CHARMAP_ENCODINGS, HTML_ENTITIES, LIGATURES, UTF8_CLUES, WIDTH_MAP

BLOCKS = [(0x20, 0x7F), (0xA0, 0x2FF), (0x370, 0x5FF), (0x600, 0xFFF), (0x1000, 0x1FFF)]
BLOCKS += [(0x2000, 0x2FFF), (0x3000, 0xD7FF), (0xE000, 0xFFFF), (0x10000, 0x1FFFF)]
BLOCKS += [(0x20000, 0x3FFFF), (0xE0000, 0x10FFFF)]
SUSPECTS = "".join(chr(c) for c in range(0x80, 0x2700)) + "\uf8ff\ufb01\ufb02\ufffd"
_CLASSES = [*MOJIBAKE_CATEGORIES.values(), *UTF8_CLUES.values()]


def _members(text):
    """The characters of a class written as ftfy writes them: with ranges."""
    found, k = [], 0
    while k < len(text):
        if text[k + 1 : k + 2] == "-":
            found += map(chr, range(ord(text[k]), ord(text[k + 2]) + 1))
            k += 3
        else:
            found.append(text[k])
            k += 1
    return found


CLASSES = [_members(text) for text in _CLASSES]
MARKS = [chr(c) for c in range(0x110000) if unicodedata.combining(chr(c))]
COMPOSED = [chr(c) for c in range(0x110000) if unicodedata.decomposition(chr(c))]
CURLY = "\u02bc\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2032\u00b4`"
CONTROLS = [chr(c) for c in [*range(0x20), *range(0x7F, 0xA0), *range(0x206A, 0x2070)]]
CONTROLS += list("\ufeff\ufff9\ufffa\ufffb\ufffc\u200b\u200d\u2028\u2029\u2060\u00ad")
SPECIAL = ["<start_of_text>", "<end_of_text>", "<|startoftext|>", "<|endoftext|>", "<", "'s", "'LL"]
NAMES = list(HTML_ENTITIES) + ["&" + name for name in html5]


def wrong_decoding(rng, text):
    """The text's bytes in UTF-8, or in CESU-8 or Java's form of it, decoded as something else."""
    data = text.encode()
    if rng.random() < 0.1:
        units = text.encode("utf-16-be")
        pairs = [chr(units[i] << 8 | units[i + 1]) for i in range(0, len(units), 2)]
        data = "".join(pairs).encode("utf-8", "surrogatepass").replace(b"\0", b"\xc0\x80")
    encoding = rng.choice(CHARMAP_ENCODINGS + ["latin-1", "sloppy-windows-1252"] * 3)
    return data.decode(encoding)


def damaged(rng, text):
    kind = rng.randrange(6)
    if kind == 0:
        return text.replace("\xa0", " ")
    if kind == 1:
        return text.replace("\u201d", "\ufffd").replace("\x9d", "\ufffd")
    k = rng.randrange(len(text) + 1)
    if kind == 2:
        return text[:k] + rng.choice(["\ufffd", "?", "\x1a", " ", "\n", ""]) + text[k + 1 :]
    if kind == 3:
        return text[k:]
    if kind == 4:
        return text[:k]
    return text[:k] + rng.choice("aZ .?!&;1\u20ac\u00c3\u00c2") + text[k:]


def mojibake(rng, lines):
    line = rng.choice(lines)
    start = rng.randrange(len(line) + 1)
    text = line[start : start + rng.randint(1, 30)]
    for _ in range(rng.choice([1, 1, 1, 1, 2, 2, 3])):
        if rng.random() < 0.25:
            text = damaged(rng, text)
        text = wrong_decoding(rng, text)
        if rng.random() < 0.25:
            text = damaged(rng, text)
    return text if rng.random() < 0.7 else rng.choice(lines)[: rng.randint(0, 10)] + text


def number(rng):
    return rng.choice([rng.randrange(0x200), rng.randrange(0x12FFFF)])


def entity(rng):
    name = rng.choice(NAMES)
    kind = rng.randrange(7)
    if kind == 0:
        return name.upper()
    if kind == 1:
        return name.lower()
    if kind == 2:
        return f"&#{number(rng)}" + rng.choice(";; x")
    if kind == 3:
        return f"&#{rng.choice('xX')}{number(rng):x};"
    if kind == 4:
        nested = "&" + "amp;" * rng.randint(1, 5)
        return nested + rng.choice(["eacute;", "lt;", "#233;", "ACUTE;", ""])
    if kind == 5:
        parts = ["&", "#", "x", ";", "lt", "amp", "copy", "65", "\xe9", " "]
        return "".join(rng.choices(parts, k=8))
    return name


def escape(rng):
    parts = ["\x1b", "[", "0", "1;3", "m", "K", "\u0663", ";", "x", "\uff11"]
    return "\x1b[" * rng.randint(0, 1) + "".join(rng.choices(parts, k=rng.randint(1, 5)))


def piece(rng, lines):
    kind = rng.randrange(16)
    if kind < 5:
        return mojibake(rng, lines)
    if kind == 5:
        return "".join(rng.choice(rng.choice(CLASSES)) for _ in range(rng.randint(1, 8)))
    if kind == 6:
        return "".join(rng.choice(SUSPECTS) for _ in range(rng.randint(1, 8)))
    if kind == 7:
        return entity(rng)
    if kind == 8:
        return "".join(map(chr, rng.choices([*LIGATURES, *WIDTH_MAP, 0xFF00, 0xFFEF], k=4)))
    if kind == 9:
        return "".join(rng.choices([*CURLY, "a", "s", "t", " "], k=5))
    if kind == 10:
        return rng.choice("aB1 ") + rng.choice(CONTROLS) + rng.choice("c\xe9 \n\r")
    if kind == 11:
        base = rng.choice([*"aeiouAOUK", rng.choice(COMPOSED), "\u03b1", "\u0915", "\u304b"])
        return base + "".join(rng.choices([*MARKS, *"\u0301\u0308\u0323\u0327\u031b" * 80], k=4))
    if kind == 12:
        spans = [(0x1100, 0x1113), (0x1160, 0x1176), (0x11A6, 0x11C4), (0xAC00, 0xD7A4)]
        return "".join(chr(rng.randrange(*rng.choice(spans))) for _ in range(rng.randint(1, 5)))
    if kind == 13:
        return rng.choice([escape(rng), rng.choice(SPECIAL), rng.choice(SPECIAL).upper()])
    if kind == 14:
        line = rng.choice(lines)
        return line[rng.randrange(len(line)) :][: rng.randint(1, 20)]
    picks = [rng.choice(BLOCKS) for _ in range(rng.randint(1, 6))]
    return "".join(chr(rng.randint(*block)) for block in picks)


def random_text(rng, lines):
    count = rng.choice([1, 1, 1, 2, 2, 3, 5])
    text = rng.choice(["", " ", " ", "\n"]).join(piece(rng, lines) for _ in range(count))
    if rng.random() < 0.05:
        text = wrong_decoding(rng, text)
    return "".join(c for c in text if not 0xD800 <= ord(c) <= 0xDFFF)


def random_texts(seed, count, lines):
    rng = random.Random(seed)
    for _ in range(count):
        yield random_text(rng, lines)
