"""What the template's roles and the policies of infra/policies refuse, and that they are made of one statement for each use.

It reads files and starts nothing. The deployed test shows what the roles allow: there every request of a function must be
inside its role.
"""

import json
import sys
from pathlib import Path

from permissions import Request, allowed, listed
from samcli.yamlhelper import yaml_parse

ROOT = Path(__file__).resolve().parents[2]
TABLE = "the table"
BUCKET = "the bucket"
FUNCTIONS = ("CrmWebhook", "DeliveryWebhook", "Sender", "Reconciler", "CrmSync", "Campaigns", "Recordings")
SECRETS = ("WebhookSecret", "CallbackSecret", "PanelSecret", "LigueLeadSecret", "LeadSquaredSecret")
# Who may read which secret, and nobody else.
READS = {
    "CrmWebhook": {"WebhookSecret"},
    "DeliveryWebhook": {"CallbackSecret", "PanelSecret"},
    "Sender": {"CallbackSecret", "LigueLeadSecret", "LeadSquaredSecret"},
    "Reconciler": {"CallbackSecret", "LigueLeadSecret", "LeadSquaredSecret"},
    "CrmSync": {"LeadSquaredSecret"},
    "Campaigns": {"LeadSquaredSecret"},
    "Recordings": {"LigueLeadSecret"},
}
A_MESSAGE = ["pk", "sk", "state", "phone", "text", "due_shard", "due_ms"]


def named(resource):
    """A resource of the template by its name: the table, the bucket, a secret, or the text itself."""
    if isinstance(resource, dict):
        resource = next(iter(resource.values()))
    resource = ".".join(resource) if isinstance(resource, list) else resource
    if resource == "AudioBucket.Arn":
        return BUCKET
    if resource == "${AudioBucket.Arn}/*":
        return f"{BUCKET}/*"
    return resource.replace("arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${AWS::StackName}", TABLE)


def statements_of(resources, function):
    """A role's statements, with everything that a condition of the template could add."""
    found = []
    for policy in resources[f"{function}Role"]["Properties"]["Policies"]:
        policy = policy.get("Fn::If", [None, policy])[1]
        for statement in policy["PolicyDocument"]["Statement"]:
            statement = statement.get("Fn::If", [None, statement])[1]
            found.append(statement | {"Resource": [named(one) for one in listed(statement["Resource"])]})
    return found


def policy(name):
    text = (ROOT / f"infra/policies/{name}.json").read_text()
    return json.loads(text.replace("arn:aws:dynamodb:REGION:ACCOUNT:table/STACK", TABLE))["Statement"]


def on_table(action, key=None, attributes=None):
    context = {"dynamodb:LeadingKeys": [key] if key else [], "dynamodb:Attributes": attributes or []}
    return Request(f"dynamodb:{action}", TABLE, context)


def secrets(resources):
    for function in FUNCTIONS:
        statements = statements_of(resources, function)
        may = {name for name in SECRETS if allowed(statements, Request("secretsmanager:GetSecretValue", name))}
        assert may == READS[function], f"{function} may read {may}"


def statements(resources):
    every = {function: statements_of(resources, function) for function in FUNCTIONS}
    every |= {name: policy(name) for name in ("reader", "operator", "publisher")}
    for who, found in every.items():
        for one in found:
            what = f"{who}: {one.get('Sid')}"
            keys = [keys for keys in one.get("Condition", {}).values() if "dynamodb:LeadingKeys" in keys]
            if keys:
                null = one["Condition"].get("Null", {})
                assert null.get("dynamodb:LeadingKeys") == "false", f"{what}: a request without keys would be inside"
            of_secrets = [name for name in one["Resource"] if name in SECRETS]
            assert len(of_secrets) < 2, f"{what}: one statement for each secret"
            services = {action.split(":")[0] for action in listed(one["Action"])}
            assert len(services) == 1, f"{what}: one statement for each service"
            assert not any(action.endswith("*") for action in listed(one["Action"])), f"{what}: actions are named"
        sids = [one.get("Sid") for one in found if not any("xray:" in action for action in listed(one["Action"]))]
        assert None not in sids and len(set(sids)) == len(sids), f"{who}: each statement has a name of its own: {sids}"


def refused(resources):
    for function in FUNCTIONS:
        found = statements_of(resources, function)

        def no(action, key=None, attributes=None):
            assert not allowed(found, on_table(action, key, attributes)), f"{function} may {action} {key} {attributes}"

        for action in ("PutItem", "UpdateItem", "DeleteItem", "PartiQLInsert", "PartiQLUpdate"):
            no(action, "S#config")
            no(action, "X#11987654321")
            # Without keys: as IAM sees a request that names none.
            no(action)
        for action in ("GetItem", "BatchGetItem", "Query", "PartiQLDelete", "DeleteTable", "UpdateTable", "PartiQLSelect"):
            no(action)
        if function != "Reconciler":
            no("Scan")
        for action in ("s3:PutObject", "s3:DeleteObject", "s3:PutBucketPolicy"):
            assert not allowed(found, Request(action, f"{BUCKET}/welcome.wav")), f"{function} may {action}"
        if function != "Recordings":
            assert not allowed(found, Request("s3:GetObject", f"{BUCKET}/welcome.wav")), function

    delivery = statements_of(resources, "DeliveryWebhook")
    for request in (
        on_table("PartiQLInsert", "M#7"),
        on_table("PutItem", "M#7", A_MESSAGE),
        on_table("UpdateItem", "M#7", A_MESSAGE),
        on_table("UpdateItem", "M#7", ["pk", "sk", "charged", "state"]),
        # What attributes it writes is not known: so IAM sees a request that names none.
        on_table("PutItem", "M#7"),
        on_table("PutItem", "D#2026-11-20"),
        on_table("DeleteItem", "M#7"),
        on_table("PutItem", "L#liguelead"),
        on_table("Query", "M#7"),
    ):
        assert not allowed(delivery, request), request
    for request in (
        on_table("PutItem", "M#7", ["pk", "sk", "notes", "version", "ttl"]),
        on_table("UpdateItem", "M#7", ["pk", "sk", "charged", "batch"]),
    ):
        assert allowed(delivery, request), request

    crm = statements_of(resources, "CrmWebhook")
    for request in (on_table("GetItem", "M#7"), on_table("Query", "M#7"), on_table("PartiQLUpdate", "M#7"),
                    on_table("PutItem", "B#7"), on_table("PartiQLInsert", "Q#7")):
        assert not allowed(crm, request), request


def people():
    writes = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "PartiQLInsert", "PartiQLUpdate", "PartiQLDelete",
              "DeleteTable", "UpdateTable", "UpdateTimeToLive")
    keys = ("M#7", "S#config", "S#installation", "S#callback_urls", "S#pause", "X#7", "B#7", "P#7", "U", "D#7", None)
    reader, operator, publisher = policy("reader"), policy("operator"), policy("publisher")
    for action in writes:
        for key in keys:
            assert not allowed(reader, on_table(action, key)), f"a reader may {action} {key}"
            if key in ("S#config", "S#installation", "S#callback_urls", "P#7", "U", "D#7", None):
                assert not allowed(operator, on_table(action, key)), f"an operator may {action} {key}"
            if (action, key) != ("PutItem", "S#config"):
                assert not allowed(publisher, on_table(action, key)), f"a publisher may {action} {key}"
    assert not allowed(operator, on_table("PartiQLInsert", "M#7")), "an operator writes no message"
    assert allowed(publisher, on_table("PutItem", "S#config")) and allowed(operator, on_table("PutItem", "S#pause"))
    assert allowed(reader, on_table("GetItem", "M#7")) and allowed(reader, Request("dynamodb:Query", f"{TABLE}/index/due"))
    for name in SECRETS:
        for who in (reader, operator, publisher):
            assert not allowed(who, Request("secretsmanager:GetSecretValue", name)), name


def main():
    resources = yaml_parse((ROOT / "template.yaml").read_text())["Resources"]
    secrets(resources)
    statements(resources)
    refused(resources)
    people()
    print("the roles and the policies refuse what they must")


if __name__ == "__main__":
    sys.exit(main())
