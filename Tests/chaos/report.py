"""docs/reliability.md: what the suite found, and how to find it again."""

import platform
import re
from datetime import date
from pathlib import Path

from fault import REGISTER
from screen import KINDS

PATH = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
ROW = re.compile(r"^\| `([a-z0-9-]+)` \|(?:[^|]*\|){7}$")

HEAD = """# Reliability, measured

`scripts/chaos` starts real processes: several `parley serve` on one data folder and one Redis, a scripted model server,
and clients over server-sent events and WebSockets. It breaks something at a random moment, lets everything come to its
end, and compares what every reader showed, event by event, with what the database says. This page is written by it.

## What an acknowledgement means

A 2xx answer to a write, or `accepted` over a WebSocket, is sent after the database has committed. For a message that is
one transaction with the message, the place for the answer, and the turn. From then on:

- the message is there, as it was sent, once, whatever process dies and whatever Redis forgets;
- the answer comes to an end, `completed`, `stopped` or `failed`, and every node tells the same of it;
- a reader that follows it, from any node and over any number of connections, ends with the text of the database.

No acknowledgement means: it may or may not have happened. Sent again with the same id it takes effect once, and the
answer is the turn of the first time.

Redis holds nothing that was acknowledged, with one exception: sessions. A Redis that forgets signs everybody out.
[Guarantees](guarantees.md) has the promises in full, with what is not promised.

## What counts as a violation

{kinds}

A screen follows the rule of the wire like the page: it drops what it has seen and obeys `replace`. But where the page
forgives, the suite does not: on one connection an event that is missing or comes twice is a violation, though no user
would see it. The scripted model says the same words whenever it is asked, so that a screen must show the beginning of
these words at every moment.
"""

TABLE = """## Results

{machine}

| fault | runs | violations | recovery p50 | p99 | longest | promised | {times} |
|---|--:|--:|--:|--:|--:|--:|---|
"""

TAIL = """
What is done and what is timed:

{faults}

## How to repeat a run

```
scripts/chaos                                   # every fault, {full} runs; writes this page
scripts/chaos --short                           # what continuous integration runs, under four minutes
scripts/chaos --fault kill-owner --runs 20      # one fault (or several, with commas)
scripts/chaos --fault kill-owner --seed 7 --round 3
scripts/chaos --list
```

It says its seed first. Every round takes its moments, nodes and lengths from seed, fault and number of the round, and
a violation names them: the last form repeats that round alone. Processes and networks have their own mind about
microseconds, so a rare one may need more than one try; `--keep` keeps what the nodes logged, as a violation does.

A checker that cannot fail proves nothing. `--sabotage KIND` puts a broken relay before one reader of each answer
({sabotage}), and the suite must then find violations; `Tests/chaos/test_checkers.py` does this for each kind.
"""


def percentile(values, share):
    """The smallest value that so large a share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-len(ordered) * share // 100) - 1))]


def seconds(value):
    return "" if value is None else f"{value:.2f} s" if value < 10 else f"{value:.1f} s"


def row(result):
    times = result["recoveries"]
    figures = [seconds(percentile(times, share)) for share in (50, 99, 100)] if times else ["", "", ""]
    goal = result["goal"]
    cells = [
        f"`{result['fault']}`", str(result["runs"]), str(result["violations"]), *figures,
        f"≤ {goal:g} s" if goal else "", f"{result['nodes']}, {result['date']}",
    ]
    return "| " + " | ".join(cells) + " |"


def known_rows():
    """The rows of faults that are not tried this time stay as they are."""
    if not PATH.exists():
        return {}
    found = (ROW.match(line) for line in PATH.read_text().splitlines())
    return {match.group(1): match.group(0) for match in found if match}


def write(results, sabotage_kinds):
    rows = known_rows()
    rows.update({result["fault"]: row(result) for result in results})
    text = HEAD.format(kinds="\n".join(f"- *{kind}*: {meaning}" for kind, meaning in KINDS.items()))
    text += "\n" + TABLE.format(machine=machine(), times="nodes, date")
    text += "\n".join(rows[name] for name in REGISTER if name in rows) + "\n"
    text += TAIL.format(
        faults="\n".join(f"- `{fault.name}`: {fault.does} *Recovery: {fault.timed}.*" for fault in REGISTER.values()),
        full=f"{sum(fault.runs for fault in REGISTER.values()):,}",
        sabotage=", ".join(f"`{kind}`" for kind in sabotage_kinds),
    )
    PATH.write_text(text)


def machine():
    cores = 0
    model = platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        cores += line.startswith("processor")
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
    return (
        f"Everything on one machine with {cores} cores ({model}), debug build. Recovery is in seconds as a reader sees it; "
        "where nothing is promised, the column is empty."
    )


def today():
    return date.today().isoformat()
