"""Texts that a tokenizer may get wrong, chosen and random."""

import random

CHOSEN = [
    "",
    " ",
    "\t\n\r  \u00a0\u3000",
    "The quick brown fox jumps over the lazy dog.",
    "How do I restore a backup?",
    "Naïve café, Ångström, Þórr, œuvre, İstanbul, ŉ, straße, ΣΊΣΥΦΟΣ, Ǆ",
    "e\u0301 a\u0308\u0304 n\u0303 q\u0323\u0307 \u0301alone",
    "日本語のテキスト、中文字符。한국어 텍스트 ｶﾀｶﾅ ㍿ \U0002f81a",
    "emoji 😀 👩‍👩‍👧 🇩🇪 ✈\ufe0f 1\ufe0f\u20e3 🫠",
    "العربية والعبرية עברית עם ניקוד שָׁלוֹם",
    "हिन्दी देवनागरी ไทย ภาษาไทย မြန်မာ",
    "ﬁ ﬀ ﬄ ½ ² ℡ Ⅷ ﷺ",
    "zero\u200bwidth soft\u00adhyphen bom\ufeff nul\u0000 bell\u0007 replacement\ufffd",
    "def f(x: int) -> int:\n\treturn x**2 if x != 0x1F else {'a': [1, 2]}  # code",
    "https://example.org/a/b?c=d&e=%20f#g me@example.org C:\\Windows\\System32",
    "a" * 100,
    "a" * 101 + " b",
    "ä" * 101,
    "pneumonoultramicroscopicsilicovolcanoconiosis antidisestablishmentarianism",
    "[CLS] and [SEP] and [MASK] and [UNK] and [PAD], not [cls] or [SEP",
    "$1,234.56 + 78% – 90° — “quoted” ‘single’ «guillemets» …",
    "word " * 253,
    "word " * 254,
    "word " * 300,
    "unaffable " * 200,
    "世" * 300,
    "\U0001d160 \U0001d15e Ω K Å \u2126 \u212a \u212b",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝐛𝐨𝐥𝐝 ⓒⓘⓡⓒⓛⓔ ｆｕｌｌ",
]

BLOCKS = [
    (0x20, 0x7F), (0xA0, 0x250), (0x250, 0x400), (0x400, 0x530), (0x590, 0x700), (0x900, 0xE00), (0xE00, 0x1100),
    (0x1100, 0x1200), (0x1E00, 0x2100), (0x2000, 0x2070), (0x2100, 0x2C00), (0x3000, 0x3100), (0x3100, 0xA000),
    (0xAC00, 0xD7A4), (0xF900, 0x10000), (0x1F300, 0x1FA00), (0x1D000, 0x1D200), (0x20000, 0x20100), (0x300, 0x370),
    (0, 0x20), (0x10000, 0x12000), (0xE0000, 0xE0100), (0x2F800, 0x2FA20),
]

SPECIAL = [
    "[CLS]", "[SEP]", "[MASK]", "[UNK]", "[PAD]", "[cls]", "[SEP", "[[SEP]]", " ", "  ", "\n", "\t", "\u3000",
    "\u00a0", "\u200b", "\ufeff", "\u00ad", "a" * 99, "a" * 100, "a" * 101, "##ing", "\ufffd", "\u0345", "ß", "İ",
]


def random_text(generator, words, parts=40):
    """Words of the vocabulary, special cases and scalars of all kinds, with and without spaces between."""
    text = []
    for _ in range(generator.randint(0, parts)):
        kind = generator.random()
        if kind < 0.3:
            text.append(generator.choice(words))
        elif kind < 0.45:
            text.append(generator.choice(words).upper() + generator.choice([" ", "", ".", ",", "'"]))
        elif kind < 0.55:
            text.append(generator.choice(SPECIAL))
        else:
            block = generator.choice(BLOCKS)
            text.append("".join(chr(generator.randrange(*block)) for _ in range(generator.randint(1, 6))))
        if generator.random() < 0.5:
            text.append(" ")
    return "".join(text)


def passage(generator, words, count, tokens_of):
    """A text of about `count` tokens of plain words."""
    text = []
    while True:
        text.append(generator.choice(words))
        if len(text) % 8 == 0 and tokens_of(" ".join(text)) >= count:
            return " ".join(text)


def generator(seed):
    return random.Random(seed)
