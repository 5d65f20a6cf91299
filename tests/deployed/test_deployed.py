"""The template as it is, deployed: webhooks in, messages out, callbacks back, activities written; then changed, rotated
and deleted. `tests/deployed/run` prepares what this needs: the built functions, `recado`, and the tools on the path.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.parse
from pathlib import Path

import boto3
from samcli.yamlhelper import yaml_parse

from support import RECADO, REGION, ROOT, Processes, activities, free_port, get_json, http, sent, step, wait_for, wav

STACK = "recado-test"
RULES = """\
version: 1
leadsquared: { plan: enterprise, bulk_calls_per_5s: 5 }
quotas: { messages_per_day: 11 }
hours: { sms: always, voice: always }
rules:
  - id: welcome
    on: lead.created
    sms: "Olá {{ lead.FirstName | first_name | default('cliente') }}, recebemos o seu contato."
    expires: 6h
  - id: call
    on: lead.created
    when: lead.Source == "Phone"
    voice: { audio: welcome.wav, title: "Welcome" }
campaigns:
  - id: news
    schedule: "cron(0 13 1 1 ? *)"
    audience: { field: ProspectStage, op: "=", value: Customer }
    sms: "Confira as novidades."
    expires: 6h
"""


class System(Processes):
    """The emulator, the vendors' simulators, and the stack."""

    def __init__(self, stack, folder):
        super().__init__(stack, folder)
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.requests_file = self.folder / "requests.log"
        self.packaged = self.folder / "packaged.yaml"
        self.expected = set()
        self.environment = dict(
            os.environ,
            AWS_ENDPOINT_URL=self.endpoint,
            AWS_ACCESS_KEY_ID="000000000000",
            AWS_SECRET_ACCESS_KEY="test",
            AWS_REGION=REGION,
            AWS_DEFAULT_REGION=REGION,
            SAM_CLI_TELEMETRY="0",
            REQUESTS_FILE=str(self.requests_file),
            RECADO_LOG="info",
        )
        emulator = dict(self.environment, GATEWAY_PORT=str(self.port), BIND_HOST="127.0.0.1", MINISTACK_REGION=REGION,
                        MINISTACK_HOST="127.0.0.1", LAMBDA_EXECUTOR="local", IOT_MTLS_ENABLED="0", SFTP_ENABLED="0")
        self.start("emulator", [sys.executable, str(ROOT / "tests/deployed/emulator.py")], emulator)
        self.liguelead = self.simulator("liguelead", ["--app-id", "simulated-app"])
        self.leadsquared = self.simulator("leadsquared", ["--plan", "enterprise", "--bulk-calls-per-5s", "5",
                                                                 "--access-key", "simulated-access"])
        wait_for("the emulator answers", lambda: self.answers(f"{self.endpoint}/_ministack/health"), 60)

    def person(self, verb, *_arguments):
        """Whoever runs a verb has the policies of infra/policies for it, and no other right."""
        name = {"push": "publisher", "messages": "reader", "audio": "reader", "history": "reader"}.get(verb, "operator")
        return self.environment | {"AWS_SDK_UA_APP_ID": f"recado-as-{name}"}

    def refused(self, name, *arguments):
        """A verb that this person may not run. Its requests are not counted among those that must be allowed."""
        environment = self.environment | {"AWS_SDK_UA_APP_ID": f"recado-as-{name}"}
        before = self.requests_file.read_text()
        done = subprocess.run([str(RECADO), *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 1, f"{name} ran {arguments}: {done.stdout}"
        after = self.requests_file.read_text().removeprefix(before)
        mine = [json.loads(line) for line in after.splitlines() if f'"as-{name}"' in line]
        assert any(request["denied"] for request in mine), f"{name} was refused for another reason: {done.stderr}"
        self.expected |= {request["denied"] for request in mine if request["denied"]}

    def aws(self, service):
        return boto3.client(service, region_name=REGION, endpoint_url=self.endpoint,
                            aws_access_key_id="000000000000", aws_secret_access_key="test")

    def deploy(self, **parameters):
        values = dict(Architecture="x86_64", DeletionProtection="false",
                      LigueLeadBaseUrl=f"{self.liguelead}/v1", LeadSquaredBaseUrl=f"{self.leadsquared}/v2", **parameters)
        if not self.packaged.exists():
            # What `sam deploy` begins with, once for all deployments of this code.
            self.run("sam", "package", "--region", REGION, "--resolve-s3", "--output-template-file", str(self.packaged))
        self.run("sam", "deploy", "--template-file", str(self.packaged), "--stack-name", STACK, "--region", REGION,
                 "--resolve-s3", "--no-confirm-changeset", "--no-fail-on-empty-changeset",
                 "--capabilities", "CAPABILITY_IAM", "--parameter-overrides", *[f"{name}={value}" for name, value in values.items()])
        stack = self.aws("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
        assert stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), stack
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def function_url(self, output):
        """A Function URL as the emulator serves it on loopback."""
        url_id, path = re.fullmatch(r"https://([0-9a-f-]+)\.lambda-url\.[a-z0-9-]+\.on\.aws/(.*)", output).groups()
        return f"{self.endpoint}/_aws/lambda-url/{url_id}/{path}"

    def webhook(self, url, number, secret, name="MARIA"):
        lead = f"00000000-0000-4000-8000-{number:012}"
        body = {"ProspectID": lead, "FirstName": name, "Phone": f"+55-119{number:08}", "Source": "Site",
                "CreatedOn": "2026-11-20 12:00:00", "ModifiedOn": "2026-11-20 12:00:00"}
        headers = {"content-type": "application/json", "x-recado-secret": secret}
        status, answer = http(f"{url}?event=3", json.dumps(body).encode(), headers)
        return status, json.loads(answer)

    def messages(self):
        return json.loads(self.recado("messages", "--stack", STACK, "--json"))["messages"]

    def audios(self):
        return json.loads(self.recado("audio", "list", "--stack", STACK, "--json"))["audios"]

    def invoke(self, logical, event):
        functions = self.aws("lambda")
        [name] = [function["FunctionName"] for function in functions.list_functions()["Functions"]
                  if f"-{logical}-" in function["FunctionName"]]
        done = functions.invoke(FunctionName=name, Payload=(ROOT / event).read_bytes())
        assert "FunctionError" not in done, done["Payload"].read()

    def customer(self, number):
        """A lead of the campaign's audience, as the CRM has it."""
        fields = {"Phone": f"+55-119{number:08}", "ProspectStage": "Customer"}
        url = f"{self.leadsquared}/_recado/leads/00000000-0000-4000-8000-{number:012}"
        status, _ = http(url, json.dumps(fields).encode(), {"content-type": "application/json"}, "PUT")
        assert status == 204, status

    def campaign(self, verb, *arguments):
        return json.loads(self.recado("campaign", verb, *arguments, "--stack", STACK, "--json"))

    def run_of(self, name):
        return next(status for status in self.campaign("status", "news")["runs"] if status["run"] == name)

    def told_of(self, count):
        """Whether LeadSquared knows of so many messages, once what comes each minute has come again."""
        self.invoke("CrmSync", "events/crm-sync.json")
        return len(activities(self)) == count

    def told_once(self):
        """What was written so that it is said once a day."""
        rows = self.aws("dynamodb").scan(TableName=STACK)["Items"]
        return sorted(row["pk"]["S"].split("#")[1] for row in rows if row["pk"]["S"].startswith("O#"))

    def denied(self):
        lines = self.requests_file.read_text().splitlines() if self.requests_file.exists() else []
        requests = [json.loads(line) for line in lines]
        return requests, sorted({request["denied"] for request in requests if request["denied"]} - self.expected)


def shape(system, table):
    """What of a table the code rests on."""
    described = system.aws("dynamodb").describe_table(TableName=table)["Table"]
    keys = lambda schema: [(key["AttributeName"], key["KeyType"]) for key in schema]
    return {
        "keys": keys(described["KeySchema"]),
        "attributes": sorted((one["AttributeName"], one["AttributeType"]) for one in described["AttributeDefinitions"]),
        "indexes": sorted((one["IndexName"], keys(one["KeySchema"]), one["Projection"]["ProjectionType"])
                          for one in described["GlobalSecondaryIndexes"]),
        "stream": described["StreamSpecification"]["StreamViewType"],
        "billing": described["BillingModeSummary"]["BillingMode"],
    }


def main():
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="recado-deployed-"))
        system = System(stack, folder)
        step("the emulator and both vendors' simulators answer")
        try:
            follow(system)
        except BaseException:
            for log in sorted(Path(folder).glob("*.log")):
                print(f"--- {log.name}\n{log.read_text(errors='replace')[-6000:]}", file=sys.stderr)
            with contextlib.suppress(AssertionError):
                print(system.recado("messages", "--stack", STACK), file=sys.stderr)
            raise


def follow(system):
    outputs = system.deploy()
    step("deployed: " + ", ".join(sorted(outputs)))
    webhooks = system.function_url(outputs["LeadSquaredWebhookUrl"])
    secrets = system.aws("secretsmanager")
    secret = secrets.get_secret_value(SecretId=outputs["WebhookSecretArn"])["SecretString"]

    status, answer = system.webhook(webhooks, 1, secret)
    assert (status, answer["Status"]) == (503, "Error"), f"nothing was pushed yet, and it says so: {status} {answer}"
    step("without a configuration a webhook is answered 503, to be delivered again")

    rules = system.folder / "recado.yaml"
    rules.write_text(RULES)
    assert "version 1 is in force" in system.recado("push", str(rules), "--stack", STACK)
    for name, value in (("LigueLeadSecretArn", {"api_token": "simulated-token", "app_id": "simulated-app"}),
                        ("LeadSquaredSecretArn", {"access_key": "simulated-access", "secret_key": "simulated-secret"})):
        secrets.put_secret_value(SecretId=outputs[name], SecretString=json.dumps(value))
    # The address under which LigueLead reaches delivery-webhook: here, the emulator's.
    public = system.function_url(outputs["LigueLeadCallbackUrl"]).removesuffix("webhooks/liguelead")
    outputs = system.deploy(PublicUrl=public)
    assert system.function_url(outputs["LeadSquaredWebhookUrl"]) == webhooks, "an update keeps the addresses"
    step("configuration and credentials are in place, and the stack was updated with its public address")

    ours = {"LIGUELEAD_API_TOKEN": "simulated-token", "LIGUELEAD_APP_ID": "simulated-app",
            "LEADSQUARED_ACCESS_KEY": "simulated-access", "LEADSQUARED_SECRET_KEY": "simulated-secret",
            "LIGUELEAD_BASE_URL": f"{system.liguelead}/v1", "LEADSQUARED_BASE_URL": f"{system.leadsquared}/v2",
            "RECADO_WEBHOOK_SECRET": secret, "RECADO_CALLBACK_SECRET": secret[::-1]}
    system.start("serve", [str(RECADO), "serve", "--config", str(rules), "--data", "dynamodb:of-the-code",
                           "--listen", f"127.0.0.1:{free_port()}"], system.environment | ours)
    wait_for("serve made its table", lambda: "listening on" in (system.folder / "serve.log").read_text(), 60)
    assert shape(system, STACK) == shape(system, "of-the-code"), "the template's table is the code's"
    # The emulator does not take the time to live from a template, so the template itself is asked.
    expires = system.aws("dynamodb").describe_time_to_live(TableName="of-the-code")["TimeToLiveDescription"]
    declared = yaml_parse((ROOT / "template.yaml").read_text())["Resources"]["Table"]["Properties"]
    assert declared["TimeToLiveSpecification"] == {"AttributeName": expires["AttributeName"], "Enabled": True}, expires
    step("the table of the template is the one that the code creates for itself")

    assert http(webhooks, method="GET")[0] == 200, "LeadSquared tries addresses so"
    status, answer = system.webhook(webhooks, 1, "wrong")
    assert (status, answer["Status"]) == (200, "Error"), f"a wrong secret is answered 200 with the reason: {answer}"
    for number in (1, 2, 3):
        assert system.webhook(webhooks, number, secret)[1]["Status"] == "Success"
    assert system.webhook(webhooks, 1, secret)[1]["Status"] == "Success", "a redelivery is taken, too"
    wait_for("LigueLead has the messages", lambda: len(sent(system)) == 3, 60)
    step("three messages reached LigueLead, woken by the table's stream")
    wait_for("all are delivered", lambda: [m["state"] for m in system.messages()] == ["delivered"] * 3)
    step("LigueLead's callbacks came back through the Function URL")
    wait_for("LeadSquared knows", lambda: len(activities(system)) == 3)
    wait_for("nothing waits for LeadSquared", lambda: not any(m["crm_waits"] for m in system.messages()))
    step("the schedule wrote three activities to LeadSquared")

    # A recording, and a file that is none.
    bucket = system.aws("s3")
    bucket.put_object(Bucket=outputs["AudioBucketName"], Key="notes.mp3", Body=b"no recording")
    bucket.put_object(Bucket=outputs["AudioBucketName"], Key="welcome.wav", Body=wav(2))
    wait_for("the recording is at LigueLead", lambda: [audio["upload"] for audio in system.audios()] == ["there"], 60)
    assert not json.loads(system.recado("audio", "list", "--stack", STACK, "--json"))["not_added"]
    # What comes each five minutes, at once.
    system.invoke("Recordings", "events/reconciler.json")
    system.invoke("Reconciler", "events/reconciler-missed-webhooks.json")
    assert system.told_once() == ["audios"], "what is said once a day"
    step("a recording that was put into the bucket was uploaded, and a file that is none was not")

    # A changed configuration and a changed template, while a message waits.
    rules.write_text(RULES.replace("recebemos o seu contato", "temos novidades"))
    assert "version 2 is in force" in system.recado("push", str(rules), "--stack", STACK)
    before = system.messages()
    system.deploy(PublicUrl=public, LogRetentionDays="60")
    assert system.messages() == before, "an update keeps every message"
    assert system.webhook(webhooks, 4, secret)[1]["Status"] == "Success"
    wait_for("the fourth message", lambda: len(sent(system)) == 4, 60)
    assert any("temos novidades" in text for _, text in sent(system)), "the pushed version is in force"
    step("the stack was updated again: nothing is lost, and a pushed version is in force")

    # One put-secret-value is the whole rotation: old and new hold.
    for name in ("WebhookSecretArn", "CallbackSecretArn"):
        secrets.put_secret_value(SecretId=outputs[name], SecretString=f"rotated-to-another-value-{name}")
    assert system.webhook(webhooks, 5, secret)[1]["Status"] == "Success", "the old value holds"
    assert system.webhook(webhooks, 6, "rotated-to-another-value-WebhookSecretArn")[1]["Status"] == "Success", "so does the new one"
    assert system.webhook(webhooks, 7, "neither")[1]["Status"] == "Error"
    wait_for("all are delivered", lambda: [m["state"] for m in system.messages()] == ["delivered"] * 6)
    wait_for("LeadSquared knows", lambda: system.told_of(6))
    step("both secrets were rotated, without a webhook or a callback turned away")

    run_a_campaign(system)

    wait_for("the warning of 80 % of the budget", lambda: "warned" in system.told_once(), 90)
    step("nine of eleven messages of the day's budget are spent, and the reconciler said so")

    assert set(sent(system).values()) == {1}, f"no message twice: {sent(system)}"
    requests, denied = system.denied()
    assert not denied, f"the roles lack: {denied}"
    used = {}
    for request in requests:
        used.setdefault(request["function"], set()).add(request["action"])
    assert set(used) == {"crm-webhook", "delivery-webhook", "sender", "reconciler", "crm-sync", "campaigns", "recordings",
                         "as-reader", "as-operator", "as-publisher"}, used
    step(f"{len(requests)} requests of seven functions and three persons to the table, each inside its role or policies")

    history = json.loads(system.recado("history", "--stack", STACK, "--json"))["versions"]
    assert all(one["author"].startswith("arn:aws:") for one in history), f"STS says who put a version in force: {history}"
    # What is in force already would be written by nobody.
    rules.write_text(RULES.replace("recebemos o seu contato", "temos outras novidades"))
    system.refused("reader", "push", str(rules), "--stack", STACK)
    system.refused("operator", "push", str(rules), "--stack", STACK)
    system.refused("reader", "pause", "--rule", "welcome", "--why", "no right", "--stack", STACK)
    system.refused("publisher", "pause", "--rule", "welcome", "--why", "no right", "--stack", STACK)
    step("a reader, an operator and a publisher are refused what is not theirs")

    open_the_panel(system, public)
    # `sam delete` asks for a field of the stack that the emulator does not have.
    cloudformation = system.aws("cloudformation")
    cloudformation.delete_stack(StackName=STACK)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    status, _ = http(webhooks, method="GET")
    assert status == 404, f"the address is gone: {status}"
    assert not system.aws("lambda").list_functions()["Functions"], "no function is left"
    step("the stack was deleted")
    print("1 passed, 0 failed")


def open_the_panel(system, public):
    """The address in LigueLead's panel is closed, and opens with a secret of its own alone."""
    secrets = system.aws("secretsmanager")
    body = json.dumps({"event": "campaign.status", "app_id": "simulated-app", "occurred_at": "2026-11-20T12:00:15.400Z",
                       "campaign": {"id": "00000000-0000-4000-8000-000000000777", "phone": "+5511900000777",
                                    "status": "delivered", "message": "?"}}).encode()

    def answer(secret):
        # The emulator makes up secrets with punctuation, although the template excludes it.
        shown = urllib.parse.quote(secret, safe="")
        return http(f"{public}webhooks/liguelead?secret={shown}", body, {"content-type": "application/json"})[0]

    outputs = system.deploy(PublicUrl=public)
    callback = secrets.get_secret_value(SecretId=outputs["CallbackSecretArn"])["SecretString"]
    assert "PanelSecretArn" not in outputs and answer(callback) == 401
    outputs = system.deploy(PublicUrl=public, PanelAppId="simulated-app")
    panel = secrets.get_secret_value(SecretId=outputs["PanelSecretArn"])["SecretString"]
    wait_for("the panel's address is open", lambda: answer(panel) == 200, 60)
    assert answer(callback) == 401, "the callback secret does not open it"
    step("the panel's address was closed, and opened with a secret of its own alone")


def run_a_campaign(system):
    """Three customers get one text in one request, once, and LeadSquared is told of each; a cancelled run reaches nobody."""
    for number in (11, 12, 13):
        system.customer(number)
    system.campaign("pause", "news", "--why", "the text is not agreed")
    assert system.campaign("start", "news", "--yes", "--run", "one")["is_new"]
    system.invoke("Campaigns", "events/campaigns.json")
    assert system.run_of("one")["phase"] == "gathering", "what is paused is not read"
    system.campaign("resume", "news")
    assert system.campaign("start", "news", "--yes", "--run", "two")["is_new"]
    assert system.campaign("cancel", "news", "--run", "two")["run"] == "two"
    # What comes each minute, at once.
    system.invoke("Campaigns", "events/campaigns.json")
    wait_for("the audience is with the sender", lambda: system.run_of("one")["phase"] in ("sending", "done"))
    assert system.run_of("one")["recipients"] == 3
    assert system.run_of("two")["phase"] == "cancelled"
    system.invoke("Reconciler", "events/reconciler.json")
    wait_for("all of them have it", lambda: system.run_of("one")["states"] == {"delivered": 3})
    wait_for("LeadSquared knows", lambda: system.told_of(9))
    campaigns = get_json(f"{system.liguelead}/_recado/received")["campaigns"]
    news = [sorted(campaign["phones"]) for campaign in campaigns if campaign["message"] == "Confira as novidades."]
    assert news == [["11900000011", "11900000012", "11900000013"]], f"one request, and nobody else: {news}"
    system.invoke("Campaigns", "events/campaigns.json")
    assert system.run_of("one")["phase"] == "done"
    step("a campaign was paused, resumed, sent in one request and told to LeadSquared; another was cancelled")


if __name__ == "__main__":
    main()
