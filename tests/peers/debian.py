"""Unpack Debian packages into a folder of this checkout: the real programs the tests talk to, nothing installed.

apt works in private directories here. It reads the machine's sources and its list of installed packages, and
changes neither: what is missing is downloaded and unpacked with ``dpkg-deb -x``, and no maintainer script ever runs.

    python3 tests/peers/debian.py PACKAGE...      prints the folder they were unpacked into
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "peers"
ROOT = CACHE / "root"
"""What was unpacked, laid out as in Debian: root/usr/bin/…"""

_SETTINGS = """\
Dir::State "{apt}/state";
Dir::State::lists "{apt}/state/lists";
Dir::State::status "{status}";
Dir::State::extended_states "{apt}/state/extended_states";
Dir::Cache "{apt}/cache";
Dir::Cache::archives "{apt}/cache/archives";
Dir::Log "{apt}/log";
Debug::NoLocking "true";
APT::Sandbox::User "root";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Retries "3";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
"""
"""Read after the machine's own settings. The hooks are cleared because they reach out of the private directories."""

_STATUS = Path("/var/lib/dpkg/status")
_PATIENCE = 600.0
"""Seconds one apt command may take before it counts as stuck."""


class Unavailable(Exception):
    """Packages cannot be had here; the message says why."""


class Planned(NamedTuple):
    """One package to download."""

    name: str
    version: str


def unpack(packages: list[str]) -> None:
    """Put the packages, and what they need and the machine lacks, below ROOT; those already there cost nothing.

    Raises Unavailable.
    """
    wanted = [package for package in packages if version(package) is None]
    if not wanted:
        return
    _require_tools()
    apt = _Apt(CACHE / "apt")
    try:
        _say(f"asking Debian for {', '.join(wanted)} (once; unpacked into {CACHE}, nothing is installed)")
        apt.update()
        # What is there already counts, for what one package needs another may provide; it is not fetched again.
        plan = [each for each in apt.plan(packages) if each.name in wanted or each.name not in packages]
        _say(f"downloading {len(plan)} packages: {' '.join(each.name for each in plan)}")
        archives = apt.download(plan)
        for archive in archives:
            _extract(archive)
    finally:
        shutil.rmtree(apt.folder, ignore_errors=True)
    _remember([each for each in plan if each.name in wanted])


def version(package: str) -> str | None:
    """The version of a package that lies unpacked below ROOT, or None."""
    mark = CACHE / "unpacked" / package
    return mark.read_text().strip() if mark.exists() and ROOT.is_dir() else None


def libraries() -> list[Path]:
    """The directories below ROOT that hold shared libraries."""
    folders = [*ROOT.glob("lib/*-linux-*"), *ROOT.glob("usr/lib/*-linux-*"), ROOT / "usr/lib/postfix"]
    return [folder for folder in folders if folder.is_dir()]


def planned(simulation: str) -> list[Planned]:
    """Read the packages out of what ``apt-get --simulate install`` prints."""
    lines = re.findall(r"^Inst (\S+) (?:\[[^\]]*\] )?\((\S+)", simulation, re.MULTILINE)
    return [Planned(name, version) for name, version in lines]


class _Apt:
    """apt-get with a folder of its own for everything it writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        for part in ("state/lists/partial", "cache/archives/partial", "log"):
            (folder / part).mkdir(parents=True)
        self._settings = folder / "apt.conf"
        self._settings.write_text(_SETTINGS.format(apt=folder, status=_STATUS))

    def update(self) -> None:
        """Fetch the package lists. One broken source among several is not the end: the plan will tell."""
        self._run("update", "-q")

    def plan(self, packages: list[str]) -> list[Planned]:
        """Say which packages are missing here, those asked for included even if the machine has them."""
        simulated = self._run("--simulate", "--yes", "install", *packages)
        found = planned(simulated.stdout) if simulated.returncode == 0 else []
        extra = [name for name in packages if name not in {each.name for each in found}]
        return found + [Planned(name, self._candidate(name)) for name in extra]

    def download(self, plan: list[Planned]) -> list[Path]:
        """Download the packages; returns their files."""
        into = self.folder / "cache" / "archives"
        done = self._run("download", "-q", *(f"{each.name}={each.version}" for each in plan), cwd=into)
        if done.returncode != 0:
            raise Unavailable(f"apt-get could not download: {_last_line(done.stderr)}")
        return sorted(into.glob("*.deb"))

    def _candidate(self, package: str) -> str:
        shown = self._run("show", "--no-all-versions", package, tool="apt-cache")
        found = re.search(r"^Version: (\S+)", shown.stdout, re.MULTILINE)
        if not found:
            raise Unavailable(f"apt's sources have no {package} (or there is no network)")
        return found[1]

    def _run(
        self, *arguments: str, tool: str = "apt-get", cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        try:
            return subprocess.run(
                [tool, "-c", str(self._settings), *arguments],
                cwd=cwd, env=environment, stdin=subprocess.DEVNULL,
                capture_output=True, text=True, timeout=_PATIENCE, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as late:
            raise Unavailable(f"{tool} {arguments[0]} took more than {_PATIENCE:.0f} s") from late


def _require_tools() -> None:
    for tool in ("apt-get", "apt-cache", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise Unavailable(f"{tool} is not on this machine, so Debian's packages cannot be unpacked")


def _extract(archive: Path) -> None:
    ROOT.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["dpkg-deb", "-x", str(archive), str(ROOT)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise Unavailable(f"dpkg-deb could not unpack {archive.name}: {_last_line(done.stderr)}")


def _remember(packages: list[Planned]) -> None:
    (CACHE / "unpacked").mkdir(parents=True, exist_ok=True)
    for package in packages:
        (CACHE / "unpacked" / package.name).write_text(f"{package.version}\n")


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no reason given"


def _say(text: str) -> None:
    print(f"peers: {text}", file=sys.stderr, flush=True)


def main(packages: list[str]) -> int:
    try:
        unpack(packages)
    except Unavailable as reason:
        print(f"peers: {', '.join(packages)} cannot be unpacked: {reason}", file=sys.stderr)
        return 1
    print(ROOT)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
