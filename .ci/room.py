"""Runs the tests of one crate: `python3 .ci/room.py core`, `python3 .ci/room.py pipeline settle`.

`cargo test -p CRATE` resolves other features of the dependencies than the whole workspace does, and compiles them again.
This builds the workspace's tests and runs those of the crate alone.
"""

import json
import os
import subprocess
import sys
from pathlib import Path


def main():
    room, filters = sys.argv[1], sys.argv[2:]
    build = ["cargo", "test", "--workspace", "--locked", "--no-run", "--message-format=json-render-diagnostics"]
    built = subprocess.run(build, stdout=subprocess.PIPE, text=True, check=False)
    if built.returncode != 0:
        sys.exit(built.returncode)
    tests, rooms = [], set()
    for line in built.stdout.splitlines():
        message = json.loads(line)
        if message.get("executable") and message.get("profile", {}).get("test"):
            folder = Path(message["manifest_path"]).parent
            rooms.add(folder.name)
            if folder.name == room:
                tests.append((folder, message["executable"]))
    if not tests:
        sys.exit(f"no crate with tests is in a folder {room}; there are {', '.join(sorted(rooms))}")
    threads = os.environ.get("RUST_TEST_THREADS", "8")
    failed = False
    for folder, test in tests:
        environment = {**os.environ, "CARGO_MANIFEST_DIR": str(folder), "RUST_TEST_THREADS": threads}
        failed |= subprocess.run([test, *filters], cwd=folder, env=environment, check=False).returncode != 0
    sys.exit(failed)


if __name__ == "__main__":
    main()
