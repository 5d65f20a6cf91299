"""The job of `crm-webhook` in Python, with boto3 and requests, for comparison: checks the secret, reads the lead, renders
the text, and writes the message if it is new. It leaves out all that makes the real one right.
"""

import hashlib
import hmac
import json
import os
import time
import urllib.request

import boto3
import requests
from botocore.exceptions import ClientError

ENDPOINT, TABLE = os.environ["RECADO_TABLE"].rsplit("/", 1)
TABLE = boto3.resource("dynamodb", endpoint_url=ENDPOINT).Table(TABLE)
VENDOR = requests.Session()
SECRET = os.environ["RECADO_WEBHOOK_SECRET_ARN"]


def handler(event):
    if not hmac.compare_digest(event["headers"].get("x-recado-secret", ""), SECRET):
        return {"statusCode": 200, "body": json.dumps({"Status": "Error"})}
    lead = json.loads(event["body"])
    text = f"Olá {lead['FirstName'].split()[0].title()}, recebemos o seu contato."
    message = hashlib.sha256(f"welcome {lead['ProspectID']} created".encode()).hexdigest()[:32]
    try:
        TABLE.put_item(
            Item={"pk": f"M#{message}", "sk": "M", "phone": lead["Phone"], "text": text, "state": "pending",
                  "made_ms": int(time.time() * 1000)},
            ConditionExpression="attribute_not_exists(pk)")
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
    return {"statusCode": 200, "body": json.dumps({"Status": "Success"})}


def main():
    api = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"
    while True:
        with urllib.request.urlopen(f"{api}/next") as answer:
            request, event = answer.headers["Lambda-Runtime-Aws-Request-Id"], json.load(answer)
        body = json.dumps(handler(event)).encode()
        urllib.request.urlopen(f"{api}/{request}/response", data=body).close()


if __name__ == "__main__":
    main()
