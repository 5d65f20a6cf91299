"""Lambda's Runtime API, for functions that run as plain processes of this machine: hands each one event after another."""

import http.server
import json
import os
import queue
import subprocess
import threading
import time


class Function:
    """A function's process. `init_s` is what Lambda calls its init duration: until it asks for its first event."""

    def __init__(self, command, environment, log):
        self.events, self.answers = queue.Queue(), queue.Queue()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        # A function that is stopped lets go of its connections.
        self.server.handle_error = lambda *_: None
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.ready = threading.Event()
        started = time.perf_counter()
        self.process = subprocess.Popen(command, stdout=log, stderr=log, env=dict(
            environment, AWS_LAMBDA_RUNTIME_API=f"127.0.0.1:{self.server.server_port}",
            AWS_LAMBDA_FUNCTION_NAME="local", AWS_LAMBDA_FUNCTION_VERSION="$LATEST",
            AWS_LAMBDA_FUNCTION_MEMORY_SIZE="512", PATH=os.environ["PATH"]))
        assert self.ready.wait(60), "the function does not ask for an event"
        self.init_s = self.asked - started

    def invoke(self, event, timeout_s=60):
        """The answer, whether it is one (and not an error), and how long it took in seconds."""
        started = time.perf_counter()
        self.events.put(event)
        kind, answer, at = self.answers.get(timeout=timeout_s)
        return answer, kind == "response", at - started

    def peak_kib(self):
        """The most memory that was resident, in KiB."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.events.put(None)
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def handler(function):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Else a body waits for the acknowledgement of its headers: 40 ms.
            disable_nagle_algorithm = True

            def do_GET(self):
                if not function.ready.is_set():
                    function.asked = time.perf_counter()
                    function.ready.set()
                event = function.events.get()
                body = json.dumps(event).encode()
                self.send_response(200)
                for name, value in (("Aws-Request-Id", "00000000-0000-4000-8000-000000000001"),
                                    ("Deadline-Ms", str(int(time.time() * 1000) + 60_000)),
                                    ("Invoked-Function-Arn", "arn:aws:lambda:sa-east-1:000000000000:function:local"),
                                    ("Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793")):
                    self.send_header(f"Lambda-Runtime-{name}", value)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                at = time.perf_counter()
                body = self.rfile.read(int(self.headers.get("content-length") or 0)) if "chunked" not in str(
                    self.headers.get("transfer-encoding")) else self.chunks()
                self.send_response(202)
                self.send_header("content-length", "0")
                self.end_headers()
                function.answers.put((self.path.rsplit("/", 1)[-1], json.loads(body or b"null"), at))

            def chunks(self):
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body

            def log_message(self, *_):
                pass

        return Handler
