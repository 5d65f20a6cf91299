"""A public client for LeadSquared, as its authors published it, against the simulator.

`lsq` knows one address, https://api.leadsquared.com, and no setting for another. What it does know, through the
library below it, is the two variables that every HTTP client knows: HTTPS_PROXY and REQUESTS_CA_BUNDLE. So the test is a
proxy that ends TLS with a certificate of its own and hands the bytes to the simulator. The client is not changed.

Usage: check.py HOST:PORT of `recado simulate leadsquared`.
"""

import json
import os
import socket
import ssl
import sys
import tempfile
import threading
import urllib.request

import trustme

HOST = "api.leadsquared.com"
simulator = sys.argv[1]


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    finally:
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def serve(connection, context):
    request = b""
    while b"\r\n\r\n" not in request:
        request += connection.recv(4096)
    assert request.startswith(f"CONNECT {HOST}:443 ".encode()), request
    connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    inside = context.wrap_socket(connection, server_side=True)
    host, port = simulator.rsplit(":", 1)
    outside = socket.create_connection((host, int(port)))
    threading.Thread(target=pump, args=(outside, inside), daemon=True).start()
    pump(inside, outside)


def proxy(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    listener = socket.create_server(("127.0.0.1", 0))

    def accept():
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection, context), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


authority = trustme.CA()
bundle = os.path.join(tempfile.mkdtemp(), "authority.pem")
authority.cert_pem.write_to_path(bundle)
port = proxy(authority.issue_cert(HOST))
for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
    os.environ.pop(name, None)
os.environ.update(HTTPS_PROXY=f"http://127.0.0.1:{port}", REQUESTS_CA_BUNDLE=bundle)

import lsq  # noqa: E402  (it must find the variables)
from lsq.apihelper import make_request  # noqa: E402

lsq.accessKey, lsq.secretKey = "u$rsimulated", "simulated-secret"

created = lsq.CreateLead().create(
    [
        {"Attribute": "FirstName", "Value": "Zuleica"},
        {"Attribute": "EmailAddress", "Value": "zuleica@example.com"},
        {"Attribute": "Phone", "Value": "+55-11988887777"},
    ]
)
assert created["Status"] == "Success", created
lead = created["Message"]["Id"]
found = lsq.RetriveLead().leademail("zuleica@example.com")
assert [one["ProspectID"] for one in found] == [lead], found

# Its own method for an activity posts to LeadManagement.svc, where LeadSquared's pages know no such call; its general
# one takes the path that they know.
keys = {"accessKey": lsq.accessKey, "secretKey": lsq.secretKey}
own = lsq.CreateLead().leadandactivity({"LeadDetails": [], "Activity": {}})
assert isinstance(own, str) and "No such API" in own, own
activity = make_request(
    "POST",
    f"https://{HOST}/v2/ProspectActivity.svc/Create",
    params=keys,
    data={
        "RelatedProspectId": lead,
        "ActivityEvent": 206,
        "ActivityNote": "from a client that is not ours",
        "Fields": [{"SchemaName": "mx_Custom_1", "Value": "1"}],
    },
)
assert activity["Status"] == "Success", activity

opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
with opener.open(f"http://{simulator}/_recado/received") as answer:
    received = json.load(answer)
assert [one["id"] for one in received["leads"]] == [lead], received["leads"]
assert [one["id"] for one in received["activities"]] == [activity["Message"]["Id"]], received["activities"]
print("lsq 0.0.15 created a lead and an activity")
