"""conformance - whether the server at a URL is one that every client of event streams can read.

SPDX-License-Identifier: MPL-2.0

usage: conformance.py URL [--header 'Name: value']... [--client NAME]... [--timeout S]
                          [--comment-within S]

Run it with the Python of the tests (build/aider-venv). It looks at what the server sends, and then
has curl, httpx-sse, npm's eventsource and Chromium read it. The URL must give some events with ids
at once, and the same ones each time; of a bridge of ours that is /events?since=earliest. Prints a
line a check, and exits with 1 when one failed, with 2 when it was wrongly called.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import threading

import checks
import readers


@dataclasses.dataclass
class Result:
    check: str
    client: str    # "wire" for the checks of the wire
    failure: str | None

    def __str__(self):
        verdict = "ok" if self.failure is None else "FAILED"
        return f"{verdict:6} {self.client:11} {self.check.replace('_', ' ')}" + \
            (f"\n       {self.failure}" if self.failure else "")


def run_check(check, client, *words):
    try:
        check(*words)
    except (AssertionError, OSError, ValueError) as failure:
        return Result(check.__name__, client, str(failure) or repr(failure))
    return Result(check.__name__, client, None)


def run_client(target, name, browser, wanted, found):
    for check in filter(wanted, checks.CLIENTS):
        found.append(run_check(check, name, target, name, browser))


def run(target, clients, browser=None, only=None):
    """All results, or those of the check named `only`. `browser` is one that runs already; else one
    is started where it is wanted."""
    def wanted(check):
        return only is None or check.__name__ == only
    target.take_sample()
    results = [run_check(check, "wire", target) for check in filter(wanted, checks.WIRE)]
    if len(target.sample.with_id) < checks.EVENTS_LOOKED_AT:
        return results    # there is nothing that a client could read
    own = None
    if browser is None and readers.ChromiumEventSource.name in clients:
        browser = own = readers.Browser()
    try:
        found = {name: [] for name in clients}
        threads = [threading.Thread(target=run_client, args=(target, name, browser, wanted,
                                                           found[name]))
                   for name in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        if own:
            own.close()
    return results + [result for name in clients for result in found[name]]


def header(text):
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise argparse.ArgumentTypeError(f"'{text}' is not 'Name: value'")
    return name.strip(), value.strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--header", type=header, action="append", default=[])
    parser.add_argument("--client", choices=list(readers.ALL), action="append")
    parser.add_argument("--timeout", type=float, default=20, metavar="S")
    parser.add_argument("--comment-within", type=float, default=0, metavar="S")
    words = parser.parse_args()
    target = checks.Target(words.url, dict(words.header), words.timeout, words.comment_within)
    if target.where.scheme not in ("http", "https") or not target.where.netloc:
        parser.error(f"'{words.url}' is no URL of http or https")
    results = run(target, words.client or list(readers.ALL))
    for result in results:
        print(result)
    failed = sum(result.failure is not None for result in results)
    print(f"{len(results) - failed} of {len(results)} checks passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
