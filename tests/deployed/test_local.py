"""Every function by `sam local invoke`, in a container, with the events of `events/`: the story of one message, against
the embedded table and the vendors' simulators on this machine. `tests/deployed/run` prepares what this needs.
"""

import contextlib
import functools
import http.server
import ipaddress
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from support import ROOT, Processes, activities, free_port, http as web, sent, step, wav

EVENTS = ROOT / "events"
TEMPLATE = ROOT / ".aws-sam/build/template.yaml"
PHONE, TEXT = "11901110011", "Olá Maria, recebemos o seu contato."


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Local(Processes):
    """The table and the simulators, where containers reach them, and a listener for LigueLead's callbacks."""

    def __init__(self, stack, folder):
        super().__init__(stack, folder)
        inspected = subprocess.run(["docker", "network", "inspect", "bridge"], capture_output=True, check=True)
        bridge = json.loads(inspected.stdout)[0]["IPAM"]["Config"][0]
        # An engine that starts for the first time names the subnet alone: the bridge has its first address.
        self.host = bridge.get("Gateway") or str(next(ipaddress.ip_network(bridge["Subnet"]).hosts()))
        self.endpoint = self.table(self.host)
        self.liguelead = self.simulator("liguelead", ["--app-id", "simulated-app"], self.host)
        self.leadsquared = self.simulator("leadsquared", ["--plan", "enterprise", "--bulk-calls-per-5s", "5",
                                                          "--access-key", "simulated-access"], self.host)
        self.bucket = self.files(self.folder / "files")
        self.callbacks = queue.Queue()
        self.environment |= {"AWS_ENDPOINT_URL_DYNAMODB": self.endpoint}
        text = (EVENTS / "environment.json").read_text()
        for port, address in (("4001", self.liguelead), ("4002", self.leadsquared), ("4003", self.endpoint),
                              ("4004", self.bucket)):
            assert f"http://host.docker.internal:{port}/" in text
            text = text.replace(f"http://host.docker.internal:{port}/", f"{address}/")
        variables = json.loads(text)
        variables["Parameters"]["RECADO_PUBLIC_URL"] = self.listen()
        self.variables = self.folder / "environment.json"
        self.variables.write_text(json.dumps(variables))

    def listen(self):
        callbacks = self.callbacks

        class Listener(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                callbacks.put((self.path, self.rfile.read(int(self.headers["content-length"])).decode()))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), Listener)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.stack.callback(server.shutdown)
        return f"http://127.0.0.1:{server.server_port}"

    def files(self, folder):
        """A folder by HTTP, in place of a bucket: what is asked of S3 is the content of a name."""
        name = folder / "recado-audio/welcome.wav"
        name.parent.mkdir(parents=True)
        name.write_bytes(wav(2))
        handler = functools.partial(Quiet, directory=folder)
        server = http.server.ThreadingHTTPServer((self.host, 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.stack.callback(server.shutdown)
        return f"http://{self.host}:{server.server_port}"

    def invoke(self, name, event):
        """What a function answers, and what it wrote."""
        if isinstance(event, dict):
            path = self.folder / "event.json"
            path.write_text(json.dumps(event))
        else:
            path = EVENTS / event
        done = subprocess.run(
            ["sam", "local", "invoke", name, "--template", str(TEMPLATE), "--event", str(path), "--skip-pull-image",
             "--parameter-overrides", "Architecture=x86_64", "--env-vars", str(self.variables)],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"{name}: {done.stdout}\n{done.stderr}"
        answer = json.loads(done.stdout.strip().splitlines()[-1])
        assert not (isinstance(answer, dict) and "errorMessage" in answer), f"{name}: {answer}\n{done.stderr}"
        return answer, done.stdout + done.stderr

    def messages(self):
        shown = self.recado("messages", "--config", str(EVENTS / "recado.yaml"), "--data", "dynamodb:recado", "--json")
        return json.loads(shown)["messages"]

    def states(self):
        return [message["state"] for message in self.messages()]


def measured(output, *names):
    """Whether the metrics document of an invocation has all of these."""
    documents = [json.loads(line[line.index("{"):]) for line in output.splitlines() if "CloudWatchMetrics" in line]
    assert documents, f"no metrics document in {output}"
    missing = [name for name in names if not any(name in document for document in documents)]
    assert not missing, f"{missing} are not in {documents}"


def follow(local):
    assert "version 1 is in force" in local.recado("push", str(EVENTS / "recado.yaml"), "--data", "dynamodb:recado")
    step("the table, the simulators and the rules are in place")

    answer, output = local.invoke("CrmWebhook", "crm-webhook.json")
    assert (answer["statusCode"], json.loads(answer["body"])["Status"]) == (200, "Success"), answer
    assert local.states() == ["pending"]
    measured(output, "webhook.taken.messages.new", "function.cold_starts")
    step("CrmWebhook took a lead")
    for _ in range(2):
        answer, output = local.invoke("Sender", "sender.json")
        assert answer == {"batchItemFailures": []}, answer
    assert sent(local) == {(PHONE, TEXT): 1}, f"once, however often it is woken: {sent(local)}"
    step("Sender sent it, once")

    waiting = ["accepted"]
    assert local.states() == waiting
    answer, _ = local.invoke("DeliveryWebhook", "delivery-webhook.json")
    assert (answer["statusCode"], local.states()) == (200, waiting), f"a report on another request changes nothing: {answer}"
    event = json.loads((EVENTS / "delivery-webhook.json").read_text())
    while local.states() == waiting:
        path, event["body"] = local.callbacks.get(timeout=60)
        event["rawPath"], event["rawQueryString"] = path.split("?")
        answer, output = local.invoke("DeliveryWebhook", event)
        assert answer["statusCode"] == 200, answer
    assert local.states() == ["delivered"]
    measured(output, "callback.applied")
    step("DeliveryWebhook took LigueLead's reports")

    answer, output = local.invoke("CrmSync", "crm-sync.json")
    assert (answer, len(activities(local))) == (None, 1), answer
    measured(output, "sync.done.rows", "sync.waiting", "sync.backlog_minutes", "permits.leadsquared.day_used")
    step("CrmSync told LeadSquared")
    answer, output = local.invoke("Reconciler", "reconciler.json")
    assert answer is None
    measured(output, "sweep.late_ms", "quota.messages.used", "quota.messages.per_cent", "permits.liguelead.per_cent")
    answer, _ = local.invoke("Reconciler", "reconciler-missed-webhooks.json")
    assert answer is None
    assert sent(local) == {(PHONE, TEXT): 1}
    step("Reconciler found nothing left to do")
    answer, output = local.invoke("Recordings", "recordings.json")
    assert answer is None
    measured(output, "function.invocations")
    shown = local.recado("audio", "list", "--config", str(EVENTS / "recado.yaml"), "--data", "dynamodb:recado", "--json")
    assert [(audio["name"], audio["upload"]) for audio in json.loads(shown)["audios"]] == [("welcome.wav", "there")]
    answer, _ = local.invoke("Recordings", "reconciler.json")
    assert answer is None
    step("Recordings uploaded what was put into the bucket, and found nothing left to do")

    customer = "00000000-0000-4000-8000-000000000021"
    fields = {"Phone": "+55-11901110021", "ProspectStage": "Customer"}
    put, _ = web(f"{local.leadsquared}/_recado/leads/{customer}", json.dumps(fields).encode(),
                 {"content-type": "application/json"}, "PUT")
    assert put == 204
    local.recado("campaign", "start", "news", "--yes", "--config", str(EVENTS / "recado.yaml"), "--data", "dynamodb:recado")
    answer, output = local.invoke("Campaigns", "campaigns.json")
    assert answer is None
    measured(output, "campaign.done.looked_at", "campaign.done.released")
    local.invoke("Reconciler", "reconciler.json")
    assert sent(local) == {(PHONE, TEXT): 1, ("11901110021", "Confira as novidades."): 1}
    step("Campaigns read an audience, and the next sweep sent it")
    print("1 passed, 0 failed")


def main():
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="recado-local-"))
        try:
            follow(Local(stack, folder))
        except BaseException:
            for log in sorted(Path(folder).glob("*.log")):
                print(f"--- {log.name}\n{log.read_text(errors='replace')[-6000:]}", file=sys.stderr)
            raise


if __name__ == "__main__":
    main()
