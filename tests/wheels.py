"""Wheels of pure Python, as a build makes them, without a build's network."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path


def write_wheel(
    folder: Path, project: str, version: str, scripts: Mapping[str, str], files: Mapping[str, bytes]
) -> Path:
    """A wheel of some files by their names in it, with the entry points that `scripts` name."""
    name = f"{project.replace('-', '_')}-{version}"
    points = "".join(f"{script} = {function}\n" for script, function in scripts.items())
    described = {
        "METADATA": f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n",
        "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "entry_points.txt": f"[console_scripts]\n{points}",
    }
    content = {**files, **{f"{name}.dist-info/{file}": text.encode() for file, text in described.items()}}
    record = "".join(f"{file},sha256={_digest(one)},{len(one)}\n" for file, one in content.items())
    wheel = folder / f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for file, one in {**content, f"{name}.dist-info/RECORD": record.encode()}.items():
            archive.writestr(file, one)
    return wheel


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
