"""What a document links to is there."""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("demo/**/*.md")])


def prose(path):
    return re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def anchors(path):
    """Those that GitHub gives the headings."""
    headings = re.findall(r"^#+ +(.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


class Links(unittest.TestCase):
    def test_every_link_leads_somewhere(self):
        links = 0
        for document in DOCUMENTS:
            for target in re.findall(r"\]\(([^)\s]+)\)", prose(document)):
                links += 1
                if re.match(r"https?://", target):
                    continue
                name, _, anchor = target.partition("#")
                path = (document.parent / name).resolve() if name else document
                with self.subTest(document=str(document.relative_to(ROOT)), target=target):
                    self.assertTrue(path.exists(), "is not there")
                    if anchor:
                        self.assertIn(anchor, anchors(path))
        self.assertGreater(links, 10, "are the documents still found?")

    def test_a_heading_is_linked_as_github_does(self):
        self.assertIn("limits-and-what-a-machine-holds", anchors(ROOT / "docs/operations.md"))
