#!/usr/bin/env python3
"""Writes tests/golden/tokens/: texts and the ids that open_clip's tokenizer gives them.

texts.jsonl    {"text", "ids"[, "context"]}: whole calls, start and end included, without padding,
               context 77 unless said; only texts that ftfy leaves as they are
steps.jsonl    {"step", "in", "out"}: single steps of the cleaning, and the word pattern, for what
               ftfy would keep from reaching them
unicode.json   CRC-32 of the class and of the lower case of every code point

Run with the reference's environment: python tests/golden/make_tokens.py
"""

import html
import json
import random
import sys
import unicodedata
import zlib
from html.entities import html5
from pathlib import Path

import ftfy
import open_clip
import regex
from open_clip.tokenizer import SimpleTokenizer

EXPECTED = {
    "open_clip": "3.3.0",
    "ftfy": "6.3.1",
    "regex": "2026.11.19",
    "Python's Unicode": "14.0.0",
}
TOKENIZER = SimpleTokenizer()
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]

CAPTIONS = """a photo of a cat
A photo of TWO dogs, playing on the beach.
an X-ray of the patient's left knee (2021-03-14, 09:26:53)
Don't stop: it's 5 o'clock, they're late, we've lost, I'm sorry, you'll see, he'd know
DON'T IT'S THEY'RE WE'VE I'M YOU'LL HE'D
rock'n'roll 'tis 'twas o'er 'sup 'd 'll 're 've 'm 's 't '' ' ''s 's's
'st 'SS 'sa 'lla 'remove 've-rything 'mm '.s '1s
$1,234,567.89 + 20% = ~1.5e+06 EUR; -0.5°C / 31.1°F
1234567890 0x1F4A9 3.14159 1,2,3 v1.2.3-rc4 2nd 3rd 10th
http://example.com/a/b?c=d&e=f#g user@example.org #hashtag @someone
!"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~
... --- *** !!! ??? ;;; ::: ,,, ((( ))) [[[ ]]] {{{ }}}
C:\\path\\to\\file.txt ~/.config && make -j2 | tee log || exit 1
x_y_z __init__ snake_case camelCase PascalCase kebab-case
antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis
aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
zzzz qqqq xkcd lol hmm brrr www
a </w> b</w> <w> /w w> < / w > </W>
½ cup ¾ tsp x² y³ H₂O CO₂ ⅓ ⅷ Ⅻ ① ⑳ ㊿ ٣ ३ 三""".split("\n")

LANGUAGES = """Une photo d'un chat noir, à côté d'une fenêtre
Ein Foto von einem großen Hund in der Straße, Äpfel und Öl
Una foto de un niño pequeño comiendo piña en España
Uma foto de um cão e de um avião, coração e maçã
Una foto di un gatto perché è così
Zdjęcie żółtego kota w łóżku, źdźbło
Fotografie malé kočky, příliš žluťoučký kůň úpěl ďábelské ódy
Egy kép egy kutyáról, árvíztűrő tükörfúrógép
Bir kedi fotoğrafı, ışık, İstanbul, ılık süt ığdır
Ảnh chụp một con mèo đang ngủ trên giường
Ljósmynd af ketti, þorn og ð
Фотография кота и собаки на улице
Фотографія кота, її і ґанок
Слика мачке и пса, Ђорђе, Љубав
Μια φωτογραφία μιας γάτας. ΟΔΥΣΣΕΥΣ, ΣΟΦΟΣ ΑΣ
თბილისი არის კატის სურათი
Կատվի լուսանկար և շուն
תמונה של חתול על השולחן
صورة قطة تنام على السرير
یک عکس از گربه روی میز
ایک بلی کی تصویر
बिल्ली की एक तस्वीर और कुत्ता
বিড়ালের একটি ছবি
ਬਿੱਲੀ ਦੀ ਇੱਕ ਫੋਟੋ
બિલાડીનો ફોટો
ଗୋଟିଏ ବିଲେଇର ଫଟୋ
ஒரு பூனையின் புகைப்படம்
ఒక పిల్లి ఫోటో
ಬೆಕ್ಕಿನ ಒಂದು ಫೋಟೋ
ഒരു പൂച്ചയുടെ ചിത്രം
පූසෙකුගේ ඡායාරූපයක්
รูปถ่ายของแมวบนเตียง
ຮູບຂອງແມວ
ကြောင်တစ်ကောင်၏ ဓာတ်ပုံ
រូបថតឆ្មា
ཞི་མིའི་པར་ཞིག
የድመት ፎቶ
一张猫在沙发上睡觉的照片
一張貓在沙發上睡覺的照片
猫の写真です。カタカナとひらがな、日本語
고양이 사진 한 장입니다
ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ
муурын зураг
Hình ảnh của một chú chó
picha ya paka mweusi
kissan kuva ja koira, öljyä
mačiukas ąčęėįšųūž
kaķa fotogrāfija ļoti ņem""".split("\n")

# First words of character names, by which the letters of a script are found.
SCRIPTS = """LATIN GREEK CYRILLIC ARMENIAN HEBREW ARABIC SYRIAC THAANA NKO DEVANAGARI BENGALI GURMUKHI
GUJARATI ORIYA TAMIL TELUGU KANNADA MALAYALAM SINHALA THAI LAO TIBETAN MYANMAR GEORGIAN HANGUL
ETHIOPIC CHEROKEE CANADIAN OGHAM RUNIC TAGALOG KHMER MONGOLIAN LIMBU BALINESE SUNDANESE GLAGOLITIC
COPTIC TIFINAGH HIRAGANA KATAKANA BOPOMOFO CJK YI VAI JAVANESE CHAM GOTHIC DESERET OSMANYA ADLAM
CUNEIFORM EGYPTIAN LINEAR""".split()

EMOJI = """😀 😃😄😁 🤣😂🙂🙃 ❤️ ❤ ♥️ ☀️☁️⛈️ ✈️ ☎️ ✅ ✔️ ❌ ⭐ ⚡ 🔥🔥🔥
👍🏻 👍🏿 👋🏽 🤝🏾 🖖🏼 ✍🏿 👩🏽‍🚀 👨🏿‍⚕️ 🧑🏻‍🤝‍🧑🏾 👩‍❤️‍💋‍👨
👨‍👩‍👧‍👦 👩‍👩‍👦 🏳️‍🌈 🏴‍☠️ 🐕‍🦺 🐻‍❄️ 🐈‍⬛ 👁️‍🗨️ ❤️‍🔥 😮‍💨 🧔‍♂️ 🤷🏽‍♀️
🇩🇪 🇺🇸🇬🇧 🇫🇷🇯🇵🇰🇷 🏴󠁧󠁢󠁥󠁮󠁧󠁿 🏴󠁧󠁢󠁳󠁣󠁴󠁿 1️⃣ #️⃣ *️⃣ 0️⃣9️⃣ 🔟 💯 🆗 🅰️ ㊙️
🐱 🐶cat🐱dog 😺=^.^= a🐈b 🐈‍ ‍🐈 ️ ♠♣♥♦ ♔♕♖♗♘♙ ☠☢☣ ⌚⏰⏳ 🫠🫡🫢 🥹 🪐 🦾🦿 🧿""".split()

SPECIAL = """<start_of_text>
<end_of_text>
<START_OF_TEXT> and <End_Of_Text>
a<start_of_text>b
a <start_of_text> b <end_of_text> c
!<start_of_text>
<<start_of_text>>
'<end_of_text>'
's<end_of_text>'s
<start_of_text><end_of_text><start_of_text>
<start_of_text
start_of_text>
< start_of_text >
<start of text>
<start_of_text/>
<\u017ftart_of_text>
<\u017fTART_OF_TEXT> <end_of_text>
<startoftext> <|startoftext|> <|endoftext|>
<end_of_texts>
<end_of_te\u200dxt>
1<end_of_text>1
&lt;start_of_text&gt; <
&amp;lt;END_OF_TEXT&amp;gt; <
&amp;amp;lt;end_of_text&amp;amp;gt; <""".split("\n")

CASES = """ΣΑΣ ΣΣ Σ ΑΣ ΑΣΑ ΑΣ. ΑΣ.Α Α.Σ Α.ΣΑ Σ. .Σ
ΟΔΟΣ ΟΔΟΣ, ΟΔΟΣ-ΟΔΟΣ ΟΔΟΣ'Σ ΟΔΟΣ:ΟΔΟΣ ΟΔΟΣ\u00adΣ Α\u00adΣ Α\u200dΣ\u200d Α1Σ Α\u0301Σ\u0301 Α\u0301Σ\u0301Α
aΣ Aσ 日Σ Σ日 日Σ日 1Σ Σ1 aΣ1 \u1d2cΣ \u02b0Σ aΣ\u02b0 aΣ\u02b0a ⓐΣ \u24b6Σ ªΣ ʺΣ ΑΣ\u00b7 ΑΣ\u00b7Α
İ İİ İSTANBUL ISPARTA ı I i İ' 'İ
ẞ ß STRASSE STRAẞE ŒUVRE ÆGIR ĲSSEL ǄEMAL ǅemal ǆemal
ſ ſſ 'ſ it'ſ IT'ſ ſtart 'ſt ſ's
K Å Ω µ μ ϐ ϑ ϕ ϖ ϰ ϱ ϵ ẛ ι \u1fbe
ᲐᲑᲒ აბგ ႠႡႢ ⴀⴁⴂ Ꭰ Ꭱ ꭰ ꭱ Ᏸ ᏸ
ⒶⒷⒸ ⓐⓑⓒ ⅠⅡⅢ ⅰⅱⅲ Ↄ ↄ
𐐀𐐁 𐐨𐐩 𞤀𞤁 𞤢𞤣 𑢠 𑣀 𐲀 𐳀 𖹀 𖹠
ᾈ ᾀ ᾼ ᾳ ῼ ῳ Ἀ ἀ Ά Ή
Ꞌ ꞌ Ɥ ɥ Ɦ ɦ Ɬ ɬ Ꭓ ꭓ Ꞵ ꞵ Ʂ ʂ Ᶎ ᶎ Ꟁ ꟁ Ꟑ ꟑ Ꟗ ꟗ Ꟶ ꟶ
Ɐ ɐ Ɽ ɽ Ⱦ ⱦ Ⱥ ⱥ Ɑ ɑ Ȿ ȿ Ɀ ɀ Ⱬ ⱬ""".split("\n")

SPACES = [chr(c) for c in (9, 10, 11, 12, 13, 28, 29, 30, 31, 32, 0x85, 0xA0, 0x1680)] + [
    chr(c) for c in [*range(0x2000, 0x200D), 0x2028, 0x2029, 0x202F, 0x205F, 0x2060, 0x3000, 0xFEFF]
]


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


def script_letters():
    letters = {script: [] for script in SCRIPTS}
    for c in map(chr, CODE_POINTS):
        if unicodedata.category(c)[0] in "LM":
            script = unicodedata.name(c, "?").split(" ")[0].split("-")[0]
            if script in letters:
                letters[script].append(c)
    return letters


def script_texts(rng):
    """Sixteen lines of made-up words for every script, those that ftfy would change left out."""
    for script, letters in script_letters().items():
        kept = 0
        while kept < 16:
            alphabet = rng.sample(letters, min(len(letters), 30))
            words = ["".join(rng.choices(alphabet, k=rng.randint(1, 7))) for _ in range(4)]
            text = rng.choice([" ", " ", ", ", "-", " 12 "]).join(words)
            if ftfy.fix_text(text) == text:
                kept += 1
                yield text


def entity_texts(rng):
    """ftfy leaves references alone in a text that has a "<"."""
    for name in sorted(html5)[::9]:
        yield f"<b> &{name} &{name}x"
    for number in [*range(0, 0x20, 3), *range(0x7F, 0xA1, 4), 0xAD, 0xD7FF, 0xD800, 0xFDD0, 0xFFFE]:
        yield f"< a&#{number};b&#x{number:x} c&#X{number:04X};"
    yield from ["< &#0; &#x110000; &#x10FFFF; &#99999999999999999999;", "< &#; &#x; &#xg; & &; &&"]
    yield from ["< &notit; &notin; &notinva &no &n &ampamp; &AMP &amp;amp;amp;lt;"]
    yield from ["< &CounterClockwiseContourIntegral; &CounterClockwiseContourIntegralxx;"]
    yield from ["< &" + "a" * 31 + "; &" + "lt" * 17 + "; &é; &lté; &#١; &#x１;"]
    for _ in range(60):
        parts = rng.choices(["&", "#", "x", ";", "lt", "amp", "copy", "65", "é", " "], k=12)
        yield "<" + "".join(parts)


def random_texts(rng):
    blocks = [(0x20, 0x7F), (0xA0, 0x2FF), (0x370, 0x5FF), (0x600, 0xFFF), (0x1000, 0x1FFF)]
    blocks += [(0x2000, 0x2FFF), (0x3000, 0xD7FF), (0xE000, 0xFFFF), (0x10000, 0x1FFFF)]
    blocks += [(0x20000, 0x3FFFF), (0xE0000, 0x10FFFF)]
    for _ in range(700):
        picks = [rng.choice(blocks) for _ in range(rng.randint(1, 14))]
        yield "".join(chr(rng.randint(*block)) for block in picks)


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
    yield from (text for text in ["", " ", "a", "!", "0", "\n", "\t \r\n"])
    yield from CAPTIONS
    yield from (line.upper() for line in CAPTIONS)
    yield from LANGUAGES
    yield from EMOJI
    yield " ".join(EMOJI)
    yield from SPECIAL
    yield from CASES
    yield from (word for line in CASES for word in line.split(" "))
    yield from (f"{space}a{space}{space}B{space}" for space in SPACES)
    yield from (f"a{chr(c)}b {chr(c)}" for c in [*range(0x20), *range(0x7F, 0xA1), 0xAD])
    yield from script_texts(rng)
    yield from entity_texts(rng)
    yield from random_texts(rng)
    yield from merged_texts(rng)


def text_lines():
    seen = set()
    for text, context in [*((text, 77) for text in texts()), *long_texts(random.Random(78))]:
        if (text, context) in seen or ftfy.fix_text(text) != text:
            continue
        seen.add((text, context))
        line = {"text": text, "ids": ids(text, context)}
        yield line if context == 77 else {**line, "context": context}


def step_lines():
    rng = random.Random(79)
    words_in = [*CAPTIONS, *SPECIAL, *CASES, "a\u0345b", "!\u0345! \u0345", "\u0345", "a\u001cb"]
    entity_lines = list(entity_texts(rng))[::3]
    words_in += list(random_texts(rng))[:100] + entity_lines[:20]
    for text in [*entity_lines, "no reference", "&", "&lt", "a&ltb", "&#13;&#x0D", "&#128;" * 3]:
        yield {"step": "unescape", "in": text, "out": html.unescape(text)}
    for text in ["", " ", "".join(SPACES), *(f"{c}a{c}{c}b{c}" for c in SPACES)]:
        yield {"step": "collapse", "in": text, "out": " ".join(text.split()).strip()}
    ignorable = ["'", ".", "\u00ad", "\u0301", "\u02b0", "\u0345", "1", " ", "日", "ª", "ⓐ", "Σ"]
    sigmas = ["".join(rng.choices([*ignorable, "Σ", "Σ", "Α", "a"], k=7)) for _ in range(150)]
    for text in [*CASES, *LANGUAGES, *sigmas]:
        yield {"step": "lower", "in": text, "out": text.lower()}
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
    spaces = "".join("s" if chr(c).isspace() else "-" for c in CODE_POINTS)
    return {
        "classes": zlib.crc32("".join(classes).encode()),
        "spaces": zlib.crc32(spaces.encode()),
        "lower": zlib.crc32(lower.encode()),
        "final_sigma": zlib.crc32(final.encode()),
    }


def write_lines(path, lines):
    lines = [json.dumps(line, ensure_ascii=False, separators=(",", ":")) for line in lines]
    path.write_bytes("".join(line + "\n" for line in lines).encode())
    print(f"{path.name}: {len(lines)} lines")
    return len(lines)


def main():
    check_versions()
    folder = Path(__file__).resolve().parent / "tokens"
    folder.mkdir(exist_ok=True)
    assert write_lines(folder / "texts.jsonl", text_lines()) >= 1500
    write_lines(folder / "steps.jsonl", step_lines())
    (folder / "unicode.json").write_text(json.dumps(unicode_summary(), indent=1) + "\n")


if __name__ == "__main__":
    main()
