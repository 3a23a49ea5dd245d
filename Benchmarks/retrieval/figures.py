#!/usr/bin/env python3
"""Measures what searches find on a collection with known answers, and prints a table.

    swift build --product retrieval-figures
    Benchmarks/retrieval/figures.py FOLDER [--unrelated FILE]

FOLDER has a collection in one of two forms: Cranfield's (cran.all.1400 or another `.all` file, a `.qry` and `cranqrel` or
another `qrel` file; query numbers there are positions) or BEIR's (corpus.jsonl, queries.jsonl and qrels/test.tsv, or the
three as .tsv files without a heading: id, title, text; id, query; query id, document id, grade). A grade above 0 is
relevant. The search runs in `retrieval-figures`: Parley's database, index, embedder and search. RRF and convex fusion, to
compare with, are made here of what its two ways of searching bring. --unrelated names a file of questions, one a line, on
which the collection has nothing: it is printed how many get an answer none the less.

nDCG@10 is of binary relevance. `search` is what a user gets: after the relevance floor and without repeats. Takes about
two minutes for 1,400 documents, most of it embedding. Needs nothing but Python.
"""

import argparse
import json
import math
import random
import re
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def sections(path):
    """The records of a file in SMART's form: `.I` begins one, `.T` its title, `.W` its text."""
    record, field = None, None
    for line in path.read_text(errors="replace").lstrip("\ufeff").splitlines():
        if match := re.match(r"\.I\s+(\S+)", line):
            if record:
                yield record
            record, field = defaultdict(list), None
            record["id"] = match[1]
        elif match := re.match(r"\.([A-Z])\s*$", line):
            field = match[1]
        elif record and field:
            record[field].append(line)
    if record:
        yield record


def words(lines):
    return " ".join(" ".join(lines).split())


def cranfield(folder):
    documents = []
    for record in sections(next(iter(sorted(folder.glob("*.all*"))))):
        title, text = words(record["T"]), words(record["W"])
        # Cranfield's texts begin with their titles.
        documents.append((record["id"], title, text.removeprefix(title).strip() or title))
    # Relevance names queries by their position, whatever their own numbers are.
    queries = [
        (str(place), words(record["W"]))
        for place, record in enumerate(sections(next(folder.glob("*.qry"))), 1)
    ]
    relevant = defaultdict(set)
    for line in next(path for path in folder.glob("*qrel*") if path.suffix != ".readme").read_text().splitlines():
        if len(fields := line.split()) >= 3 and int(fields[2]) > 0:
            relevant[fields[0]].add(fields[1])
    return documents, queries, relevant


def rows(folder, name):
    """Of `name.jsonl` or `name.tsv`, as lists of fields."""
    path = next((path for path in (folder / f"{name}.jsonl", folder / f"{name}.tsv") if path.exists()), None)
    if not path:
        sys.exit(f"{folder} has no {name}.jsonl and no {name}.tsv")
    for line in path.read_text().splitlines():
        if path.suffix == ".jsonl" and line.strip():
            record = json.loads(line)
            yield [str(record.get("_id", record.get("id"))), *(record.get(key, "") for key in ("title", "text"))]
        elif line.strip():
            yield line.split("\t")


def beir(folder):
    documents = [(row[0], row[1] if len(row) > 2 else "", row[-1]) for row in rows(folder, "corpus")]
    relevant = defaultdict(set)
    for path in (folder / "qrels" / "test.tsv", folder / "qrels.tsv"):
        if path.exists():
            for line in path.read_text().splitlines():
                fields = line.split("\t")
                if fields[-1].lstrip("-").isdigit() and int(fields[-1]) > 0:
                    relevant[fields[0]].add(fields[-2])
            break
    queries = [(row[0], row[-1]) for row in rows(folder, "queries") if row[0] in relevant]
    return documents, queries, relevant


def answers(documents, queries, encoder):
    program = ROOT / ".build" / "debug" / "retrieval-figures"
    lines = [{"id": key, "title": title, "text": text} for key, title, text in documents]
    lines += [{"id": key, "query": text} for key, text in queries]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [program, "--folder", folder, "--encoder", encoder], input="\n".join(map(json.dumps, lines)),
            stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def reciprocal_ranks(words, vectors):
    scores = defaultdict(float)
    for way in (words, vectors):
        for rank, document in enumerate(way["documents"], 1):
            scores[document] += 1 / (60 + rank)
    return sorted(scores, key=lambda document: (-scores[document], document))


def convex(words, vectors, weight=0.6):
    scores = defaultdict(float)
    for way, share in ((words, 1 - weight), (vectors, weight)):
        if way["scores"]:
            least, largest = min(way["scores"]), max(way["scores"])
            for document, score in zip(way["documents"], way["scores"]):
                scores[document] += share * (score - least) / ((largest - least) or 1)
    return sorted(scores, key=lambda document: (-scores[document], document))


def gain(found, relevant, depth=10):
    ideal = sum(1 / math.log2(rank + 2) for rank in range(min(depth, len(relevant))))
    return sum(1 / math.log2(rank + 2) for rank, key in enumerate(found[:depth]) if key in relevant) / ideal


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--encoder", default=ROOT / ".vendor" / "encoder")
    parser.add_argument("--unrelated", type=Path)
    arguments = parser.parse_args()
    is_beir = any((arguments.folder / name).exists() for name in ("corpus.jsonl", "corpus.tsv"))
    documents, queries, relevant = (beir if is_beir else cranfield)(arguments.folder)
    queries = [query for query in queries if relevant[query[0]]]
    unrelated = arguments.unrelated.read_text().splitlines() if arguments.unrelated else []
    extra = [(f"unrelated {place}", text) for place, text in enumerate(unrelated) if text.strip()]
    found = answers(documents, queries + extra, arguments.encoder)

    runs, times = defaultdict(list), defaultdict(list)
    asked = found[: len(queries)]
    for answer in asked:
        ways = answer["ways"]
        for name in ("words", "vectors", "ranking", "search"):
            runs[name].append(ways[name]["documents"])
            times[name].append(ways[name]["milliseconds"])
        runs["RRF"].append(reciprocal_ranks(ways["words"], ways["vectors"]))
        runs["convex"].append(convex(ways["words"], ways["vectors"]))

    print(f"{len(documents)} documents, {len(queries)} queries, {sum(map(len, relevant.values()))} relevant\n")
    print("| way | nDCG@10 | recall@100 | ms, median | ms, 99th percentile |\n|---|---|---|---|---|")
    names = {"words": "BM25", "vectors": "vectors", "RRF": "RRF", "convex": "convex fusion",
             "ranking": "Parley's ranking", "search": "Parley's search"}
    gains = {}
    for key, name in names.items():
        gains[key] = [gain(run, relevant[answer["id"]]) for run, answer in zip(runs[key], asked)]
        recall = statistics.mean(
            len(set(run[:100]) & relevant[answer["id"]]) / len(relevant[answer["id"]])
            for run, answer in zip(runs[key], asked))
        spent = sorted(times[key])
        took = f"{statistics.median(spent):.1f} | {spent[int(len(spent) * 0.99)]:.1f}" if spent else "| "
        shown = "" if key == "search" else f"{recall:.3f}"
        print(f"| {name} | {statistics.mean(gains[key]):.4f} | {shown} | {took} |")

    chance = random.Random(1)
    for other in ("RRF", "convex"):
        better = [one - two for one, two in zip(gains["ranking"], gains[other])]
        means = sorted(statistics.mean(chance.choices(better, k=len(better))) for _ in range(2000))
        print(f"\nParley's ranking against {other}: {statistics.mean(better):+.4f} nDCG@10, "
              f"95 % between {means[50]:+.4f} and {means[1949]:+.4f} (bootstrap over queries)")
    empty = sum(not run for run in runs["search"])
    print(f"\nQueries that get no passage: {empty} of {len(queries)}")
    if extra:
        given = sum(bool(answer["ways"]["search"]["documents"]) for answer in found[len(queries):])
        print(f"Unrelated queries that get one: {given} of {len(extra)}")


if __name__ == "__main__":
    main()
