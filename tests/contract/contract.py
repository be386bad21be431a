"""The server under test, and the OpenAPI file that every exchange with it is held to."""
import http.client
import json
import os
import re
import select
import signal
import ssl
import subprocess
import tempfile
import time
import urllib.parse

import jsonschema
import yaml

PATIENCE_S = 10  # The watchdog of every wait; no test waits this long unless the server is broken.
TOKEN = "a token of the tests"


class Contract:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.document = yaml.safe_load(file)
        self.resolver = jsonschema.RefResolver.from_schema(self.document)
        self.seen = set()  # (operationId, status)
        self.operations = {}  # operationId: (METHOD, path pattern, operation)
        for pattern, item in self.document["paths"].items():
            for method in item.keys() - {"parameters"}:
                self.operations[item[method]["operationId"]] = (method.upper(), pattern, item[method])

    def resolve(self, node):
        return self.resolver.resolve(node["$ref"])[1] if "$ref" in node else node

    def documented(self):
        return {(name, int(status)) for name, (_, _, operation) in self.operations.items()
                for status in operation["responses"]}

    def find(self, method, path):
        path = urllib.parse.urlsplit(path).path
        if len(path) > 1:
            path = path.removesuffix("/")
        for name, (operation_method, pattern, operation) in self.operations.items():
            if method == operation_method and re.fullmatch(re.sub(r"{\w+}", "[^/]+", pattern), path):
                return name, operation
        return None, None

    def validate(self, value, schema):
        jsonschema.Draft202012Validator(schema, resolver=self.resolver).validate(value)

    def check(self, method, path, body, response):
        """An exchange of a known operation is as the file says; any other is a problem."""
        name, operation = self.find(method, path)
        if not operation:
            assert response.status in (400, 401, 404, 405), response
            self.check_content(self.document["components"]["responses"]["NotFound"], response)
            return
        self.seen.add((name, response.status))
        assert str(response.status) in operation["responses"], f"{name} answered an undocumented {response.status}"
        described = self.resolve(operation["responses"][str(response.status)])
        self.check_content(described, response)
        for header, rule in described.get("headers", {}).items():
            self.validate(response.headers[header], rule["schema"])
        if response.status == 200 and "requestBody" in operation:
            accepted = self.resolve(operation["requestBody"])["content"]["application/json"]["schema"]
            self.validate(json.loads(body) if body else {}, accepted)

    def check_content(self, described, response):
        (content_type, content), = described["content"].items()
        assert response.headers["Content-Type"] == content_type, response
        assert int(response.headers["Content-Length"]) == len(response.body), response
        assert response.headers["X-Request-Id"], response
        is_json = content_type.endswith("json")
        self.validate(response.json if is_json else response.body.decode(), content["schema"])
        if content_type == "application/problem+json":
            assert response.json["status"] == response.status, response


class Response:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {dict(self.headers)} {self.body!r}"


class Exchange:
    def __init__(self, contract, connection, close, method, path, body):
        self.contract, self.connection, self.close = contract, connection, close
        self.method, self.path, self.body = method, path, body

    def finish(self, expect):
        got = self.connection.getresponse()
        response = Response(got.status, got.headers, got.read())
        if self.close:
            self.connection.close()
        if self.method != "HEAD":  # Its answers have no body to check.
            self.contract.check(self.method, self.path, self.body, response)
        assert response.status == expect, f"{self.method} {self.path}: {response}"
        return response


class Server:
    """A contract-server of its own; a context manager that also checks its end."""
    program = None  # Set by run.py.
    contract = None

    def __init__(self, *options, token=TOKEN, path=None):
        self.log = tempfile.NamedTemporaryFile(prefix="contract-server-")
        self.token = token
        self.tls = None
        self.terminated = False
        environment = dict(os.environ, G_DEBUG="fatal-criticals")
        if path is not None:
            environment["PATH"] = path
        command = [self.program, *options] + (["--token", token] if token else [])
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, env=environment)
        assert select.select([self.process.stdout], [], [], PATIENCE_S)[0], "the server printed no port"
        self.greeting = self.process.stdout.readline().decode()
        self.port = int(self.greeting.removeprefix("port ")) if self.greeting.startswith("port ") else None

    def __enter__(self):
        assert self.port, self.greeting
        return self

    def __exit__(self, *_):
        self.stop()

    def terminate(self):
        self.terminated = True
        self.process.send_signal(signal.SIGTERM)

    def stop(self):
        if not self.terminated:
            self.terminate()
        status = self.process.wait(PATIENCE_S)
        log = self.log_text()
        self.log.close()
        self.process.stdout.close()
        assert status == 0, f"exit status {status}\n{log}"

    def log_text(self):
        with open(self.log.name, encoding="utf-8") as log:
            return log.read()

    def connection(self):
        if self.tls:
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=PATIENCE_S, context=self.tls)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)

    def begin(self, method, path, body=None, headers=None, connection=None):
        """Sends a request. `body` is what json can dump, or bytes sent as they are."""
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        sent = {} if content is None else {"Content-Type": "application/json"}
        if self.token:
            sent["Authorization"] = "Bearer " + self.token
        sent.update(headers or {})
        connection, close = (connection, False) if connection else (self.connection(), True)
        connection.request(method, path, content, {name: value for name, value in sent.items() if value is not None})
        return Exchange(self.contract, connection, close, method, path, content)

    def call(self, *request, expect=200, **more):
        """One exchange, checked against the contract."""
        return self.begin(*request, **more).finish(expect)

    def get(self, path, **more):
        return self.call("GET", path, **more).json

    def post(self, path, body=None, **more):
        return self.call("POST", path, body, **more).json

    def delete(self, path, body=None, **more):
        return self.call("DELETE", path, body, **more).json

    def state(self):
        """All that the calls can change, to compare."""
        rooms = self.get("/rooms")["rooms"]
        return sorted((json.dumps(room), json.dumps(self.get("/rooms/" + urllib.parse.quote(room["roomId"], safe=""))))
                      for room in rooms)


def tls_context(certificate):
    return ssl.create_default_context(cafile=certificate)


def sdp(kind="offer", *lines):
    return {"type": kind, "sdp": "\r\n".join(["v=0", "m=audio", "m=video", *lines, ""])}


def wait_for(condition, what):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, f"{what} never came"
