"""Medians of reports of sfuload, as Markdown tables and plots."""
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess

import plot

HELD_P99_MS = 50
NOISY_PERCENT = 15  # Of one core, used by others than the server and the load.


def held(report):
    """The load arrived, all of it and in time."""
    return (report["consumers"]["failed"] == 0 and report["loss"]["expected"] == report["loss"]["received"]
            and report["delay_ms"]["p99"] < HELD_P99_MS)


def point_name(point):
    kind, number, users = point
    return {"fanout": f"1 x {number}", "waiting": f"{number} wait for 1", "rooms": f"{number} rooms x {users}"}[kind]


def value(report, path):
    for name in path.split("."):
        report = report[name]
    return report


class Runs:
    """All runs of one server at one point."""

    def __init__(self, reports):
        self.reports = reports

    def median(self, path):
        return statistics.median(value(report, path) for report in self.reports)

    def held(self):
        return sum(map(held, self.reports)) * 2 > len(self.reports)


def grouped(runs):
    """{(point, server name): Runs}, points in the order of their size."""
    groups = {}
    for report in sorted(runs, key=lambda report: report["point"]):
        groups.setdefault((tuple(report["point"]), report["server_name"]), []).append(report)
    return {key: Runs(reports) for key, reports in groups.items()}


def of_packets(path, digits):
    """The median of what is only known where packets came."""
    return lambda r: f"{r.median(path):.{digits}f}" if r.median("forwarded.packets_per_s") > 0 else "-"


# Heading, and the text of a cell.
COLUMNS = (
    ("CPU us/packet", of_packets("server.cpu_us_per_packet", 2)),
    ("CPU % of a core", lambda r: f"{r.median('server.cpu_percent'):.0f}"),
    ("delay p50 ms", of_packets("delay_ms.p50", 2)),
    ("p99", of_packets("delay_ms.p99", 2)),
    ("max", of_packets("delay_ms.max", 1)),
    ("loss %", of_packets("loss.percent", 3)),
    ("kB/consumer", lambda r: f"{r.median('server.rss_kb_per_consumer'):.0f}"),
    ("threads", lambda r: f"{r.median('server.threads_per_consumer'):.2f}"),
    ("fds", lambda r: f"{r.median('server.descriptors_per_consumer'):.2f}"),
    ("answer to packet p50 / p95 ms", lambda r: f"{r.median('setup_ms.answer_to_first_packet.p50'):.0f} / "
                                                f"{r.median('setup_ms.answer_to_first_packet.p95'):.0f}"),
    ("call to packet p50 / p95 ms", lambda r: f"{r.median('setup_ms.first_packet.p50'):.0f} / "
                                              f"{r.median('setup_ms.first_packet.p95'):.0f}"),
    ("produce p50 / p95 ms", lambda r: f"{r.median('calls_ms.produce.p50'):.0f} / {r.median('calls_ms.produce.p95'):.0f}"),
    ("packets/s", lambda r: f"{r.median('forwarded.packets_per_s'):.0f}"),
    ("runs held", lambda r: f"{sum(map(held, r.reports))} of {len(r.reports)}"),
    ("others %", lambda r: f"{r.median('machine.others_cpu_percent'):.0f}"),
)


def table(headings, rows):
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join("| " + " | ".join(row) + " |\n" for row in lines)


def main_table(groups, names):
    points = list(dict.fromkeys(point for point, _ in groups))
    rows = [[point_name(point), name] + [cell(groups[point, name]) for _, cell in COLUMNS]
            for point in points for name in names if (point, name) in groups]
    return table(["load", "server"] + [heading for heading, _ in COLUMNS], rows)


def ratio_table(groups, names):
    """What the first server costs, as a part of each other one, where both hold the load."""
    first, rows = names[0], []
    for point in dict.fromkeys(point for point, _ in groups):
        row = [point_name(point)]
        for other in names[1:]:
            both = [groups.get((point, name)) for name in (first, other)]
            fair = all(both) and all(runs.held() for runs in both)
            for path in ("server.cpu_us_per_packet", "server.rss_kb_per_consumer", "delay_ms.p99"):
                mine, theirs = (runs.median(path) for runs in both) if fair else (0, 0)
                row.append(f"{mine / theirs:.2f}" if theirs > 0 else "-")
        rows.append(row)
    return table(["load"] + [f"{what} / {other}" for other in names[1:] for what in ("CPU", "memory", "p99")], rows)


def machine():
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    packages = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version}, ", "janus", "libgstreamer1.0-0",
                               "libnice10", "libsrtp2-1"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              encoding="utf-8", check=False).stdout.rstrip(", ")
    return f"{os.cpu_count()} cores ({cpu[1] if cpu else platform.machine()}), Linux {platform.release()}; {packages}"


def draw(folder, groups, names):
    """One plot for each figure, over the number of consumers."""
    for file, title, path, limit in (
            ("cpu", "Server CPU for a forwarded packet, us", "server.cpu_us_per_packet", None),
            ("delay", "Added delay, 99th percentile, ms", "delay_ms.p99", HELD_P99_MS),
            ("memory", "Memory for a consumer, kB", "server.rss_kb_per_consumer", None),
            ("set-up", "From a consumer's answer to its first packet, 95th percentile, ms",
             "setup_ms.answer_to_first_packet.p95", None)):
        lines = {name: [(point[1], runs.median(path)) for (point, server), runs in groups.items()
                        if server == name and point[0] == "fanout" and runs.held()] for name in names}
        svg = plot.lines(title, "consumers of one producer", lines, limit)
        pathlib.Path(folder, file + ".svg").write_text(svg, encoding="utf-8")


def write(folder, runs, most_held, names, command, failed):
    """`failed`: (server name, point) of each run without a report."""
    pathlib.Path(folder, "results.json").write_text(
        json.dumps({"runs": runs, "most_held": most_held}, indent=1) + "\n", encoding="utf-8")
    groups = grouped(runs)
    noisy = sum(report["machine"]["others_cpu_percent"] > NOISY_PERCENT for report in runs)
    seconds = runs[0]["forwarded"]["seconds"]
    text = f"""# Results

Written by `{command}` on {runs[0]["date"][:10]}; [../performance.md](../performance.md) says what each figure means.

{machine()}.
Each figure is the median of its runs, of {seconds:.0f} s each; {len(runs)} runs in all, the servers in turn. In {noisy} of them other
processes used over {NOISY_PERCENT} % of a core.

{main_table(groups, names)}
sluice as a part of Janus, where both held the load:

{ratio_table(groups, names)}"""
    if most_held:
        rows = [[name, str(most["held"]), str(most["not_held"] or "not found")] for name, most in most_held.items()]
        text += f"""
The most consumers of one producer that were held (no loss, p99 under {HELD_P99_MS} ms):

{table(["server", "held", "not held"], rows)}"""
    if failed:
        text += "\nRuns that failed: " + ", ".join(f"{name}, {point_name(point)}" for name, point in failed) + ".\n"
    draw(folder, groups, names)
    text += "".join(f"\n![{name}]({name}.svg)\n" for name in ("cpu", "delay", "memory", "set-up"))
    pathlib.Path(folder, "results.md").write_text(text, encoding="utf-8")
