"""MiniStack, with what it lacks and the system rests on.

PartiQL: its parser knows neither several SET clauses, nor OR, nor functions in a condition, and writes by PartiQL reach
no stream. Here each statement becomes the PutItem or UpdateItem that it stands for, which MiniStack does in full.

Roles: it asks nobody for permission. Here each request that a function makes of DynamoDB is held against the function's
role in the deployed template: the action, the table's index, and the partition keys. A function is known by the
application id that the template gives its SDK. What is refused is answered as AWS would. REQUESTS_FILE lists them all.

Secrets: a reference to one is its name there, and its ARN with AWS.

Alarms over several metrics: it refuses to create them. Here they are created over the first of their metrics; nothing
feeds them either way.
"""

import fnmatch
import json
import os
import re

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


def wanted(action, data):
    """What a request asks for: pairs of an action and a partition key; no key where an index is asked."""
    if action == "BatchExecuteStatement":
        for statement in data["Statements"]:
            text, parameters = statement["Statement"], statement["Parameters"]
            if text.startswith("INSERT"):
                names = re.findall(r"'([^']+)': \?", text)
                yield "PartiQLInsert", None, parameters[names.index("pk")]["S"]
            else:
                place = text.split(' WHERE "pk"')[0].count("?")
                yield "PartiQLUpdate", None, parameters[place]["S"]
    elif action == "TransactWriteItems":
        for item in data["TransactItems"]:
            for kind, one in item.items():
                yield TRANSACTION[kind], None, one.get("Key", one.get("Item"))["pk"]["S"]
    elif action in ("BatchGetItem", "BatchWriteItem"):
        for requests in data["RequestItems"].values():
            if action == "BatchGetItem":
                keys = requests["Keys"]
            else:
                keys = [one.get("Key", one.get("Item")) for request in requests for one in request.values()]
            for key in keys:
                yield action, None, key["pk"]["S"]
    elif action == "Query" and data.get("IndexName"):
        yield action, data["IndexName"], None
    elif action == "Query":
        hash_key = re.search(r"(?:pk|#pk) *= *(:\w+)", data["KeyConditionExpression"])
        yield action, None, data["ExpressionAttributeValues"][hash_key.group(1)]["S"]
    else:
        yield action, None, (data.get("Key") or data.get("Item") or {}).get("pk", {}).get("S")


def listed(value):
    return value if isinstance(value, list) else [value]


def allows(statement, action, index, key):
    if not any(fnmatch.fnmatchcase(f"dynamodb:{action}", pattern) for pattern in listed(statement["Action"])):
        return False
    resources = [resource for resource in listed(statement["Resource"]) if ":table/" in resource]
    if not any(resource.endswith(f"/index/{index}") if index else "/index/" not in resource for resource in resources):
        return False
    conditions = statement.get("Condition", {}).get("ForAllValues:StringLike", {})
    patterns = conditions.get("dynamodb:LeadingKeys")
    return patterns is None or (key is not None and any(fnmatch.fnmatchcase(key, one) for one in patterns))


def denied(function, action, data):
    logical = "".join(word.capitalize() for word in function.split("-")) + "Role"
    role = next((role for name, role in iam._roles.items() if logical in name), None)
    if role is None:
        return f"{function} has no role"
    policies = [json.loads(text) if isinstance(text, str) else text for text in role["InlinePolicies"].values()]
    statements = [statement for policy in policies for statement in policy["Statement"]]
    for asked, index, key in wanted(action, data):
        if not any(allows(statement, asked, index, key) for statement in statements):
            return f"{function} may not {asked} {f'index {index}' if index else key}"
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
