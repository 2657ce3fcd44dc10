"""A process that has loaded the engine and does nothing but fork: workers are there in moments.

The control process cannot fork them itself, since it runs an event loop, and starting each anew
would take half a second and memory of its own for the same code. The nursery dies with the
control process and the workers with the nursery: the kernel sees to it.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import NoReturn

from signaling.config import MediaConfig
from signaling.workers import channel

PR_SET_PDEATHSIG = 1  # prctl(2)
Work = Callable[[int, socket.socket], None]


class Nursery:
    """The control process's side. It must be made before there are threads or event loops."""

    def __init__(self, config: MediaConfig, not_for_workers: list[socket.socket]) -> None:
        self._link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid:
            theirs.close()
            return
        _in_child(lambda: _grow(config, theirs, [self._link, *not_for_workers]), parent)

    def fork(self, index: int) -> socket.socket:
        """A new worker with that index: our end of its channel. Raises OSError if we have died."""
        ours, theirs = channel.pair()
        with theirs:
            socket.send_fds(self._link, [str(index).encode()], [theirs.fileno()])
        return ours

    def close(self) -> None:
        """Ends the nursery, and by that whatever still runs of its workers."""
        self._link.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def _grow(config: MediaConfig, link: socket.socket, to_close: list[socket.socket]) -> None:
    for sock in to_close:
        sock.close()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # control tells each worker, then ends us
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the workers
    from signaling.workers.worker import work

    gc.freeze()  # the collector would write to pages that all workers share
    gc.enable()
    nursery = os.getpid()
    while True:
        data, descriptors, _, _ = socket.recv_fds(link, 64, 1)
        if not data:
            return
        with socket.socket(fileno=descriptors[0]) as theirs:
            if os.fork() == 0:
                link.close()
                _in_child(lambda: work(config, int(data), theirs), nursery)  # noqa: B023


def _in_child(task: Callable[[], None], parent: int) -> NoReturn:
    """Does the task as a process that ends with its parent, and never returns into its code."""
    status = 1
    try:
        _die_with(parent)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        task()
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _die_with(parent: int) -> None:
    """Linux only; elsewhere closed channels say that the parent is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
