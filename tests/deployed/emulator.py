"""MiniStack, with what it lacks and the system rests on.

PartiQL: its parser knows neither several SET clauses, nor OR, nor functions in a condition, and writes by PartiQL reach
no stream. Here each statement becomes the PutItem or UpdateItem that it stands for, which MiniStack does in full.

Roles: it asks nobody for permission. Here each request that a function makes of DynamoDB is held against the function's
role in the deployed template: the action, the table's index, the partition keys, and the attributes where a role names
some. A function is known by the application id that the template gives its SDK. A person is known in the same way: who
works as `recado-as-NAME` has the policies of infra/policies that belong to NAME. What is refused is answered as AWS would.
REQUESTS_FILE lists them all.

Secrets: a reference to one is its name there, and its ARN with AWS.

Alarms over several metrics: it refuses to create them. Here they are created over the first of their metrics; nothing
feeds them either way.
"""

import json
import os
import re
from pathlib import Path

from permissions import Request, allowed

from ministack import app
from ministack.core.responses import error_response_json
from ministack.services import dynamodb, iam
from ministack.services.cloudformation import provisioners


# --- PartiQL ---------------------------------------------------------------------------------------------------------

def execute_statement(data):
    text, parameters = data["Statement"], list(data.get("Parameters", []))
    insert = re.fullmatch(r'INSERT INTO "([^"]+)" VALUE \{(.+)\}', text, re.S)
    if insert:
        names = re.findall(r"'([^']+)': \?", insert.group(2))
        answer = dynamodb._put_item({
            "TableName": insert.group(1),
            "Item": dict(zip(names, parameters, strict=True)),
            "ConditionExpression": "attribute_not_exists(pk)",
        })
        return duplicate(answer)
    update = re.fullmatch(r'UPDATE "([^"]+)"(.*?) WHERE "pk"=\? AND "sk"=\?(.*)', text, re.S)
    if not update:
        return error_response_json("ValidationException", "this statement is not understood", 400)
    table, changes, condition = update.groups()
    names, values = {}, {}

    def name(attribute):
        return names.setdefault(attribute, f"#n{len(names)}")

    def value():
        place = f":v{len(values)}"
        values[place] = parameters.pop(0)
        return place

    sets, removes = [], []
    for kind, attribute in re.findall(r' (SET|REMOVE) "([^"]+)"', changes):
        if kind == "SET":
            sets.append(f"{name(attribute)} = {value()}")
        else:
            removes.append(name(attribute))
    key = {"pk": parameters.pop(0), "sk": parameters.pop(0)}
    condition = re.sub(r'"([^"]+)" IS NOT MISSING', lambda m: f"attribute_exists({name(m[1])})", condition)
    condition = re.sub(r'"([^"]+)" IS MISSING', lambda m: f"attribute_not_exists({name(m[1])})", condition)
    condition = re.sub(r'"([^"]+)"', lambda m: name(m[1]), condition)
    condition = re.sub(r"\?", lambda _: value(), condition)
    request = {
        "TableName": table,
        "Key": key,
        "UpdateExpression": " ".join(
            part for part in (
                "SET " + ", ".join(sets) if sets else "",
                "REMOVE " + ", ".join(removes) if removes else "",
            ) if part
        ),
        # An UPDATE never makes a row.
        "ConditionExpression": "attribute_exists(pk)" + condition,
        "ExpressionAttributeNames": {place: attribute for attribute, place in names.items()},
    }
    if values:
        request["ExpressionAttributeValues"] = values
    answer = dynamodb._update_item(request)
    if answer[0] != 200 and b"ConditionalCheckFailed" not in answer[2]:
        print("not taken:", text, answer[2], flush=True)
    return answer


def duplicate(answer):
    if answer[0] == 400 and b"ConditionalCheckFailed" in answer[2]:
        return error_response_json("DuplicateItemException", "Duplicate primary key exists in table", 400)
    return answer


# --- Roles -----------------------------------------------------------------------------------------------------------

TRANSACTION = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}


POLICIES = Path(__file__).resolve().parents[2] / "infra/policies"
# Nobody works without reading.
POLICIES_OF = {"reader": ["reader"], "operator": ["reader", "operator"], "publisher": ["reader", "publisher"]}


def attributes(one):
    """The attributes that a PutItem or an UpdateItem names: of the item or its key, and in its expressions."""
    names = set(one.get("Item", one.get("Key", {})))
    for expression in ("UpdateExpression", "ConditionExpression"):
        for word in re.findall(r"[:#]?[a-z_][a-z_0-9]*", one.get(expression, "")):
            if word.startswith("#"):
                names.add(one["ExpressionAttributeNames"][word])
            elif not word.startswith(":") and word not in ("attribute_exists", "attribute_not_exists", "if_not_exists"):
                names.add(word)
    return sorted(names)


def wanted(action, data):
    """What a request asks for: an action, an index, a partition key, and the attributes where they are known."""
    if action == "BatchExecuteStatement":
        for statement in data["Statements"]:
            text, parameters = statement["Statement"], statement["Parameters"]
            if text.startswith("INSERT"):
                names = re.findall(r"'([^']+)': \?", text)
                yield "PartiQLInsert", None, parameters[names.index("pk")]["S"], None
            else:
                place = text.split(' WHERE "pk"')[0].count("?")
                yield "PartiQLUpdate", None, parameters[place]["S"], None
    elif action == "TransactWriteItems":
        for item in data["TransactItems"]:
            for kind, one in item.items():
                yield TRANSACTION[kind], None, one.get("Key", one.get("Item"))["pk"]["S"], attributes(one)
    elif action in ("BatchGetItem", "BatchWriteItem"):
        for requests in data["RequestItems"].values():
            if action == "BatchGetItem":
                keys = requests["Keys"]
            else:
                keys = [one.get("Key", one.get("Item")) for request in requests for one in request.values()]
            for key in keys:
                yield action, None, key["pk"]["S"], None
    elif action == "Query" and data.get("IndexName"):
        # IAM's leading keys are those of the index, which no policy here names.
        yield action, data["IndexName"], None, None
    elif action == "Query":
        hash_key = re.search(r"(?:pk|#pk) *= *(:\w+)", data["KeyConditionExpression"])
        yield action, None, data["ExpressionAttributeValues"][hash_key.group(1)]["S"], None
    else:
        key = (data.get("Key") or data.get("Item") or {}).get("pk", {}).get("S")
        yield action, None, key, attributes(data) if action in ("PutItem", "UpdateItem") else None


def statements_of(who):
    """What a function's role or a person's policies say; None if nobody is known by this name."""
    if who.startswith("as-"):
        names = POLICIES_OF[who.removeprefix("as-")]
        policies = [
            json.loads((POLICIES / f"{name}.json").read_text().replace("arn:aws:dynamodb:REGION:ACCOUNT:table/STACK", TABLE))
            for name in names
        ]
    else:
        logical = "".join(word.capitalize() for word in who.split("-")) + "Role"
        role = next((role for name, role in iam._roles.items() if logical in name), None)
        if role is None:
            return None
        policies = [json.loads(text) if isinstance(text, str) else text for text in role["InlinePolicies"].values()]
    return [statement for policy in policies for statement in policy["Statement"]]


# The emulator's account, and a table that has the stack's name.
TABLE = f"arn:aws:dynamodb:{os.environ.get('MINISTACK_REGION', '')}:000000000000:table/recado-test"


def denied(who, action, data):
    statements = statements_of(who)
    if statements is None:
        return f"{who} has no role"
    table = TABLE.replace("recado-test", data.get("TableName") or next(iter(data.get("RequestItems", {})), "recado-test"))
    for asked, index, key, names in wanted(action, data):
        context = {"dynamodb:LeadingKeys": [key] if key else [], "dynamodb:Attributes": names or []}
        resource = f"{table}/index/{index}" if index else table
        if not allowed(statements, Request(f"dynamodb:{asked}", resource, context)):
            return f"{who} may not {asked} {f'index {index}' if index else key}"
    return None


def guarded(handle_request):
    async def handle(method, path, headers, body, query):
        function = re.search(r"app/recado-([a-z-]+)", f"{headers.get('user-agent')} {headers.get('x-amz-user-agent')}")
        if function:
            action = headers.get("x-amz-target", "").split(".")[-1]
            why = denied(function.group(1), action, json.loads(body or b"{}"))
            with open(os.environ["REQUESTS_FILE"], "a", encoding="utf-8") as file:
                file.write(json.dumps({"function": function.group(1), "action": action, "denied": why}) + "\n")
            if why:
                return error_response_json("AccessDeniedException", why, 400)
        return await handle_request(method, path, headers, body, query)
    return handle


# --- Secrets ---------------------------------------------------------------------------------------------------------

def by_arn(create):
    def secret(logical_id, properties, stack):
        _, attributes = create(logical_id, properties, stack)
        return attributes["Arn"], attributes
    return secret


def of_arn(delete):
    def secret(arn, properties):
        name = next((name for name, secret in provisioners._sm._secrets.items() if secret["ARN"] == arn), arn)
        return delete(name, properties)
    return secret


# --- Alarms ----------------------------------------------------------------------------------------------------------

def over_one_metric(create):
    def alarm(logical_id, properties, stack):
        if "Metrics" in properties:
            first = next(metric["MetricStat"] for metric in properties["Metrics"] if "MetricStat" in metric)
            properties = {key: value for key, value in properties.items() if key != "Metrics"}
            properties |= first["Metric"] | {"Period": first["Period"], "Statistic": first["Stat"]}
        return create(logical_id, properties, stack)
    return alarm


ALARM = provisioners._RESOURCE_HANDLERS["AWS::CloudWatch::Alarm"]
ALARM["create"] = over_one_metric(ALARM["create"])
SECRET = provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"]
SECRET |= {"create": by_arn(SECRET["create"]), "delete": of_arn(SECRET["delete"])}
dynamodb._execute_statement = execute_statement
dynamodb.handle_request = guarded(dynamodb.handle_request)

if __name__ == "__main__":
    app.main()
