"""Checks Cargo.lock against the snapshot of the RustSec database in .ci/rustsec, with cargo-deny and without a network.

`.ci/advisories.py CARGO_DENY` runs the check with that program. It fails if an advisory applies that deny.toml does not
name, or if an exception in deny.toml has no reason or no end date, or its date has passed. It says so if the snapshot is
old. `.ci/advisories.py --test` tests the check of the exceptions.
"""

import datetime
import re
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SNAPSHOT = ROOT / ".ci/rustsec"
# How old a snapshot may be before the check says so, in days.
OLD_AFTER_DAYS = 90
# An exception's reason begins with its end: "until 2027-03-01: why".
REASON = re.compile(r"until (\d{4}-\d{2}-\d{2}): \S.{10,}")


def complaints(ignored, today):
    """What is wrong with the exceptions of deny.toml, one line each."""
    for one in ignored:
        name = one.get("id", one) if isinstance(one, dict) else one
        reason = REASON.match(one.get("reason", "")) if isinstance(one, dict) else None
        if not reason:
            yield f"deny.toml: {name} needs a reason that begins with its end: \"until YYYY-MM-DD: why\""
        elif datetime.date.fromisoformat(reason[1]) < today:
            yield f"deny.toml: the exception for {name} ended on {reason[1]}: mend it, or look at it again and give it a new end"


def unpack(place):
    """Unpacks the snapshot as the git repository that cargo-deny wants."""
    # Whatever git is told elsewhere: nobody signs this commit, and no hook looks at it.
    settings = ("user.name=snapshot", "user.email=snapshot@localhost", "commit.gpgsign=false", "core.hooksPath=/dev/null")
    git = ["git", "-C", str(place), *(word for setting in settings for word in ("-c", setting))]
    place.mkdir(parents=True)
    with tarfile.open(SNAPSHOT / "advisory-db.tar.gz") as archive:
        archive.extractall(place, filter="data")
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "add", "--all"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "snapshot"], check=True)


def test():
    today = datetime.date(2026, 12, 1)
    good = {"id": "RUSTSEC-2024-0001", "reason": "until 2026-12-01: nothing of it is called here"}
    assert not list(complaints([good], today)), "on its last day it holds"
    for bad in ("RUSTSEC-2024-0001", {"id": "RUSTSEC-2024-0001"}, good | {"reason": "nothing of it is called here"},
                good | {"reason": "until 2026-12-01: "}, good | {"reason": "until 2026-11-30: nothing of it is called here"}):
        [line] = complaints([bad], today)
        assert "RUSTSEC-2024-0001" in line, line
    print("the check of the exceptions finds what it must")


def main():
    if sys.argv[1:] == ["--test"]:
        return test()
    deny = sys.argv[1]
    config = tomllib.loads((ROOT / "deny.toml").read_text())["advisories"]
    today = datetime.date.today()
    bad = list(complaints(config.get("ignore", []), today))
    if bad:
        sys.exit("\n".join(bad))
    taken = datetime.date.fromisoformat((SNAPSHOT / "date").read_text().strip())
    age = (today - taken).days
    print(f"the snapshot of the advisory database is of {taken}")
    if age > OLD_AFTER_DAYS:
        print(f"NOTE: it is {age} days old, and knows no weakness found since: .ci/rustsec/README.md says how to renew it")
    # The name under which cargo-deny looks for the database of its default address.
    place = ROOT / config["db-path"] / "advisory-db-3157b0e258782691"
    if not place.exists() or place.stat().st_mtime < (SNAPSHOT / "advisory-db.tar.gz").stat().st_mtime:
        subprocess.run(["rm", "-rf", str(place)], check=True)
        unpack(place)
    return subprocess.run([deny, "--locked", "--offline", "check", "advisories"], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
