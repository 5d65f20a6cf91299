"""Zip size, init time, memory and the first two invocations of each function, beside a function that does nothing and the
webhook's job in Python: all in one run, by turns. `tests/cold_start/run` prepares what this needs.
"""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "deployed"))
from runtime import Function
from support import ROOT, Processes

EVENTS = ROOT / "events"
STARTS = int(os.environ.get("STARTS", "20"))
OURS = {"CrmWebhook": "crm-webhook.json", "DeliveryWebhook": "delivery-webhook.json", "Sender": "sender.json",
        "Reconciler": "reconciler.json", "CrmSync": "crm-sync.json", "Campaigns": "campaigns.json",
        "Recordings": "reconciler.json"}


def zipped_bytes(folder, paths):
    archive = Path(folder) / "function.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for path in paths:
            for one in [path] if path.is_file() else sorted(path.rglob("*")):
                if one.is_file() and "__pycache__" not in one.parts:
                    file.write(one, one.relative_to(path.parent))
    size = archive.stat().st_size
    archive.unlink()
    return size


def main():
    minimal, packages = Path(sys.argv[1]), Path(sys.argv[2])
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="recado-cold-start-"))
        bench = Processes(stack, folder)
        table = bench.table()
        vendor = bench.simulator("liguelead", ["--app-id", "simulated-app"])
        crm = bench.simulator("leadsquared", ["--plan", "enterprise", "--access-key", "simulated-access"])
        bench.recado("push", str(EVENTS / "recado.yaml"), "--data", "dynamodb:recado",
                     environment=bench.environment | {"AWS_ENDPOINT_URL_DYNAMODB": table})
        variables = {name: value for name, value in bench.environment.items() if name.startswith("AWS_")}
        variables |= json.loads((EVENTS / "environment.json").read_text())["Parameters"]
        variables |= {"RECADO_TABLE": f"{table}/recado", "LIGUELEAD_BASE_URL": f"{vendor}/v1",
                      "LEADSQUARED_BASE_URL": f"{crm}/v2", "RECADO_LOG": "error", "RECADO_AUDIO_BUCKET": "nowhere",
                      "PYTHONPATH": str(packages)}
        webhook = Path(__file__).with_name("webhook.py")
        functions = [(name, [str(ROOT / ".aws-sam/build" / name / "bootstrap")], event,
                      [ROOT / ".aws-sam/build" / name / "bootstrap"]) for name, event in OURS.items()]
        functions += [("nothing, in Rust", [str(minimal)], "crm-webhook.json", [minimal]),
                      ("the webhook's job, in Python", [sys.executable, str(webhook)], "crm-webhook.json",
                       [webhook, *sorted(packages.iterdir())])]
        found = {name: {"init": [], "first": [], "second": [], "peak": []} for name, *_ in functions}
        log = stack.enter_context(open(Path(folder) / "functions.log", "wb"))
        for _ in range(STARTS):
            for name, command, event, _ in functions:
                payload = json.loads((EVENTS / event).read_text())
                with Function(command, variables, log) as function:
                    found[name]["init"].append(function.init_s * 1000)
                    for time in ("first", "second"):
                        answer, is_answer, took_s = function.invoke(payload)
                        assert is_answer, f"{name}: {answer}"
                        found[name][time].append(took_s * 1000)
                    found[name]["peak"].append(function.peak_kib() / 1024)
        print(f"{STARTS} starts of each, by turns: medians, and the slowest init\n")
        print("| function | zip, MB | init, ms | slowest init, ms | first invocation, ms | second, ms | memory, MB |")
        print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
        for name, _, _, paths in functions:
            mid = {key: statistics.median(values) for key, values in found[name].items()}
            print(f"| {name} | {zipped_bytes(folder, paths) / 1e6:.1f} | {mid['init']:.1f} | {max(found[name]['init']):.1f} "
                  f"| {mid['first']:.1f} | {mid['second']:.1f} | {mid['peak']:.0f} |")


if __name__ == "__main__":
    main()
