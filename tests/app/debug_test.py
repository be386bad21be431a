#!/usr/bin/python3
"""debug_test.py SLUICE OFFER: what the real server shows of a pipeline, and GStreamer's log on demand."""
import json
import pathlib
import sys
import unittest
import urllib.error

from with_server import WithServer

OFFER = None


class Producing(WithServer):
    def enter(self, user):
        self.call("POST", "/rooms/r", {"userId": user})

    def produce(self, user):
        self.call("POST", f"/rooms/r/users/{user}/produce", {"offer": {"type": "offer", "sdp": OFFER}})


class Debug(Producing):
    def setUp(self):
        self.start()

    def test_a_pipeline(self):
        self.enter("ada")
        self.produce("ada")
        self.enter("alan")
        (pipeline,) = json.loads(self.call("GET", "/debug/pipelines"))["pipelines"]
        self.assertEqual((pipeline["userId"], [track["kind"] for track in pipeline["tracks"]]), ("ada", ["audio", "video"]))
        text = self.call("GET", "/debug/pipelines/r/ada.txt")
        self.assertTrue(text.startswith('pipeline name="r|ada"'), text)
        self.assertIn('webrtcbin name="producer(ada)"', text)
        self.assertIn("</svg>", self.call("GET", "/debug/pipelines/r/ada.svg?all=true"))

    def test_the_log(self):
        self.assertEqual(self.call("PUT", "/debug/log", {"threshold": "webrtcbin:5"}), '{"threshold":"webrtcbin:5"}')
        self.enter("ada")
        self.produce("ada")
        self.line_with(" info gstreamer ", "category=webrtcbin", "producer(ada)", "gst_level=DEBUG", "GstPipeline:r|ada")
        self.call("PUT", "/debug/log", {"threshold": ""})
        self.enter("alan")
        self.produce("alan")
        self.call("DELETE", "/rooms/r")
        self.line_with("the threshold of GStreamer's log is set")
        lines = self.lines_until("room deleted")
        self.assertTrue(any("production started" in line and "user=alan" in line for line in lines), lines)
        self.assertEqual([line for line in lines if "gst_level" in line and "producer(alan)" in line], [])

    def test_the_log_of_one_user(self):
        self.call("PUT", "/debug/log", {"threshold": "webrtcbin:5", "roomId": "r", "userId": "alan"})
        self.enter("ada")
        self.produce("ada")
        self.enter("alan")
        lines = self.lines_until("gst_level=DEBUG", "/GstPipeline:r|ada/GstWebRTCBin:consumer(alan)")
        self.produce("alan")
        lines += self.lines_until("gst_level=DEBUG", "/GstPipeline:r|alan/GstWebRTCBin:producer(alan)")
        self.assertEqual([line for line in lines if "gst_level" in line and "consumer(alan)" not in line and "r|alan/" not in line],
                         [])

    def test_the_log_of_one_room(self):
        self.call("PUT", "/debug/log", {"threshold": "webrtcbin:5", "roomId": "r"})
        self.enter("ada")
        self.produce("ada")
        self.line_with("gst_level=DEBUG", "/GstPipeline:r|ada/GstWebRTCBin:producer(ada)")
        self.call("PUT", "/debug/log", {"threshold": "webrtcbin:5", "roomId": "another"})
        self.line_with("the threshold of GStreamer's log is set", "room=another")
        self.enter("alan")
        self.produce("alan")
        self.call("DELETE", "/rooms/r")
        lines = self.lines_until("room deleted")
        self.assertEqual([line for line in lines if "gst_level" in line and "alan" in line], [])


class WhereGstreamerWritesItself(WithServer):
    def setUp(self):
        self.start(GST_DEBUG="1")

    def test_it_cannot_leave_out_rooms(self):
        with self.assertRaises(urllib.error.HTTPError) as refused:
            self.call("PUT", "/debug/log", {"threshold": "webrtcbin:5", "roomId": "r"})
        self.assertEqual((refused.exception.code, json.load(refused.exception)["field"]), (400, "roomId"))
        self.assertEqual(self.call("GET", "/debug/log"), '{"threshold":"1"}')


if __name__ == "__main__":
    WithServer.program = sys.argv[1]
    OFFER = "\r\n".join(pathlib.Path(sys.argv[2]).read_text(encoding="utf-8").splitlines()) + "\r\n"
    unittest.main(argv=sys.argv[:1])
