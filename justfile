# The verbs of a change. `just` lists them, and CONTRIBUTING.md says when to use which. They need `just`
# (`cargo install just`, `pip install rust-just`, `apt-get`, `brew`); each line can be typed by hand as well.

# All members together, so that every verb shares one build of every dependency.
all := "--workspace --locked"

# List the verbs.
default:
    @just --list --unsorted

# Type-check everything: seconds after the first time.
check:
    cargo check {{ all }} --all-targets

# Format and lints.
lint:
    cargo fmt --all --check
    cargo clippy {{ all }} --all-targets -- -D warnings

# Look for modules of one crate that import each other in a circle.
circles:
    python3 .ci/circles.py

# The tests of one room, by its folder: `just test core`, `just test pipeline settle`, `just test cli end_to_end`.
test ROOM *FILTER:
    python3 .ci/room.py {{ ROOM }} {{ FILTER }}

# All tests, at the sizes of the README's command.
test-all:
    cargo test {{ all }}

# Write recado.schema.json, recado.example.yaml and the tables of docs/configuration.md from the keys that the code declares.
config-reference:
    RECADO_WRITE_REFERENCE=1 cargo test {{ all }} --test all docs::the_schema_the_tables

# One step of CI, by its name: `just ci documentation`.
ci STEP:
    .ci/run {{ STEP }}

# Look for input that breaks a reader, each target for so many seconds: `just fuzz`, `just fuzz 60 phone`.
fuzz SECONDS="600" *TARGET:
    .ci/fuzz {{ SECONDS }} {{ TARGET }}

# Known weaknesses of the dependencies, against the snapshot in `.ci/rustsec`; needs cargo-deny (`.ci/run cargo-deny`).
advisories:
    .ci/run cargo-deny
    .ci/run advisories

# What a release is made of: `target/sbom/*.cdx.json`, one CycloneDX file for each program.
sbom:
    .ci/sbom

# Pin the tests' Python tools anew, with hashes, from each `requirements.in`; needs `uv` (`pip install uv`).
lock-python:
    .ci/lock-python

# The simulation with one seed, told step by step.
seed SEED:
    RECADO_SIMULATION_SEED={{ SEED }} cargo test {{ all }} --lib simulation::clean -- --nocapture

# The simulation with many seeds: 5,000 take about ten minutes on two cores.
simulate SEEDS="5000" FIRST="0":
    RECADO_SIMULATION_SEEDS={{ SEEDS }} RECADO_SIMULATION_FIRST={{ FIRST }} cargo test {{ all }} --lib simulation::clean -- --nocapture

# The proof of the limits, with as many random schedules: 10,000,000 take hours.
prove SCHEDULES="100000":
    RECADO_PROOF_SCHEDULES={{ SCHEDULES }} cargo test {{ all }} --lib proof:: -- --nocapture
    RECADO_PLAN_OUTCOMES=5000 cargo test {{ all }} --test all plans:: -- --nocapture

# Messages by the ten thousand, with every fault, and an urgent one that passes a backlog.
volume MESSAGES="10000" BACKLOG="100000":
    RECADO_TEST_PATIENCE_S=600 RECADO_VOLUME_MESSAGES={{ MESSAGES }} RECADO_VOLUME_BACKLOG={{ BACKLOG }} cargo test {{ all }} --test all at_volume:: -- --nocapture

# A campaign with as many leads; a million take half an hour in a release build.
campaign LEADS="100000":
    RECADO_TEST_PATIENCE_S=3600 RECADO_CAMPAIGN_LEADS={{ LEADS }} cargo test {{ all }} --release --test all campaign::large -- --nocapture

# The template, the functions and the deployed system, on a local AWS: needs root for Docker's engine where none answers.
deployed:
    tests/deployed/run

# `recado serve` beside an afternoon's script in Python: docs/performance.md. `just bench latency` is one line of it.
bench *ONLY:
    python3 -m venv target/peer && target/peer/bin/pip install -q --require-hashes --no-deps -r tests/bench/requirements.txt
    RECADO_PEER_PYTHON="$PWD/target/peer/bin/python" cargo bench --locked -p recado --bench peers -- {{ ONLY }}

# What each crate costs to compile: an HTML page in `target/cargo-timings`, and the twenty dearest here.
timings *WHAT="--tests":
    cargo build {{ all }} {{ WHAT }} --timings
    python3 .ci/timings.py target/cargo-timings/cargo-timing.html
