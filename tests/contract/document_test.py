"""The requests and responses that the API document prints, replayed as they stand there.

The document writes `{ type: "offer", sdp: "..." }` for what is JSON on the wire; apart from that the texts are its own.
A response may have more members than are printed. "..." stands for any SDP, and the bytes of statistics for any count.
"""
import json
import unittest

from contract import Server

ROOM = "a97810e7-b7de-4d22-af4e-5a172746ed55"
SDP = json.dumps("v=0\r\nm=audio\r\nm=video\r\n")


def contains(actual, printed, at="response"):
    if printed == "...":
        assert isinstance(actual, str) and actual.startswith("v=0"), f"{at}: {actual!r} is no SDP"
    elif isinstance(printed, dict):
        assert isinstance(actual, dict), f"{at}: {actual!r} is no object"
        for name, value in printed.items():
            assert name in actual, f"{at} has no {name}"
            if name in ("bytesReceived", "bytesSent"):
                assert isinstance(actual[name], int), f"{at}.{name}: {actual[name]!r} is no count"
            else:
                contains(actual[name], value, f"{at}.{name}")
    elif isinstance(printed, list):
        assert len(actual) == len(printed), f"{at}: {actual!r} is not as long as {printed!r}"
        for i, value in enumerate(printed):
            contains(actual[i], value, f"{at}[{i}]")
    else:
        assert type(actual) is type(printed) and actual == printed, f"{at}: {actual!r} is not {printed!r}"


class Document(unittest.TestCase):
    def test_the_story_it_tells(self):
        server = self.enterContext(Server(token=None))

        def replay(method, path, body, response):
            body = body.replace('sdp: "..."', f'"sdp": {SDP}').replace("type:", '"type":')
            body = body.replace("audio:", '"audio":').replace("video:", '"video":')
            contains(server.call(method, path, body.encode()).json, json.loads(response))

        replay("POST", f"/rooms/{ROOM}", """
{
    "userId": 1,
    "userInfo": { "contactId": 11 }
}
""", """
{
    "roomId": "a97810e7-b7de-4d22-af4e-5a172746ed55",
    "userId": "1",
    "users": [],
    "userInfo": { "contactId": 11 }
}
""")
        replay("POST", f"/rooms/{ROOM}/users/2", """
{
    "userInfo": { "contactId": 22 }
}
""", """
{
    "userId": "2",
    "userInfo": {
        "contactId": 22
    },
    "users": [
        {
            "userId": "1",
            "userInfo": { "contactId": 11 }
        }
    ]
}
""")
        replay("POST", f"/rooms/{ROOM}/users/1/produce", """
{
  "offer": { type: "offer", sdp: "..." },
  "constraints": { audio: true, video: true }
}
""", """
{
    "answer": { "type": "answer", "sdp": "..." },
    "userId": "1",
    "userInfo": { "contactId": 11 },
    "constraints": {
        "audio": true,
        "video": true
    },
    "outbound": [
        {
            "userId": "2",
            "userInfo": { "contactId": 22 },
            "offer": { "type": "offer", "sdp": "..." }
        }
    ]
}
""")
        replay("POST", f"/rooms/{ROOM}/users/2/consume", """
{
  "producerUserId": "1",
  "answer": { type: "answer", sdp: "..." }
}
""", """
{
  "status": "connected"
}
""")
        replay("GET", f"/rooms/{ROOM}/stats", "", """
{
    "users": [
        {
            "userId": "1",
            "produce": {
                "producerCount": 2,
                "bytesReceived": 31221
            },
            "consume": {
                "consumeTransportCount": 0,
                "bytesSent": 0
            }
        },
        {
            "userId": "2",
            "produce": false,
            "consume": {
                "consumeTransportCount": 1,
                "bytesSent": 32131
            }
        }
    ]
}
""")
        replay("DELETE", f"/rooms/{ROOM}/users/1/produce", "{ }", """
{
    "userId": "1",
    "userInfo": {
        "contactId": 11
    },
    "constraints": {
        "audio": false,
        "video": false
    },
    "outbound": [
        {
            "userId": "2",
            "userInfo": {
                "contactId": 22
            }
        }
    ]
}
""")
        replay("DELETE", f"/rooms/{ROOM}/users/2", "{ }", """
{
    "userId": "2",
    "userInfo": {
        "contactId": 22
    },
    "outbound": [
        {
            "userId": "1",
            "userInfo": {
                "contactId": 11
            }
        }
    ]
}
""")
        replay("DELETE", f"/rooms/{ROOM}", "{ }", """
{
  "count": 1
}
""")
