"""The peer: what an engineer writes in an afternoon. A LeadSquared webhook in, one SMS request a lead out.

FastAPI takes the webhook, SQLite holds the queue, ten workers send with httpx. A lead's id makes a delivery that comes
twice one message; 429, 5xx and timeouts are tried again later.
"""

import asyncio
import contextlib
import json
import os
import re
import sqlite3
import time

import fastapi
import httpx
from fastapi.responses import JSONResponse

WORKERS = 10
TRIES = 8

queue = sqlite3.connect(os.environ["PEER_DB"], isolation_level=None)
queue.executescript(
    """
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS sms (
        lead TEXT PRIMARY KEY, phone TEXT, body TEXT, state TEXT DEFAULT 'waits', tries INTEGER DEFAULT 0, due REAL DEFAULT 0
    );
    CREATE INDEX IF NOT EXISTS sms_due ON sms (state, due);
    UPDATE sms SET state = 'waits' WHERE state = 'under way';
    """
)
arrived = asyncio.Event()


def mobile(text):
    digits = re.sub(r"\D", "", text or "")
    digits = digits[2:] if len(digits) == 13 and digits.startswith("55") else digits
    return digits if len(digits) == 11 and digits[2] == "9" else None


def next_one():
    return queue.execute(
        "UPDATE sms SET state = 'under way' WHERE lead = ("
        " SELECT lead FROM sms WHERE state = 'waits' AND due <= ? ORDER BY due LIMIT 1"
        ") RETURNING lead, phone, body, tries",
        (time.time(),),
    ).fetchone()


async def deliver(http, lead, phone, body, tries):
    wait = min(60, 2**tries)
    try:
        answer = await http.post("/sms", json={"title": "welcome", "message": body, "phones": [phone]})
        if answer.is_success:
            queue.execute("UPDATE sms SET state = 'sent' WHERE lead = ?", (lead,))
            return
        if answer.status_code == 429:
            wait = int(answer.headers.get("retry-after", wait))
        elif answer.status_code < 500:
            tries = TRIES
    except httpx.HTTPError:
        pass
    state = "waits" if tries + 1 < TRIES else "failed"
    queue.execute(
        "UPDATE sms SET state = ?, tries = ?, due = ? WHERE lead = ?", (state, tries + 1, time.time() + wait, lead)
    )


async def work(http):
    while True:
        if one := next_one():
            await deliver(http, *one)
            continue
        arrived.clear()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(arrived.wait(), 0.5)


@contextlib.asynccontextmanager
async def lifespan(_app):
    headers = {"api-token": os.environ["LIGUELEAD_API_TOKEN"], "app-id": os.environ["LIGUELEAD_APP_ID"]}
    async with httpx.AsyncClient(base_url=os.environ["LIGUELEAD_BASE_URL"], headers=headers, timeout=10) as http:
        workers = [asyncio.create_task(work(http)) for _ in range(WORKERS)]
        yield
        for worker in workers:
            worker.cancel()


app = fastapi.FastAPI(lifespan=lifespan)


@app.post("/webhooks/leadsquared")
async def webhook(request: fastapi.Request):
    if request.headers.get("x-recado-secret") != os.environ["PEER_SECRET"]:
        return JSONResponse({"Status": "Error"}, 401)
    leads = json.loads(await request.body())
    for lead in leads if isinstance(leads, list) else [leads]:
        phone = mobile(lead.get("Phone"))
        if phone and lead.get("ProspectID"):
            body = os.environ["PEER_TEXT"].replace("{FirstName}", lead.get("FirstName") or "")
            queue.execute("INSERT OR IGNORE INTO sms (lead, phone, body) VALUES (?, ?, ?)", (lead["ProspectID"], phone, body))
    arrived.set()
    return {"Status": "Success"}
