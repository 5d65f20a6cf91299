"""What the tests of this folder share: processes with their logs, the simulators, and what the vendors were told."""

import contextlib
import io
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
import wave
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REGION = "sa-east-1"
RECADO = ROOT / os.environ.get("RECADO", "target/debug/recado")
STARTED = time.monotonic()


def step(text):
    print(f"{time.monotonic() - STARTED:6.1f} s  {text}", flush=True)


def free_port(host="127.0.0.1"):
    with socket.socket() as listener:
        listener.bind((host, 0))
        return listener.getsockname()[1]


def wait_for(what, found, seconds=150):
    """Waits until `found` returns something, and returns it."""
    deadline = time.monotonic() + seconds
    while True:
        last = found()
        if last:
            return last
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.5)


def http(url, body=None, headers=None, method=None):
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def get_json(url):
    return json.loads(http(url)[1])


def wav(seconds):
    """A recording of silence."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8_000)
        file.writeframes(bytes(16_000 * seconds))
    return content.getvalue()


class Processes:
    """Processes of this machine, which end with `stack`; their logs are in `folder`."""

    def __init__(self, stack, folder):
        self.stack, self.folder = stack, Path(folder)
        self.environment = dict(os.environ, AWS_REGION=REGION, AWS_DEFAULT_REGION=REGION, AWS_ACCESS_KEY_ID="000000000000",
                                AWS_SECRET_ACCESS_KEY="test", SAM_CLI_TELEMETRY="0", RECADO_LOG="info")

    def start(self, name, command, environment):
        log = self.stack.enter_context(open(self.folder / f"{name}.log", "wb"))
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=self.folder)
        self.stack.callback(process.wait, 20)
        self.stack.callback(process.terminate)

    def simulator(self, vendor, options, host="127.0.0.1"):
        listen = f"{host}:{free_port(host)}"
        self.start(vendor, [str(RECADO), "simulate", vendor, "--listen", listen, *options], self.environment)
        wait_for(f"{vendor} answers", lambda: self.answers(f"http://{listen}/_recado/received"), 30)
        return f"http://{listen}"

    def table(self, host="127.0.0.1"):
        port = free_port(host)
        self.start("table", [str(RECADO), "simulate", "table", "--listen", f"{host}:{port}"], self.environment)
        wait_for("the table listens", lambda: self.listens(host, port), 30)
        return f"http://{host}:{port}"

    @staticmethod
    def listens(host, port):
        with contextlib.suppress(OSError), socket.create_connection((host, port), 1):
            return True
        return False

    @staticmethod
    def answers(url):
        with contextlib.suppress(OSError):
            return http(url)[0] == 200
        return False

    def run(self, *command, stdin=None, environment=None):
        done = subprocess.run(command, cwd=ROOT, env=environment or self.environment, capture_output=True, text=True,
                              input=stdin)
        if done.returncode != 0:
            raise AssertionError(f"{command[0]} {command[1]}: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done.stdout

    def recado(self, *arguments, environment=None):
        return self.run(str(RECADO), *arguments, environment=environment or self.person(*arguments))

    def person(self, *arguments):
        """The variables of who runs a verb."""
        return self.environment


def sent(system):
    """How often each text was taken for each phone."""
    counts = {}
    for campaign in get_json(f"{system.liguelead}/_recado/received")["campaigns"]:
        for phone in campaign["phones"]:
            key = (phone, campaign["message"])
            counts[key] = counts.get(key, 0) + 1
    return counts


def activities(system):
    return get_json(f"{system.leadsquared}/_recado/received")["activities"]
