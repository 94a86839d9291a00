"""`deedbox serve --workers N`: prepares once what all workers share, then has them forked and supervised."""

import contextlib
import gc
import importlib
import sys
from collections.abc import Callable, Iterator, Mapping

import structlog
import uvloop

from deedbox.config.declared import Settings
from deedbox.main.encryption import Encryption
from deedbox.main.failures import CannotStart, understandable
from deedbox.main.keys import open_key_ring
from deedbox.main.running import prepare_database, serve_on
from deedbox.serving.addresses import ListenAddress
from deedbox.serving.health import Page
from deedbox.serving.servers import Steering
from deedbox.serving.shared_listeners import SharedListeners
from deedbox.serving.supervision import Supervisor
from deedbox.serving.worker_links import WorkerEnd
from deedbox.serving.worker_pages import PageWires, WorkerPages

#: What every worker would import when it starts; imported once, it takes its memory once.
_COMMON = ("deedbox.cluster.nats", "deedbox.cluster.nats_link", "deedbox.storage.postgresql")


def serve_with_workers(
    settings: Settings, addresses: Mapping[str, ListenAddress], tls: Encryption | None
) -> None:
    """Serve with several processes until a signal. Raises CannotStart, CannotListen, WorkersFailed."""
    if sys.platform != "linux":
        raise CannotStart(
            "Several workers need Linux, which spreads connections over processes. Leave out --workers "
            "(serve.workers), or start several servers behind a load balancer."
        )
    with contextlib.ExitStack() as closing:
        listeners = SharedListeners(addresses, settings.serve.workers)
        closing.callback(listeners.close)
        wires = PageWires(settings.serve.workers)
        closing.callback(wires.close)
        prepare_database(settings)
        open_key_ring(settings)
        with contextlib.suppress(ModuleNotFoundError):  # whoever needs it says what to install
            for name in _COMMON:
                importlib.import_module(name)
        gc.collect()
        gc.freeze()
        crew = ServingCrew(settings, listeners, tls, wires)
        Supervisor(crew, settings.serve.workers).run()


class ServingCrew:
    """Workers that serve. A `Crew`."""

    def __init__(
        self,
        settings: Settings,
        listeners: SharedListeners,
        tls: Encryption | None,
        wires: PageWires,
    ) -> None:
        self._settings = settings
        self._listeners = listeners
        self._tls = tls
        self._wires = wires
        self.man = listeners.man
        self.leave = listeners.leave
        self.close = listeners.close

    def work(self, number: int, link: WorkerEnd) -> int:
        """Serve as this worker until asked to stop; return the exit code."""
        structlog.contextvars.bind_contextvars(worker=number)
        bound = self._listeners.taken(number)
        around = _AmongWorkers(self._wires, number, link)
        try:
            with understandable():
                uvloop.run(serve_on(self._settings, bound, self._tls, around))
        except CannotStart as error:
            sys.stderr.write(f"deedbox: worker {number}: {error}\n")
            return 1
        return 0


class _AmongWorkers:
    """A supervisor, and workers beside this one. `Surroundings`."""

    def __init__(self, wires: PageWires, number: int, link: WorkerEnd) -> None:
        self.steering: Steering = link
        self._wires = wires
        self._number = number

    @contextlib.contextmanager
    def metrics_page(self, own: Callable[[], bytes]) -> Iterator[Page]:
        """Return what makes the page of all workers."""
        pages = WorkerPages(self._wires, self._number, own)
        with pages.answering():
            yield pages.page
