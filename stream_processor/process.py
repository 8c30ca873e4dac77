"""What the process takes from the machine: how many threads compute, and who goes first when OBS wants the cores, too."""

import os
import pathlib
import sys

import structlog

from stream_processor.settings import ProcessSettings

_NICENESS = 10
_BELOW_NORMAL_PRIORITY_CLASS = 0x4000
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Read by PyTorch and the libraries under it when they are loaded."""
_CGROUPS = pathlib.Path("/sys/fs/cgroup")
_OWN_CGROUP = pathlib.Path("/proc/self/cgroup")

log = structlog.get_logger(__name__)


def apply(settings: ProcessSettings) -> str:
    """Make it so, and say it in a few words for the log. What the system refuses is a warning, and the run goes on.

    Comes before other threads are started, since on Linux only those that are started later inherit the priority, and before
    PyTorch is loaded, if it is.
    """
    threads = thread_count(settings)
    _limit(threads, is_asked=settings.threads > 0)
    words = f"{threads} thread{'s' if threads > 1 else ''}"
    if settings.priority == "low" and _lower_priority():
        words += ", low priority"
    return words


def thread_count(settings: ProcessSettings) -> int:
    """How many threads may compute at once: as many as asked for, and never more than there are cores for this process."""
    cores = available_cores()
    return min(settings.threads or cores, cores)


def threads_per_channel(threads: int, channels: int) -> int:
    """Each channel's share for decoding: with many channels they are parallel as it is."""
    return max(1, threads // max(channels, 1))


def available_cores() -> int:
    """The cores that this process may use: of the machine's, those it is bound to, and what its container is allowed."""
    if sys.platform == "linux":
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    quota = _cgroup_cores(_CGROUPS, _OWN_CGROUP)
    return cores if quota is None else max(1, min(cores, int(quota)))


def _cgroup_cores(root: pathlib.Path, own: pathlib.Path) -> float | None:
    """The least quota of the process's control group (version 2) and those around it, in cores. None: no limit known."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return None
    path = next((line.removeprefix("0::") for line in lines if line.startswith("0::")), None)
    if path is None:
        return None
    group = root / path.lstrip("/")
    quotas = [_quota(folder / "cpu.max") for folder in (group, *group.parents) if folder.is_relative_to(root)]
    return min((quota for quota in quotas if quota is not None), default=None)


def _quota(file: pathlib.Path) -> float | None:
    """``200000 100000`` are two cores; ``max 100000`` is no limit."""
    try:
        quota, period = file.read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _limit(threads: int, *, is_asked: bool) -> None:
    """Tell OpenCV and PyTorch. A variable that a person set himself stands, unless he asked for a number here."""
    import cv2

    cv2.setNumThreads(threads)
    for name in _THREAD_VARIABLES:
        if is_asked or name not in os.environ:
            os.environ[name] = str(threads)
    # Threads that spin while they wait for each other take the cores from whatever runs beside, and slow each other down.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if (torch := sys.modules.get("torch")) is not None:  # never loaded for this
        torch.set_num_threads(threads)


def _lower_priority() -> bool:
    try:
        if sys.platform == "win32":
            _lower_priority_on_windows()
        else:
            os.nice(max(0, _NICENESS - os.nice(0)))
    except OSError as error:
        log.warning("the priority stays normal", reason=error.strerror or str(error))
        return False
    return True


def _lower_priority_on_windows() -> None:
    if sys.platform != "win32":
        return
    import ctypes

    kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel.GetCurrentProcess.restype = ctypes.c_void_p
    kernel.SetPriorityClass.argtypes = (ctypes.c_void_p, ctypes.c_uint32)
    if not kernel.SetPriorityClass(kernel.GetCurrentProcess(), _BELOW_NORMAL_PRIORITY_CLASS):
        raise ctypes.WinError(ctypes.get_last_error())
