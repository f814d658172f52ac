"""The texts of tests/golden/tokens, for make_tokens.py."""

import unicodedata
from html.entities import html5

from ftfy.chardata import CHARMAP_ENCODINGS, CONTROL_CHARS, LIGATURES, WIDTH_MAP

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

REPAIRS = [
    "schÃ¶n", "voilÃ le travail", "Ã la mode", "Ã s vezes", "Ã quele lugar", "cafÃ© \n", "Â¿QuÃ©?",
    "doesnâ€™t", "â€œquotedâ€\x9d", "â€œquotedâ€�", "ï»¿bom", "ðŸ˜€ ðŸ \x8d", "â\x80\x94", "Ð¿Ñ€Ð¸Ð²ÐµÑ‚",
    "Ã\x82Â©", "ÃƒÂ©t\xe9", "l\u2019humanitÃ©", "\x93smart\x94 \x85", "sÃ£o\xa0Paulo", "£100 Â£100",
    "í\xa0½í¸\x8d", "í\xa0½í²\n", "À\x80Ã©", "Ã©À\n", "Ã©í\xa0½í¸\x8d", "Ã©?Ã?", "Ã©â�", "ã�‚ã„",
    "¯\\_(ツ)_/¯", "ﬁne eﬃcient ﬂuﬀy", "ＬＯＵＤ　ＮＯＩＳＥＳ", "ﾊﾝｶｸ ﾊﾞﾋﾟ", "ￋￂ ﾡￂﾨ", "“quoted” ‘single’",
    "&eacute; &EACUTE; &NTILDE; &SZLIG; &FFILIG; &nTILDE; &lt;", "&#233; &#xE9; &#233 &#59; &#12abc;",
    "&amp;amp;amp;eacute;", "1 < 2 &eacute;", "&eacute;\n<b>&eacute;\n&EACUTE;", "&hellip;&rsquo;&nbsp;",
    "&CounterClockwiseContourIntegral; &notit; &am&#112;;", "\x1b[36;44mblue\x1b[0m \x1b[\u0663m \x1b[m",
    "\x1b[1;\x1b[0mx \x1b", "e\u0301 a\u0323\u0302 A\u030a \u212b \u2126 q\u0307\u0323 \u0958", "\u1112\u1161\u11ab",
    "\uac00\u11a8 \u1100\u1161 \u1161\u11a8", "a\u0315\u0300\u05ae\u0300b \u0344 \u0f73",
]

SPACES = [chr(c) for c in (9, 10, 11, 12, 13, 28, 29, 30, 31, 32, 0x85, 0xA0, 0x1680)] + [
    chr(c) for c in [*range(0x2000, 0x200D), 0x2028, 0x2029, 0x202F, 0x205F, 0x2060, 0x3000, 0xFEFF]
]


def script_letters():
    letters = {script: [] for script in SCRIPTS}
    for c in map(chr, CODE_POINTS):
        if unicodedata.category(c)[0] in "LM":
            script = unicodedata.name(c, "?").split(" ")[0].split("-")[0]
            if script in letters:
                letters[script].append(c)
    return letters


def script_texts(rng):
    """Sixteen lines of made-up words for every script."""
    for script, letters in script_letters().items():
        for _ in range(16):
            alphabet = rng.sample(letters, min(len(letters), 30))
            words = ["".join(rng.choices(alphabet, k=rng.randint(1, 7))) for _ in range(4)]
            yield rng.choice([" ", " ", ", ", "-", " 12 "]).join(words)


def entity_texts(rng):
    """References with a "<", which keeps ftfy from decoding them before html.unescape does."""
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


def repaired_texts():
    """A few of every repair of ftfy, written out."""
    yield from REPAIRS
    for c in [*LIGATURES, *WIDTH_MAP]:
        yield f"a{chr(c)}b {chr(c)}"
    for c in "\u02bc\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2032\u00b4":
        yield f"it{c}s {c}a{c}"
    for c in sorted(CONTROL_CHARS):
        yield f"A{chr(c)}b\xe9{chr(c)}"
    for line in ["a\r\nb", "a\rb\r", "\r\r\n\n", "a\u2028b", "a\u2029b", "\xe9\x85b", "<\n&eacute;"]:
        yield line
    for encoding in CHARMAP_ENCODINGS:
        for line in LANGUAGES + EMOJI[:4]:
            yield line.encode().decode(encoding)
    for k, line in enumerate(LANGUAGES):
        once = line.encode().decode(CHARMAP_ENCODINGS[k % 10])
        yield once.encode().decode(CHARMAP_ENCODINGS[k % 7])
        yield f"na\xefve {once} \u201c{line}\u201d"


def utf8_errors(rng):
    """Bytes that are not UTF-8."""
    yield from [b"a\xff\xe2\x82z", b"\x00", b"\xed\xa0\xbd\xed\xb8\x80", b"\xc0\x80", b"a\xe2\x80"]
    yield from [b"\xf4\x90\x80\x80", b"caf\xe9 \x93quoted\x94", b"\xef\xbb\xbfbom", b"&eacute;\xc3"]
    lines = [line.encode() for line in LANGUAGES + EMOJI]
    for _ in range(200):
        data = bytearray(rng.choice(lines))
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(0x100)
        yield bytes(data[: rng.randint(1, len(data))])
    for _ in range(100):
        yield bytes(rng.choices([0x20, 0x61, *range(0x80, 0x100)], k=rng.randint(1, 12)))
