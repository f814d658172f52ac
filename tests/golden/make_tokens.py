#!/usr/bin/env python3
"""Writes tests/golden/tokens/: texts and the ids that open_clip's tokenizer gives them.

texts.jsonl.gz   {"text" or "bytes", "ids"[, "context"]}: whole calls, start and end included,
                 without padding, context 77 unless said; "bytes" are hexadecimal, no UTF-8, and
                 open_clip got them decoded with errors="replace"
steps.jsonl.gz   {"step", "in", "out"}: single steps of the cleaning, and the word pattern
long.jsonl       {"piece", "times", "count", "crc"}: a million characters or so; how many ids, and
                 the CRC-32 of the ids as 32-bit little-endian numbers
openai.jsonl     {"text", "ids"}: openai/CLIP's ids where the two spell the special tokens otherwise
../../fuzz/corpus/tokenizer: where the fuzzer starts, one file a text
unicode.json     CRC-32 of the class, the lower case, ... of every code point

Run with the reference's environment: python tests/golden/make_tokens.py
  --openai FILE  FILE is clip/simple_tokenizer.py of openai/CLIP (a copy outside of the project):
                 writes openai.jsonl, and checks that both give the same ids to all other texts
  --fuzz N       writes nothing; compares `glint tokenize` with open_clip on N random texts
"""

import argparse
import gzip
import html
import importlib.util
import json
import os
import random
import re
import subprocess
import sys
import unicodedata
import zlib
from array import array
from pathlib import Path

import ftfy
import open_clip
import regex
from ftfy.badness import is_bad
from open_clip.tokenizer import SimpleTokenizer, default_bpe
from token_fuzz import random_texts
from token_texts import (
    CAPTIONS,
    CASES,
    CODE_POINTS,
    EMOJI,
    LANGUAGES,
    REPAIRS,
    SPACES,
    SPECIAL,
    entity_texts,
    repaired_texts,
    script_texts,
    utf8_errors,
)

EXPECTED = {
    "open_clip": "3.3.0",
    "ftfy": "6.3.1",
    "regex": "2026.11.19",
    "Python's Unicode": "14.0.0",
}
TOKENIZER = SimpleTokenizer()
PACKAGE = Path(__file__).resolve().parents[2] / "models/tiny-clip.glint"
LINES = LANGUAGES + CAPTIONS + EMOJI
OPENAI_SPECIAL = """<|startoftext|>
<|endoftext|>
a <|STARTOFTEXT|> b<|EndOfText|>c
<|startoftext|><|endoftext|><|startoftext|>
<start_of_text> <end_of_text> <|startoftext |>
<|\u017ftartoftext|>
!<|startoftext|> 's<|endoftext|>'s
&lt;|startoftext|&gt; &lt;|endoftext|>""".split("\n")
# Where NUL stands: any character in the neighbourhoods that ftfy's badness looks at.
NEIGHBOURS = ["\0", "\xc3\0", "\xe9\0a", "\0\xa6", "x\0\xa6", "\0\xc2 ", "\xd8\0\xd9\0"]
NEIGHBOURS += ["\u0413\0\u0412"]
SPELLINGS = re.compile(r"<\|(start|end)oftext\|>|<(start|end)_of_text>", re.IGNORECASE)


def check_versions():
    found = {
        "open_clip": open_clip.__version__,
        "ftfy": ftfy.__version__,
        "regex": regex.__version__,
        "Python's Unicode": unicodedata.unidata_version,
    }
    if found != EXPECTED:
        sys.exit(f"expected {EXPECTED}, got {found}")


def ids(text, context):
    """A row of SimpleTokenizer.__call__ without its padding, which is an id like any other."""
    row = TOKENIZER(text, context)[0].tolist()
    whole = [TOKENIZER.sot_token_id, *TOKENIZER.encode(text), TOKENIZER.eot_token_id]
    return row[: min(len(whole), context)]


def merged_texts(rng):
    """Words of the vocabulary run together and cut, which makes many rounds of merges."""
    words = [word[:-4] for word in TOKENIZER.encoder if word.endswith("</w>") and word.isascii()]
    for _ in range(200):
        text = "".join(rng.choices(words, k=rng.randint(1, 5)))
        yield text[rng.randint(0, 2) :]


def long_texts(rng):
    """(text, context): lengths around the context, and cuts inside a word."""
    words = ["cat", "dogs", "photograph", "xylophonist", "7", "!", "naïve", "日本", "🐱"]
    for wanted in (75, 76, 77, 78, 79, 500):
        for context in (77, 512):
            text = ""
            while len(TOKENIZER.encode(text)) < wanted - 2:
                text += " " + rng.choice(words)
            yield text, context
        exact = "a " * (wanted - 2)
        yield exact, 77
    yield "a photo of a cat", 2
    yield "a photo of a cat", 3
    yield "antidisestablishmentarianism is long", 4
    yield "a photo of a cat", 6
    yield "a photo of a cat", 7
    yield "", 2
    yield "x" * 5000, 77
    yield "".join(rng.choices("abcdefghij", k=3000)), 512


def texts():
    rng = random.Random(77)
    yield from (text for text in ["", " ", "a", "!", "0", "\n", "\t \r\n", "\0", "a\0b\0"])
    yield from CAPTIONS
    yield from (line.upper() for line in CAPTIONS)
    yield from LANGUAGES
    yield from EMOJI
    yield " ".join(EMOJI)
    yield from SPECIAL
    yield from OPENAI_SPECIAL
    yield from CASES
    yield from (word for line in CASES for word in line.split(" "))
    yield from (f"{space}a{space}{space}B{space}" for space in SPACES)
    yield from (f"a{chr(c)}b {chr(c)}" for c in [*range(0x20), *range(0x7F, 0xA1), 0xAD])
    yield from script_texts(rng)
    yield from entity_texts(rng)
    yield from merged_texts(rng)
    yield from repaired_texts()
    yield from random_texts(77, 2500, LINES)


def text_lines():
    seen = set()
    for text, context in [*((text, 77) for text in texts()), *long_texts(random.Random(78))]:
        if (text, context) in seen:
            continue
        seen.add((text, context))
        line = {"text": text, "ids": ids(text, context)}
        yield line if context == 77 else {**line, "context": context}
    for data in utf8_errors(random.Random(80)):
        yield {"bytes": data.hex(), "ids": ids(data.decode("utf-8", "replace"), 77)}


def long_lines():
    captions = " ".join(CAPTIONS[:10]) + "\n"
    languages = " ".join(LANGUAGES)
    pieces = [captions, languages, languages.encode().decode("sloppy-windows-1252") + "\n"]
    pieces += [unicodedata.normalize("NFD", languages), " ".join(EMOJI), "&amp;eacute; ﬁ “x”\r\n"]
    for piece in pieces:
        times = 1_000_000 // len(piece) + 1
        found = array("i", TOKENIZER.encode(piece * times))
        assert sys.byteorder == "little" and found.itemsize == 4
        crc = zlib.crc32(found.tobytes())
        yield {"piece": piece, "times": times, "count": len(found), "crc": crc}


def step_lines():
    rng = random.Random(79)
    words_in = [*CAPTIONS, *SPECIAL, *CASES, "a\u0345b", "!\u0345! \u0345", "\u0345", "a\u001cb"]
    entity_lines = list(entity_texts(rng))[::3]
    fuzzed = list(random_texts(79, 1500, LINES))
    words_in += fuzzed[:100] + entity_lines[:20]
    for text in [*entity_lines, "no reference", "&", "&lt", "a&ltb", "&#13;&#x0D", "&#128;" * 3]:
        yield {"step": "unescape", "in": text, "out": html.unescape(text)}
    for text in ["", " ", "".join(SPACES), *(f"{c}a{c}{c}b{c}" for c in SPACES)]:
        yield {"step": "collapse", "in": text, "out": " ".join(text.split()).strip()}
    ignorable = ["'", ".", "\u00ad", "\u0301", "\u02b0", "\u0345", "1", " ", "日", "ª", "ⓐ", "Σ"]
    sigmas = ["".join(rng.choices([*ignorable, "Σ", "Σ", "Α", "a"], k=7)) for _ in range(150)]
    for text in [*CASES, *LANGUAGES, *sigmas]:
        yield {"step": "lower", "in": text, "out": text.lower()}
    for text in [*REPAIRS, *fuzzed]:
        yield {"step": "ftfy", "in": text, "out": ftfy.fix_text(text)}
    for text in words_in:
        yield {"step": "words", "in": text, "out": TOKENIZER.pat.findall(text)}


def unicode_summary():
    classes = []
    for c in map(chr, CODE_POINTS):
        word = TOKENIZER.pat.fullmatch(c)
        letter = word and len(TOKENIZER.pat.findall("a" + c)) == 1
        number = word and not letter and len(TOKENIZER.pat.findall("!" + c + c)) == 3
        kind = "letter" if letter else "number" if number else "other" if word else "none"
        classes.append("LN.-"[["letter", "number", "other", "none"].index(kind)])
    lower = "".join(chr(c).lower() for c in CODE_POINTS)
    final = "".join(f"{chr(c)}Σ a{chr(c)}Σ aΣ{chr(c)}a " for c in CODE_POINTS).lower()
    around = [f"{chr(c)} a{chr(c)}\u0301 \uac00{chr(c)}\u0323 " for c in CODE_POINTS]
    nfc = "".join(unicodedata.normalize("NFC", text) for text in around)
    bad = "".join("-b"[is_bad(t.replace("\0", chr(c)))] for c in CODE_POINTS for t in NEIGHBOURS)
    spaces = "".join("s" if chr(c).isspace() else "-" for c in CODE_POINTS)
    return {
        "classes": zlib.crc32("".join(classes).encode()),
        "nfc": zlib.crc32(nfc.encode()),
        "bad": zlib.crc32(bad.encode()),
        "spaces": zlib.crc32(spaces.encode()),
        "lower": zlib.crc32(lower.encode()),
        "final_sigma": zlib.crc32(final.encode()),
    }


def write_lines(path, lines):
    lines = [json.dumps(line, ensure_ascii=False, separators=(",", ":")) for line in lines]
    data = "".join(line + "\n" for line in lines).encode()
    if path.suffix == ".gz":
        data = gzip.compress(data, mtime=0)
    path.write_bytes(data)
    print(f"{path.name}: {len(lines)} lines, {len(data)} bytes")
    return len(lines)


def write_corpus(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for k, text in enumerate([*REPAIRS, *SPECIAL[::4], *OPENAI_SPECIAL[::4], *CASES[::4]]):
        (folder / f"{k:02}.txt").write_bytes(text.encode())


def openai_lines(tokenizer_file):
    spec = importlib.util.spec_from_file_location("simple_tokenizer", tokenizer_file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    tokenizer = module.SimpleTokenizer(default_bpe())
    checked = 0
    for text in dict.fromkeys([*texts(), *random_texts(81, 20_000, LINES)]):
        theirs = tokenizer.encode(text)
        if SPELLINGS.search(html.unescape(html.unescape(text))):
            whole = [TOKENIZER.sot_token_id, *theirs, TOKENIZER.eot_token_id]
            if len(whole) <= 77 and text in SPECIAL + OPENAI_SPECIAL:
                yield {"text": text, "ids": whole}
            continue
        assert theirs == TOKENIZER.encode(text), ascii(text)
        checked += 1
    print(f"openai/CLIP agrees on {checked} texts")


def glint_ids(texts_given):
    """Of `glint tokenize`: lines of its input, or arguments where the texts have line feeds."""
    program = os.environ.get("GLINT_PROGRAM", "build/release/bin/glint")
    by_line = "\n" not in texts_given[0]
    command = [program, "tokenize", "--model", str(PACKAGE)]
    command += ["-"] if by_line else ["--", *texts_given]
    stdin = "".join(text + "\n" for text in texts_given) if by_line else ""
    done = subprocess.run(command, input=stdin.encode(), check=True, stdout=subprocess.PIPE)
    return [json.loads(line) for line in done.stdout.splitlines()]


def fuzz(count, seed):
    groups = {True: [], False: []}
    for text in random_texts(seed, count, LINES):
        if "\0" not in text and not text.endswith("\r") and text != "-":
            groups["\n" in text].append(text)
    compared = differences = 0
    for group in groups.values():
        for start in range(0, len(group), 2000):
            batch = group[start : start + 2000]
            for text, got in zip(batch, glint_ids(batch), strict=True):
                compared += 1
                if got != ids(text, 77):
                    differences += 1
                    print(f"differs: {ascii(text)}")
    print(f"{compared} random texts, {differences} differences")
    return differences


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--openai", type=Path)
    parser.add_argument("--fuzz", type=int)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    check_versions()
    if options.fuzz:
        sys.exit(fuzz(options.fuzz, options.seed) > 0)
    folder = Path(__file__).resolve().parent / "tokens"
    folder.mkdir(exist_ok=True)
    if options.openai:
        write_lines(folder / "openai.jsonl", openai_lines(options.openai))
    assert write_lines(folder / "texts.jsonl.gz", text_lines()) >= 5000
    write_lines(folder / "steps.jsonl.gz", step_lines())
    write_lines(folder / "long.jsonl", long_lines())
    write_corpus(folder.parents[1] / "fuzz/corpus/tokenizer")
    (folder / "unicode.json").write_text(json.dumps(unicode_summary(), indent=1) + "\n")


if __name__ == "__main__":
    main()
