#!/usr/bin/python3
"""Adds up JUnit files: names what failed, ends with `N passed, N failed`.

    summary.py DIRECTORY        exit 1 when any failed, or when there is nothing to add up
"""

import pathlib
import sys
import xml.etree.ElementTree


def cases(path):
    """(name, 'passed' | 'failed' | 'skipped') of each test in a file; a broken file has failed."""
    try:
        document = xml.etree.ElementTree.parse(path)
    except (OSError, xml.etree.ElementTree.ParseError) as error:
        yield f"{path.name}: {error}", "failed"
        return
    for case in document.iter("testcase"):
        tags = {child.tag for child in case}
        name = f"{path.stem}: {case.get('classname', '')} {case.get('name', '')}"
        if tags & {"failure", "error"}:
            yield name, "failed"
        else:
            yield name, "skipped" if "skipped" in tags else "passed"


def main():
    results = [case for path in sorted(pathlib.Path(sys.argv[1]).glob("*.xml"))
               for case in cases(path)]
    by = {outcome: [name for name, got in results if got == outcome]
          for outcome in ("passed", "failed", "skipped")}
    print()
    for name in by["skipped"]:
        print(f"skipped: {name}")
    for name in by["failed"]:
        print(f"FAILED: {name}")
    print(f"{len(by['passed'])} passed, {len(by['failed'])} failed")
    return 1 if by["failed"] or not by["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
