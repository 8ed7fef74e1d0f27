"""Topics and workers, as the tests of workers have them."""

from tests.worker.conftest import make_site, start_worker

__all__ = ["make_site", "start_worker"]
