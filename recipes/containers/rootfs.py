#!/usr/bin/env python3
"""Build the Dockerfile's stages as root file systems, where there is no container daemon (Linux, as root).

    rootfs.py BASE OUT [--build-arg NAME=VALUE] [--mount FOLDER]

BASE is a folder with the root file system of ``python:3.12-slim``, or of another Debian with Python and pip in
``/usr/local/bin``. The last stage is left in OUT, of which ``apptainer build isoclr.sif OUT`` makes an image.
"""

import argparse
import json
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

RECIPE = Path(__file__).with_name("Dockerfile")
CONTEXT = RECIPE.parents[2]
PATH = "/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin"


def instructions(text: str) -> list[tuple[str, str]]:
    """Keyword and arguments of every instruction; continued lines are joined."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", "").splitlines()
    return [(keyword, rest.strip()) for keyword, _, rest in (line.partition(" ") for line in joined)]


def build(base: Path, out: Path, arguments: dict[str, str], mounts: list[Path]) -> None:
    """Carry out the Dockerfile's instructions; every stage but the last is removed."""
    with tempfile.TemporaryDirectory(dir=out.parent) as scratch:
        stages: dict[str, Path] = {}
        for keyword, rest in instructions(RECIPE.read_text()):
            print(keyword, rest, flush=True)
            if keyword == "FROM":
                _, _, name = rest.partition(" AS ")
                root = stages[name] = Path(scratch) / f"stage{len(stages)}"
                subprocess.run(["cp", "-a", base, root], check=True)
                env, folder = {"PATH": PATH, "HOME": "/root"}, "/"
            elif keyword == "ARG":
                name, _, value = rest.partition("=")
                env[name] = arguments.get(name, value.strip('"'))
            elif keyword == "ENV":
                name, _, value = rest.partition("=")
                env[name] = value.replace(f"${name}", env.get(name, ""))
            elif keyword == "WORKDIR":
                folder = rest
                (root / folder[1:]).mkdir(parents=True, exist_ok=True)
            elif keyword == "COPY":
                copy(rest.split(), root, stages)
            elif keyword == "RUN":
                run(root, folder, env, rest, mounts)
        shutil.move(root, out)
    program = next(json.loads(rest) for keyword, rest in instructions(RECIPE.read_text()) if keyword == "ENTRYPOINT")
    print(f"chroot {out} env PATH={env['PATH']} {' '.join(program)} --help")


def copy(words: list[str], root: Path, stages: dict[str, Path]) -> None:
    """COPY [--from=STAGE] SOURCE… TARGET."""
    source = CONTEXT
    if words[0].startswith("--from="):
        source = stages[words.pop(0).partition("=")[2]]
    *names, target = words
    for name in names:
        path, to = source / name.lstrip("/"), root / target[1:]
        to = to / path.name if target.endswith("/") else to
        to.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", path, to], check=True)


def run(root: Path, folder: str, env: dict[str, str], line: str, mounts: list[Path]) -> None:
    """RUN, with the network of this machine; the mounts are seen by this command alone and end with it."""
    steps = ["set -e"]
    for path in (Path("/proc"), Path("/dev"), Path("/etc/resolv.conf"), *mounts):
        inside = root / str(path)[1:]
        if path.is_dir():
            inside.mkdir(parents=True, exist_ok=True)
        else:
            inside.parent.mkdir(parents=True, exist_ok=True)
            inside.touch()
        steps.append(shlex.join(["mount", "--rbind", str(path), str(inside)]))
    steps.append(shlex.join(["exec", "chroot", str(root), "/bin/sh", "-c", f"cd {folder} && {line}"]))
    subprocess.run(["unshare", "--mount", "/bin/sh", "-c", "\n".join(steps)], env=env, check=True)


def main() -> None:
    """Read the command line and build."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--build-arg", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--mount", action="append", default=[], type=Path, help="folder or file to see while building")
    options = parser.parse_args()
    arguments = dict(one.partition("=")[::2] for one in options.build_arg)
    build(options.base.resolve(), options.out.resolve(), arguments, options.mount)


if __name__ == "__main__":
    main()
