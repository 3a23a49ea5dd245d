"""The suite from the command line: see scripts/chaos."""

import argparse
import os
import random
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "process"))

import faults_nodes  # noqa: E402, F401, I001
import faults_redis  # noqa: E402, F401, I001
import faults_model  # noqa: E402, F401, I001
import faults_use  # noqa: E402, F401, I001
import faults_limits  # noqa: E402, F401, I001
import faults_jobs  # noqa: E402, F401, I001
import redis_server  # noqa: E402
import report  # noqa: E402
import sabotage  # noqa: E402
from cluster import understands  # noqa: E402
from fault import REGISTER  # noqa: E402
from trial import Options, Trial  # noqa: E402

AT_ONCE_WHEN_SHORT = 2


def hindrance(fault):
    """Why a fault cannot be tried here; None when it can."""
    if fault.needs_redis and not understands("--redis-url"):
        return "this parley knows no --redis-url"
    if not fault.alone and understands("--redis-url") and not redis_server.is_installed():
        return "needs redis-server (Debian: redis-server)"
    return fault.hindrance()


def attempt(fault, options):
    """Tries one fault. Returns its figures; what went wrong is in `found`."""
    trial = Trial(fault, options)
    start = time.monotonic()
    try:
        trial.build()
        fault.run(trial)
    except Exception as error:
        traceback.print_exc()
        trial.violate("stuck", f"the trial broke off: {error!r}")
    finally:
        trial.close()
    return {
        "fault": fault.name, "runs": trial.runs, "violations": len(trial.violations), "recoveries": trial.recoveries,
        "goal": fault.goal if trial.is_clustered or fault.bare else None, "found": trial.violations.found, "notes": trial.notes, "date": report.today(),
        "nodes": "2 workers" if fault.bare else count_of(trial.cluster.nodes if trial.cluster else []),
        "seconds": time.monotonic() - start,
    }


def attempts(tried, at_once):
    """Tries them in order. Most of the time is spent in waiting for leases, so that two at once take half of it; a full
    suite goes one by one, so that its times mean something."""
    if at_once == 1:
        for fault, options in tried:
            yield attempt(fault, options)
        return
    with ThreadPoolExecutor(at_once) as pool:
        yield from pool.map(lambda pair: attempt(*pair), tried)


def count_of(nodes):
    return f"{len(nodes)} node" + ("s" if len(nodes) != 1 else "")


def chosen(arguments):
    names = [name for text in arguments.fault or [] for name in text.split(",")] or list(REGISTER)
    unknown = [name for name in names if name not in REGISTER]
    if unknown:
        sys.exit(f"no such fault: {', '.join(unknown)}; --list shows all")
    return [REGISTER[name] for name in names]


def read_arguments():
    parser = argparse.ArgumentParser(prog="scripts/chaos", description="Breaks real nodes and checks what readers saw.")
    parser.add_argument("--fault", action="append", help="only this one, or several with commas")
    parser.add_argument("--runs", type=int, help="runs of each fault, instead of its own number")
    parser.add_argument("--short", action="store_true", help="the form of continuous integration, under four minutes")
    parser.add_argument("--seed", type=int, help="repeats the moments, nodes and lengths of another run")
    parser.add_argument("--round", type=int, help="only this round")
    parser.add_argument("--nodes", type=int, default=3, help="nodes on one data folder (default: 3)")
    parser.add_argument("--sabotage", choices=sorted(sabotage.KINDS), help="a broken relay: violations must be found")
    parser.add_argument("--keep", action="store_true", help="keeps the folders with what the nodes logged")
    parser.add_argument("--write", action="store_true", help="writes docs/reliability.md; a full suite always does")
    parser.add_argument("--list", action="store_true", help="shows the faults")
    return parser.parse_args()


def tell(result):
    times = result["recoveries"]
    recovery = ""
    if times:
        p50, p99 = (report.seconds(report.percentile(times, share)) for share in (50, 99))
        recovery = f", recovery p50 {p50}, p99 {p99}, longest {report.seconds(max(times))}"
    notes = "".join(f", {name}: {value}" for name, value in result["notes"].items() if value)
    print(
        f"{result['fault']:24} {result['runs']:5} runs {result['violations']:3} violations{recovery}{notes}"
        f" ({result['seconds']:.0f} s)", flush=True,
    )
    for kind, detail in result["found"][:20]:
        print(f"    {kind}: {detail}", flush=True)


def main():
    arguments = read_arguments()
    if arguments.list:
        for fault in REGISTER.values():
            print(f"{fault.name:24} {fault.runs:5} runs, short {fault.short:3}  {fault.does}")
        return 0
    for name in ("PARLEY_BIN", "SCRIPTED_MODEL_BIN"):
        if not os.environ.get(name):
            sys.exit(f"{name} must name the built program; scripts/chaos sets it")
    seed = arguments.seed if arguments.seed is not None else random.randrange(1_000_000)
    print(f"seed {seed}", flush=True)
    results, left_out, tried = [], [], []
    for fault in chosen(arguments):
        runs = arguments.runs or (fault.short if arguments.short else fault.runs)
        reason = hindrance(fault)
        if reason:
            print(f"{fault.name:24} not tried: {reason}", flush=True)
            left_out.append(fault)
        elif runs:
            options = Options(
                seed=seed, runs=runs, only_round=arguments.round, sabotage=arguments.sabotage, keeps=arguments.keep,
                nodes=arguments.nodes, is_quiet=arguments.short,
            )
            tried.append((fault, options))
    for result in attempts(tried, at_once=AT_ONCE_WHEN_SHORT if arguments.short else 1):
        results.append(result)
        tell(result)
        if result["violations"]:
            print(f"    repeat with: scripts/chaos --fault {result['fault']} --seed {seed} [--round N]", flush=True)
    violations = sum(result["violations"] for result in results)
    is_full = not (arguments.fault or arguments.short or arguments.runs or arguments.sabotage or arguments.round)
    if (is_full or arguments.write) and not arguments.sabotage:
        report.write(results, sabotage.KINDS)
    print(f"{sum(result['runs'] for result in results)} runs, {violations} violations, {len(left_out)} faults not tried")
    return 1 if violations or not results else 0


if __name__ == "__main__":
    sys.exit(main())
