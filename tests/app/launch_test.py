#!/usr/bin/python3
"""launch_test.py SLUICE LIBDIR: "sluice launch" runs a template, and what it prints does the same in a shell."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

PATIENCE_S = 20
PROGRAM = LIBDIR = None


def streams(file, whole=True):
    """The codecs in a file that has packets of each."""
    said = subprocess.run(["ffprobe", "-v", "error" if whole else "quiet", "-count_packets", "-show_entries",
                           "stream=codec_name,nb_read_packets", "-of", "csv=p=0", file],
                          stdout=subprocess.PIPE, encoding="utf-8", timeout=PATIENCE_S, check=whole).stdout
    found = dict(line.split(",") for line in said.split())
    return {codec for codec, packets in found.items() if packets.isdigit() and int(packets) > 10}


class Launch(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def launch(self, *words):
        return subprocess.run([PROGRAM, "launch", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
                              timeout=PATIENCE_S, check=False, cwd=self.folder)

    def launched(self, *words):
        ended = self.launch(*words)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        return ended

    def until_interrupted(self, command, name, codecs):
        """Ends it by SIGINT when a file of that name has packets of each codec; what it has said."""
        file, begin = self.folder / name, time.monotonic()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", cwd=self.folder,
                              start_new_session=True) as process:
            try:
                while not file.exists() or streams(file, whole=False) != codecs:
                    self.assertLess(time.monotonic() - begin, PATIENCE_S, f"{name} never got {codecs}")
                    self.assertIsNone(process.poll())
                os.killpg(process.pid, signal.SIGINT)
                said = process.communicate(timeout=PATIENCE_S)[0]
            finally:
                process.kill()
        self.assertEqual(process.returncode, 0, said)
        self.assertEqual(streams(file), codecs)
        file.unlink()
        return said

    def test_an_interrupt_makes_the_file_whole_there_and_in_a_shell(self):
        file = "it's mine.webm", {"opus", "vp8"}
        said = self.until_interrupted([PROGRAM, "launch", "record-webm", "location=it's mine.webm"], *file)
        for part in ("GstWebMMux:mux", "caps = video/x-vp8", "finishing", "the end"):
            self.assertIn(part, said)
        command = said[said.index("gst-launch-1.0"):said.index("READY")]
        self.until_interrupted(["sh", "-c", "exec " + command], *file)

    def test_the_servers_own_elements_are_found_in_a_shell(self):
        self.finds_own_elements(PROGRAM)

    def test_the_servers_own_elements_are_found_once_it_is_installed(self):
        built = pathlib.Path(PROGRAM)
        for file, folder in ((built, "bin"), (built.parent / "libgstsluice.so", LIBDIR + "/gstreamer-1.0")):
            (self.folder / folder).mkdir(parents=True)
            shutil.copy(file, self.folder / folder)
        (self.folder / "share/sluice").mkdir(parents=True)
        (self.folder / "share/sluice/pipelines").symlink_to(pathlib.Path(__file__).parents[2] / "pipelines")
        self.finds_own_elements(self.folder / "bin/sluice")

    def finds_own_elements(self, program):
        file = "a.mp4", {"opus", "vp9"}
        said = self.until_interrupted([program, "launch", "record-mp4", "location=a.mp4"], *file)
        command = said[said.index("GST_PLUGIN_PATH"):said.index("READY")]
        self.until_interrupted(["sh", "-c", command.replace("gst-launch-1.0", "exec gst-launch-1.0")], *file)

    def test_a_dump_is_replayed(self):
        self.launched("dump.launch", "location=a.gdp", "--codec", "H264", "--seconds", "2")
        self.launched("record-mkv", "location=a.mkv", "--source", "webrtc-dump", "a.gdp")
        self.assertEqual(streams(self.folder / "a.mkv"), {"opus", "h264"})
        refused = self.launch("record-audio", "location=a.ogg", "--source", "webrtc-dump", "a.mkv")
        self.assertEqual((refused.returncode, refused.stdout), (1, ""))
        self.assertIn("sluice: a.mkv: ", refused.stderr)

    def test_rtp_is_sent_on(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sound, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as picture:
            ports = []
            for one in (sound, picture):
                one.bind(("127.0.0.1", 0))
                one.settimeout(PATIENCE_S)
                ports.append(one.getsockname()[1])
            self.launched("rtp-forward", "host=127.0.0.1", f"audio-port={ports[0]}", f"video-port={ports[1]}", "--seconds", "1")
            self.assertEqual([one.recv(1500)[1] & 0x7f for one in (sound, picture)], [111, 96])

    def test_what_cannot_be_launched(self):
        for words, said in (
                ([], 'launch takes the name of a template; "sluice templates" lists them'),
                (["none"], 'there is no template "none.launch" in '),
                (["track"], "track.launch is no branch"),
                (["record-webm"], "no value for ${location}; its holes are location"),
                (["record-webm", "location"], '"location" is no hole=value'),
                (["record-webm", "location=a", "size=1"], "no ${size} in the template; its holes are location"),
                (["record-webm", "location=a", "--codec", "H264"], "cannot give H264 to record-webm.launch"),
                (["record-webm", "location=a", "--source", "camera"], '--source is "camera"; allowed is test, or webrtc-dump'),
                (["record-webm", "--source", "webrtc-dump"], "--source webrtc-dump takes the name of a file"),
                (["record-webm", "location=a", "--seconds", "-1"], "--seconds is -1; allowed is 0 or more"),
                (["rtp-forward", "host=127.0.0.1", "sdp=a"], "only the server writes ${sdp}; leave it out"),
                (["record-webm", "location=/nowhere/a", "--seconds", "1"], "/nowhere/a")):
            with self.subTest(words=words):
                ended = self.launch(*words)
                self.assertEqual(ended.returncode, 1, ended.stderr)
                self.assertIn("sluice: ", ended.stderr)
                self.assertIn(said, ended.stderr)
                self.assertEqual(list(self.folder.iterdir()), [])


if __name__ == "__main__":
    PROGRAM, LIBDIR = os.path.abspath(sys.argv.pop(1)), sys.argv.pop(1)
    unittest.main()
