"""What nobody should send. Each gets its 4xx and changes nothing."""
import json
import unittest

from contract import Server, sdp

ROOM, USER = "/rooms", "/rooms/r/users/new"
PRODUCE, CONSUME = "/rooms/r/users/1/produce", "/rooms/r/users/2/consume"
OFFER = sdp()


def nested(depth):
    return b'{"userId":"9","userInfo":' + b"[" * depth + b"]" * depth + b"}"


# Bodies that are not JSON, or not the JSON that is meant; all of them to POST /rooms.
NOT_JSON = {
    "an open object": b'{"userId":"9"',
    "an open string": b'{"userId":"9',
    "an open escape": b'{"userId":"\\',
    "a bare name": b'{userId:"9"}',
    "single quotes": b"{'userId':'9'}",
    "a comma at the end": b'{"userId":"9",}',
    "no comma": b'{"userId":"9" "userInfo":{}}',
    "no colon": b'{"userId" "9"}',
    "a comment": b'{"userId":"9"/* */}',
    "a line comment": b'{"userId":"9"} // x',
    "an assignment": b'var x = {"userId":"9"}',
    "something behind": b'{"userId":"9"}}',
    "two bodies": b'{"userId":"9"}{"userId":"8"}',
    "a byte order mark": b'\xef\xbb\xbf{"userId":"9"}',
    "UTF-16": '{"userId":"9"}'.encode("utf-16"),
    "Latin-1": '{"userId":"é"}'.encode("latin-1"),
    "an overlong form": b'{"userId":"\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"userId":"\xed\xa0\x80"}',
    "beyond Unicode": b'{"userId":"\xf4\x90\x80\x80"}',
    "half a surrogate pair": b'{"userId":"\\ud800"}',
    "the other half": b'{"userId":"\\udc00"}',
    "no pair": b'{"userId":"\\ud800\\u0041"}',
    "half a pair in a name": b'{"userId":"9","\\ud800":1}',
    "a NUL": b'{"userId":"9"}\x00',
    "a NUL in a string": b'{"userId":"9\x00"}',
    "a tab in a string": b'{"userId":"9","userInfo":"\t"}',
    "a bad escape": b'{"userId":"9","userInfo":"\\x41"}',
    "a hexadecimal number": b'{"userId":0x10}',
    "an octal number": b'{"userId":010}',
    "a plus": b'{"userId":+1}',
    "no digits": b'{"userId":-}',
    "not a number": b'{"userId":"9","userInfo":NaN}',
    "infinity": b'{"userId":"9","userInfo":-Infinity}',
    "a name twice": b'{"userId":"9","userId":"8"}',
    "a name twice by an escape": b'{"userId":"9","\\u0075serId":"8"}',
    "only space": b" \r\n\t",
    "form data": b"userId=9",
    "deep and too long": nested(100000),
    "wrong ends": b'{"userId":"9","userInfo":[{]}}',
    "deep and open": b'{"userId":"9","userInfo":' + b"[" * 100000,
    "deep objects": b'{"a":' * 100000,
}

# (body, the member to blame)
WRONG = {
    ROOM: [
        ([], None), (None, None), ("x", None), (1, None), (True, None),
        ({"userId": None}, "userId"), ({"userId": True}, "userId"), ({"userId": []}, "userId"),
        ({"userId": {}}, "userId"), ({"userId": 1.5}, "userId"), ({"userId": ""}, "userId"),
        ({"userId": "x" * 129}, "userId"), ({"userId": "€" * 43}, "userId"), ({"userId": "a\nb"}, "userId"),
        ({"userId": "a\0b"}, "userId"), ({"userId": "\x7f"}, "userId"), ({"userId": "\x85"}, "userId"),
        ({"userId": "."}, "userId"), ({"userId": ".."}, "userId"), ({"userId": 10 ** 128}, "userId"),
        ({"userInfo": {}}, "userInfo"), ({"userId": "9", "userInfo": "x" * 16383}, "userInfo"),
        ({"userId": "9", "colour": 1}, "colour"), ({"userid": "9"}, "userid"), ({"": 1}, ""),
        ({"userId": "9", "offer": OFFER}, "offer"), ({"roomId": "x"}, "roomId"),
    ],
    USER: [([], None), ({"userId": "9"}, "userId"), ({"users": []}, "users"),
           ({"userInfo": {"x": "y" * 16384}}, "userInfo")],
    PRODUCE: [
        (None, None), ({}, "offer"), ({"constraints": {}, "offer": {}}, "offer.type"),
        ({"offer": None}, "offer"), ({"offer": "v=0"}, "offer"), ({"offer": []}, "offer"),
        ({"offer": {}}, "offer.type"), ({"offer": {"type": "offer"}}, "offer.sdp"),
        ({"offer": {"sdp": "v=0"}}, "offer.type"), ({"offer": {**OFFER, "type": "answer"}}, "offer.type"),
        ({"offer": {**OFFER, "type": "Offer"}}, "offer.type"), ({"offer": {**OFFER, "type": 1}}, "offer.type"),
        ({"offer": {**OFFER, "sdp": None}}, "offer.sdp"), ({"offer": {**OFFER, "sdp": {}}}, "offer.sdp"),
        ({"offer": {**OFFER, "sdp": "v=0\0"}}, "offer.sdp"), ({"offer": {**OFFER, "sdp": ""}}, "offer.sdp"),
        ({"offer": {**OFFER, "x": 1}}, "offer.x"), ({"answer": OFFER}, "offer"),
        ({"offer": OFFER, "userInfo": {}}, "userInfo"),
        ({"offer": OFFER, "constraints": None}, "constraints"), ({"offer": OFFER, "constraints": []}, "constraints"),
        ({"offer": OFFER, "constraints": {"audio": 1}}, "constraints.audio"),
        ({"offer": OFFER, "constraints": {"video": "true"}}, "constraints.video"),
        ({"offer": OFFER, "constraints": {"audio": None}}, "constraints.audio"),
        ({"offer": OFFER, "constraints": {"screen": True}}, "constraints.screen"),
        ({"constraints": {"audio": {}}}, "constraints.audio"),
        (b'{"constraints":{"audio":true,"audio":false}}', "constraints"),
        (b'{"offer":{"type":"offer","sdp":"v=0\\ud800"}}', "offer.sdp"),
    ],
    CONSUME: [
        ({}, "producerUserId"), ({"answer": sdp("answer")}, "producerUserId"),
        ({"producerUserId": None, "answer": sdp("answer")}, "producerUserId"),
        ({"producerUserId": "", "answer": sdp("answer")}, "producerUserId"),
        ({"producerUserId": ["1"], "answer": sdp("answer")}, "producerUserId"),
        ({"producerUserId": "1", "answer": None}, "answer"), ({"producerUserId": "1", "answer": "v=0"}, "answer"),
        ({"producerUserId": "1", "answer": OFFER}, "answer.type"),
        ({"producerUserId": "1", "answer": {"type": "answer"}}, "answer.sdp"),
        ({"producerUserId": "1", "answer": sdp("answer"), "offer": OFFER}, "offer"),
        ({"producerUserId": "1", "answer": {**sdp("answer"), "sdp": "garbage"}}, "answer.sdp"),
    ],
}

BAD_IDS = ["%00", "a%00b", "%0A", "%0d%0a", "%7F", "%C2%85", "%FF", "%C0%80", "%ED%A0%80", "%E2%82", "x" * 129,
           "%E2%82%AC" * 43, "x" * 20000]


class BadInput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server())
        cls.server.post("/rooms/r", {"userId": "1"})
        cls.server.post("/rooms/r/users/2")
        cls.server.post(PRODUCE, {"offer": OFFER})
        cls.before = cls.server.state()

    def refused(self, method, path, body=None, **more):
        problem = self.server.call(method, path, body, expect=400, **more).json
        self.assertEqual(self.server.state(), self.before)
        return problem

    def test_not_json(self):
        for name, body in NOT_JSON.items():
            with self.subTest(name):
                self.refused("POST", ROOM, body)
        self.assertIn("at byte 14", self.refused("POST", ROOM, NOT_JSON["something behind"])["detail"])

    def test_wrong_members(self):
        for path, cases in WRONG.items():
            for body, field in cases:
                with self.subTest(path=path, body=str(body)[:100]):
                    problem = self.refused("POST", path, body if isinstance(body, bytes) else json.dumps(body).encode())
                    self.assertEqual(problem.get("field"), field or None)

    def test_members_where_none_belong(self):
        for method, path in (("DELETE", "/rooms/r"), ("DELETE", "/rooms/r/users/1"), ("DELETE", PRODUCE),
                             ("GET", "/rooms"), ("GET", "/rooms/r"), ("GET", "/rooms/r/stats"), ("GET", "/healthz")):
            with self.subTest(path):
                self.assertEqual(self.refused(method, path, {"force": True})["field"], "force")
                self.refused(method, path, b"[]")

    def test_ids_in_paths(self):
        for bad in BAD_IDS:
            for method, path, field in (("POST", f"/rooms/{bad}", "roomId"), ("DELETE", f"/rooms/{bad}", "roomId"),
                                        ("POST", f"/rooms/r/users/{bad}", "userId"),
                                        ("POST", f"/rooms/{bad}/users/1/produce", "roomId"),
                                        ("DELETE", f"/rooms/r/users/{bad}/produce", "userId"),
                                        ("GET", f"/rooms/{bad}/stats", "roomId")):
                with self.subTest(method=method, path=path[:60]):
                    self.assertEqual(self.refused(method, path, {}).get("field"), field)

    def test_broken_percent_signs(self):
        for bad in ("%", "%4", "%zz", "a%2"):
            with self.subTest(bad):
                self.refused("POST", f"/rooms/{bad}", {})
                self.refused("POST", f"/rooms/r/users/{bad}", {})

    def test_an_empty_id(self):
        for path in ("/rooms//users/1", "/rooms/r/users//produce"):
            self.refused("POST", path, {})
