"""Prints what `cargo build --timings` found, the dearest first: seconds, crate, target. Usage: timings.py PAGE [ROWS]"""

import json
import re
import sys

page = open(sys.argv[1], encoding="utf-8").read()
rows = int(sys.argv[2]) if len(sys.argv) > 2 else 20
units = json.loads(re.search(r"const UNIT_DATA = (\[.*?\]);", page, re.DOTALL).group(1))
units.sort(key=lambda unit: -unit["duration"])
print(f"{len(units)} units, {sum(unit['duration'] for unit in units):.0f} s of work")
for unit in units[:rows]:
    print(f"{unit['duration']:7.1f}  {unit['name']} {unit['version']}{unit['target']}")
