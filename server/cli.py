"""The `chibo` command: one subcommand per process or task, each importing only what it needs."""

import argparse
import json
import os
import sys
from collections.abc import Sequence

from server.config import Config, ConfigError


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one subcommand; the exit status is 0, or 1 with a sentence on stderr."""
    parser = argparse.ArgumentParser(prog="chibo", description="Sinh hoạt chi bộ trực tuyến")
    commands = parser.add_subparsers(dest="command", required=True, metavar="LỆNH")
    commands.add_parser("openapi", help="in mô tả OpenAPI 3.1 của máy chủ")
    options = parser.parse_args(argv)
    try:
        return COMMANDS[options.command](options)
    except ConfigError as error:
        for problem in error.problems:
            print(f"chibo: {problem}", file=sys.stderr)
        return 1


def openapi(_options: argparse.Namespace) -> int:
    from server.http.openapi import document
    from server.routes import ROUTES

    json.dump(document(ROUTES, "chibo", "1"), sys.stdout, ensure_ascii=False, indent=1)
    print()
    return 0


def settings() -> Config:
    return Config.load(os.environ)


COMMANDS = {"openapi": openapi}
