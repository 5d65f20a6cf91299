# The verbs of a change. `just` lists them; CONTRIBUTING.md says when to use which. They need `just` (apt-get, brew,
# or `cargo install just`); each line can also be typed by hand.

# All members together, so that every verb shares one build of every dependency.
everything := "--workspace --locked"

# List the verbs.
default:
    @just --list --unsorted

# Compile without making binaries: seconds after the first time.
check:
    cargo check {{ everything }} --all-targets

# Format, lints and the shape of the dependency tree.
lint:
    cargo fmt --all --check
    cargo clippy {{ everything }} --all-targets -- -D warnings

# The tests of one room: `just test core`, `just test pipeline settle`.
test ROOM *FILTER:
    cargo test {{ everything }} $(just targets {{ ROOM }}) -- {{ FILTER }}

# All tests, as the README runs them.
test-all:
    cargo test --workspace

# The simulation with one seed, told step by step.
seed SEED:
    RECADO_SIMULATION_SEED={{ SEED }} cargo test {{ everything }} --lib simulation::clean -- --nocapture

# The simulation with many seeds.
simulate SEEDS="5000" FIRST="0":
    RECADO_SIMULATION_SEEDS={{ SEEDS }} RECADO_SIMULATION_FIRST={{ FIRST }} cargo test {{ everything }} --lib simulation::clean -- --nocapture

# Every planted fault is noticed, and ten million schedules of leases hold: hours.
prove:
    RECADO_SIMULATION_FAULTS=all cargo test {{ everything }} --lib simulation::every -- --nocapture
    RECADO_PROOF_SCHEDULES=10000000 cargo test {{ everything }} --lib proof:: -- --nocapture

