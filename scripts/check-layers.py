#!/usr/bin/env python3
"""Fails when a file under src/ includes what its layer may not see.

This table is the architecture; docs/architecture.md shows the same picture.
"""
import pathlib
import re
import sys

LAYERS = {  # layer: layers (or single headers) it may include
    "base": set(),
    "gst": {"base"},
    "ice": {"base", "gst"},
    "elements": {"gst/ref.h", "ice/network.h", "ice/outbox.h", "ice/rate_limit.h"},
    "media": {"base", "gst", "elements", "ice"},
    "rooms": {"base", "media/media.h"},
    "http": {"base", "rooms", "media/media.h"},
    "app": {"base", "gst", "elements", "ice", "media", "rooms", "http"},
}
LIBRARIES = {
    "gst/": {"gst", "elements", "ice", "media", "app"},
    "libsoup/": {"http"},
    "json-glib/": set(),  # base/json.h says why.
}

root = pathlib.Path(sys.argv[1])
errors = 0
for path in sorted(p for p in root.rglob("*") if p.suffix in (".h", ".cpp")):
    parts = path.relative_to(root).parts
    layer = parts[0] if len(parts) > 1 else "app"
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', line)
        if not match:
            continue
        ours, library = match.groups()
        wrong = (ours and (top := ours.split("/")[0]) != layer and not LAYERS[layer] & {top, ours}) or (
            library and any(library.startswith(p) and layer not in ok for p, ok in LIBRARIES.items()))
        if wrong:
            print(f"{path}:{number}: {layer}/ may not include {ours or library}")
            errors += 1
sys.exit(errors > 0)
