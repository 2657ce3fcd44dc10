"""The `chibo` command: one subcommand per process or task, each importing only what it needs."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from server.config import Config, ConfigError

PROGRAM = "Sinh hoạt chi bộ trực tuyến"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one subcommand; the exit status is 0, or 1 with a sentence on stderr."""
    options = parser().parse_args(argv)
    os.umask(0o077)  # what we write holds people's opinions and keys
    try:
        return int(options.run(options))
    except ConfigError as error:
        for problem in error.problems:
            print(f"chibo: {problem}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if not type(error).__module__.startswith(("server.", "signaling.", "recording.")):
            raise
        print(f"chibo: {error}", file=sys.stderr)
    return 1


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="chibo", description=PROGRAM)
    commands = top.add_subparsers(required=True, metavar="LỆNH")

    def add(
        name: str, run: Callable[[argparse.Namespace], int], text: str
    ) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        return command

    demo_command = add("demo", demo, "chạy thử trên máy này, với người và chi bộ hư cấu")
    demo_command.add_argument("--fresh", action="store_true", help="xóa dữ liệu thử, làm lại")
    demo_command.add_argument("--members", type=int, default=0, help="số đảng viên tự động vào họp")
    demo_command.add_argument("--lan", action="store_true", help="cho điện thoại cùng mạng vào họp")
    add("serve", serve, "chạy thật: ứng dụng, truyền hình, ghi hình và việc nền")
    add("app", app, "chỉ chạy ứng dụng (HTTP)")
    add("media", media, "chỉ chạy máy chủ hình và tiếng, tương thích LiveKit")
    add("recorder", recorder, "chỉ chạy bộ phận ghi hình")
    add("worker", worker, "chỉ chạy việc nền: báo cáo, gửi cấp trên")
    add("migrate", migrate, "nâng cơ sở dữ liệu lên phiên bản của chương trình này")
    add("openapi", openapi, "in mô tả OpenAPI 3.1 của máy chủ")
    key_command = add("recording-key", recording_key, "tạo khóa mã hóa bản ghi (age)")
    key_command.add_argument("file", type=Path, help="tệp giữ khóa riêng; để ngoài cơ sở dữ liệu")
    verify_command = add("verify", verify, "kiểm tra độc lập một bản xuất của buổi họp")
    verify_command.add_argument("paths", nargs="+", type=Path)
    backup_command = add("backup", backup, "sao lưu, kể cả khi đang họp")
    backup_command.add_argument("file", type=Path)
    backup_command.add_argument("--with-keys", type=Path, metavar="TỆP_MẬT_KHẨU")
    restore_command = add("restore", restore, "khôi phục từ bản sao lưu vào thư mục trống")
    restore_command.add_argument("file", type=Path)
    restore_command.add_argument("--with-keys", type=Path, metavar="TỆP_MẬT_KHẨU")
    return top


def settings(*, at_work: bool = True) -> Config:
    return Config.load(os.environ, at_work=at_work)


def app(_options: argparse.Namespace) -> int:
    from server.app_process import run_app
    from server.logs import configure

    config = settings()
    configure("app")
    run_app(config)
    return 0


def media(_options: argparse.Namespace) -> int:
    from server.logs import configure
    from signaling.config import MediaConfig
    from signaling.endpoint import run

    config = MediaConfig.from_env(os.environ)
    configure("media")
    run(config)
    return 0


def recorder(_options: argparse.Namespace) -> int:
    from recording.config import RecorderConfig
    from recording.service import run
    from server.logs import configure

    config = RecorderConfig.from_env(os.environ)
    configure("recorder")
    run(config)
    return 0


def worker(_options: argparse.Namespace) -> int:
    from server.logs import configure
    from server.operations.alive import shown_alive
    from server.worker import run

    config = settings()
    configure("worker")
    with shown_alive(config, "worker"):
        run(config)
    return 0


def serve(_options: argparse.Namespace) -> int:
    from server.launch import run_until_told
    from server.launch import serve as plan_to_serve
    from server.logs import configure

    configure("supervisor")
    plans, link = plan_to_serve()
    config = plans[0].config

    async def say_where() -> None:
        print(f"Sẵn sàng: {config.public_url}", flush=True)
        if link:
            print(f"Người quản trị đầu tiên mở đường dẫn dùng một lần này: {link}", flush=True)

    return asyncio.run(run_until_told(plans, None, say_where))


def demo(options: argparse.Namespace) -> int:
    from server.demo import run_demo

    return run_demo(fresh=options.fresh, members=options.members, lan=options.lan)


def migrate(_options: argparse.Namespace) -> int:
    from server.store.database import Database
    from server.store.schema import head, upgrade

    database = Database(settings(at_work=False).database_url)
    changed = upgrade(database)
    database.close()
    print(f"Cơ sở dữ liệu {'đã được nâng lên' if changed else 'đã ở'} phiên bản {head()}.")
    return 0


def recording_key(options: argparse.Namespace) -> int:
    """Writes the private key where nobody has one yet; prints what the recorder is to know."""
    from pyrage import x25519

    from server.keys import write_secret

    identity = x25519.Identity.generate()
    recipient = str(identity.to_public())
    write_secret(options.file, f"# public key: {recipient}\n{identity}\n".encode())
    print(f"CHIBO_RECORDING_RECIPIENT={recipient}")
    print(f"CHIBO_RECORDING_IDENTITY_FILE={options.file.resolve()}")
    return 0


def openapi(_options: argparse.Namespace) -> int:
    from server.http.openapi import document
    from server.routes import ROUTES

    json.dump(document(ROUTES, "chibo", "1"), sys.stdout, ensure_ascii=False, indent=1)
    print()
    return 0


def verify(options: argparse.Namespace) -> int:
    from server.verify.command import main as verify_main

    return verify_main([str(path) for path in options.paths])


def backup(options: argparse.Namespace) -> int:
    from server.operations.backup import make_backup

    print(make_backup(settings(at_work=False), options.file, options.with_keys))
    return 0


def restore(options: argparse.Namespace) -> int:
    from server.operations.backup import restore_backup

    print(restore_backup(settings(at_work=False), options.file, options.with_keys))
    return 0


if __name__ == "__main__":
    sys.exit(main())
