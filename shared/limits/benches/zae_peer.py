"""One caller of zae-limiter, for `benches/rate.rs`: ENDPOINT SECONDS; prints permits, requests and seconds as JSON."""

import json
import os
import sys
import time

os.environ.setdefault("AWS_ACCESS_KEY_ID", "embedded")
os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "embedded")

from zae_limiter import Limit, SyncRateLimiter, SyncRepository  # noqa: E402

endpoint, seconds = sys.argv[1], float(sys.argv[2])
repository = SyncRepository("zae-peer", region="us-east-1", endpoint_url=endpoint, _skip_deprecation_warning=True)
repository.create_table()
client = repository._get_client()
requests = {"writes": 0, "reads": 0}


def count(model, **_):
    kind = "writes" if model.name in ("UpdateItem", "PutItem", "TransactWriteItems", "DeleteItem") else "reads"
    requests[kind] += 1


client.meta.events.register("before-call.dynamodb", count)
limiter = SyncRateLimiter(repository=repository)
limits = [Limit.per_minute("requests", 600_000)]


def permit():
    with limiter.acquire("liguelead", "sms", {"requests": 1}, limits=limits):
        pass


permit()
requests.update(writes=0, reads=0)
began, permits = time.monotonic(), 0
while time.monotonic() - began < seconds:
    permit()
    permits += 1
print(json.dumps({"permits": permits, "seconds": time.monotonic() - began, **requests}))
