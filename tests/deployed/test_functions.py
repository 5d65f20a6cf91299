"""The built functions as processes of this machine, when something is missing: what they need is out of reach, and they
say so. And a second invocation of the same process, which no emulator of these tests makes.
"""

import contextlib
import json
import os
import sys
import tempfile
from pathlib import Path

from runtime import Function
from support import ROOT, Processes, free_port, step, wait_for

EVENTS = ROOT / "events"
FUNCTIONS = {"CrmWebhook": "crm-webhook.json", "DeliveryWebhook": "delivery-webhook.json", "Sender": "sender.json",
             "Reconciler": "reconciler.json", "CrmSync": "crm-sync.json", "Campaigns": "campaigns.json",
             "Recordings": "recordings.json"}


def event(name):
    return json.loads((EVENTS / name).read_text())


class Bench(Processes):
    """Functions with the variables of `events/environment.json`, except what a case changes."""

    def variables(self, table, **others):
        nobody = f"http://127.0.0.1:{free_port()}"
        ours = event("environment.json")["Parameters"] | {
            "RECADO_TABLE": f"{table}/recado", "LIGUELEAD_BASE_URL": f"{nobody}/v1", "LEADSQUARED_BASE_URL": f"{nobody}/v2",
            "RECADO_LOG": "info", "RECADO_AUDIO_BUCKET": f"{nobody}/audio"} | others
        aws = {name: value for name, value in self.environment.items() if name.startswith("AWS_")}
        return aws | ours

    @contextlib.contextmanager
    def function(self, name, variables):
        with open(self.folder / f"{name}.log", "wb") as log:
            with Function([str(ROOT / ".aws-sam/build" / name / "bootstrap")], variables, log) as function:
                yield function

    def asked(self, variables, events=None):
        """What each function answers to its event: the answer, and whether it is an error."""
        found = {}
        for name, file in (events or FUNCTIONS).items():
            with self.function(name, variables) as function:
                found[name] = function.invoke(event(file))
        return found

    def log(self, name):
        return (self.folder / f"{name}.log").read_text(errors="replace")


def refused(answer):
    """A webhook that is to be delivered again, and says no more than that."""
    body, is_answer, _ = answer
    assert is_answer and body["statusCode"] == 503, body
    assert "not ready" in body["body"], body


def failed(answer, *words):
    body, is_answer, _ = answer
    assert not is_answer, f"an error is expected: {body}"
    assert all(word in body["errorMessage"] for word in words), f"{words} in {body}"


def nothing_is_reachable(bench, table):
    answers = bench.asked(bench.variables(f"http://127.0.0.1:{free_port()}"))
    refused(answers["CrmWebhook"])
    refused(answers["DeliveryWebhook"])
    assert answers["Sender"][:2] == ({"batchItemFailures": []}, True), "the sweep takes what was not sent"
    assert "wake_up.failed" in bench.log("Sender")
    failed(answers["Reconciler"], "GetItem")
    failed(answers["CrmSync"], "GetItem")
    failed(answers["Campaigns"], "GetItem")
    failed(answers["Recordings"], "GetItem")
    step("without the table, webhooks are to be delivered again, and schedules fail with the reason")


def nothing_was_pushed(bench, table):
    answers = bench.asked(bench.variables(table))
    refused(answers["CrmWebhook"])
    failed(answers["Reconciler"], "no configuration was pushed", "recado push")
    failed(answers["CrmSync"], "no configuration was pushed")
    failed(answers["Campaigns"], "no configuration was pushed")
    failed(answers["Recordings"], "no configuration was pushed")
    step("without a configuration they say how to push one")


def a_secret_is_missing(bench, table):
    bench.recado("push", str(EVENTS / "recado.yaml"), "--data", "dynamodb:recado")
    answers = bench.asked(bench.variables(table, LIGUELEAD_SECRET_ARN='{"api_token":"","app_id":""}',
                                            LEADSQUARED_SECRET_ARN="no JSON", RECADO_WEBHOOK_SECRET_ARN=" "))
    refused(answers["CrmWebhook"])
    assert "RECADO_WEBHOOK_SECRET_ARN is not set" in bench.log("CrmWebhook")
    # It reads no credentials of LigueLead's.
    taken, is_answer, _ = answers["DeliveryWebhook"]
    assert is_answer and taken["statusCode"] == 200, taken
    failed(answers["Reconciler"], "LIGUELEAD_SECRET_ARN", "api_token")
    failed(answers["CrmSync"], "LEADSQUARED_SECRET_ARN")
    failed(answers["Campaigns"], "LEADSQUARED_SECRET_ARN")
    failed(answers["Recordings"], "LIGUELEAD_SECRET_ARN", "api_token")
    assert "no JSON" not in json.dumps(answers["CrmSync"][0]), "what is in a secret is not told"
    with bench.function("DeliveryWebhook", bench.variables(table, RECADO_CALLBACK_SECRET_ARN="short")) as function:
        refused(function.invoke(event("delivery-webhook.json")))
    assert "RECADO_CALLBACK_SECRET_ARN is too short" in bench.log("DeliveryWebhook")
    step("an empty secret is named, and so is one that can be guessed")


def no_vendor_is_reachable(bench, table):
    variables = bench.variables(table)
    with bench.function("CrmWebhook", variables) as function:
        for new, known in ((1, 0), (0, 1)):
            body, is_answer, _ = function.invoke(event("crm-webhook.json"))
            assert is_answer and json.loads(body["body"])["Status"] == "Success", body
            assert f'"messages.new":{new},"messages.known":{known}' in bench.log("CrmWebhook"), "a redelivery is known"
    [message] = bench.messages()
    assert message["state"] == "pending", message
    answers = bench.asked(variables, {"Sender": "sender.json", "DeliveryWebhook": "delivery-webhook.json",
                                        "Reconciler": "reconciler.json", "CrmSync": "crm-sync.json"})
    assert answers["Sender"][:2] == ({"batchItemFailures": []}, True), answers
    assert answers["DeliveryWebhook"][0]["statusCode"] == 200, "a report needs no vendor"
    assert answers["Reconciler"][1] and answers["CrmSync"][1], f"nothing waits for LeadSquared: {answers}"
    [message] = bench.messages()
    assert message["state"] == "held" and "could not be reached" in message["why"], message
    variables["LIGUELEAD_BASE_URL"] = bench.simulator("liguelead", ["--app-id", "simulated-app"]) + "/v1"
    # Nothing goes to a lead before LeadSquared has said which of its fields forbid it. It is asked again after a minute.
    leadsquared = bench.simulator("leadsquared", ["--plan", "enterprise", "--access-key", "simulated-access"]) + "/v2"
    with bench.function("Reconciler", variables | {"LEADSQUARED_BASE_URL": leadsquared}) as function:
        wait_for("the next sweep sends it", lambda: function.invoke(event("reconciler.json"))[1] and
                 bench.messages()[0]["state"] == "accepted", 120)
    with bench.function("CrmSync", variables) as function:
        def told():
            answer = function.invoke(event("crm-sync.json"))
            return None if answer[1] else answer
        failed(wait_for("its outcome is due", told, 60), "LeadSquared could not be reached")
    [message] = bench.messages()
    assert message["crm_waits"], message
    bench.recado("campaign", "start", "news", "--yes", "--config", str(EVENTS / "recado.yaml"), "--data", "dynamodb:recado")
    answer = bench.asked(variables, {"Campaigns": "campaigns.json"})["Campaigns"]
    assert answer[1], f"one run that cannot be read does not fail the others: {answer}"
    assert "campaign.failed" in bench.log("Campaigns") and "LeadSquared could not be reached" in bench.log("Campaigns")
    answer = bench.asked(variables, {"Recordings": "recordings.json"})["Recordings"]
    assert not answer[1], f"the bucket is out of reach, and EventBridge is to tell it again: {answer}"
    step("without LigueLead a message is held and says why, and goes later; without LeadSquared its outcome waits")


class WithTable(Bench):
    def messages(self):
        shown = self.recado("messages", "--config", str(EVENTS / "recado.yaml"), "--data", "dynamodb:recado", "--json")
        return json.loads(shown)["messages"]


def main():
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="recado-functions-"))
        bench = WithTable(stack, folder)
        table = bench.table()
        bench.environment |= {"AWS_ENDPOINT_URL_DYNAMODB": table}
        cases = (nothing_is_reachable, nothing_was_pushed, a_secret_is_missing, no_vendor_is_reachable)
        try:
            for case in cases:
                case(bench, table)
        except BaseException:
            for log in sorted(Path(folder).glob("*.log")):
                print(f"--- {log.name}\n{log.read_text(errors='replace')[-6000:]}", file=sys.stderr)
            raise
        print(f"{len(cases)} passed, 0 failed")


if __name__ == "__main__":
    main()
