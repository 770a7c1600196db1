"""Measure every promise that this machine can, and print promise, figure and verdict.

    python -m benchmarks [--quick] [NAME ...]

`--quick` tries with small sizes that every benchmark works; its figures say nothing.
"""

from __future__ import annotations

import argparse
from importlib import import_module

MODULES = ("plugin", "embedding", "scoring", "generation", "report", "copies")


def main() -> None:
    promises = {each.name: each for module in MODULES for each in import_module(f"benchmarks.{module}").promises()}
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"all when absent; of {', '.join(promises)}")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that they work")
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in promises]:
        parser.error(f"no benchmark {unknown[0]!r}; one of {', '.join(promises)}")
    print("| what | promised | measured | verdict |\n|---|---|---|---|")
    for name in options.names or promises:
        for each in promises[name].measure(options.quick):
            print(f"| {each.what} | {each.promised} | {each.measured} | {each.verdict} |", flush=True)


if __name__ == "__main__":
    main()
