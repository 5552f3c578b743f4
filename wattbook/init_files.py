"""The example of reference data that `wattbook init` writes: the files of `templates/reference`, as they are."""

from importlib.resources import files
from pathlib import Path


class AlreadyThere(FileExistsError):
    """Files that would be overwritten; nothing was written."""

    def __init__(self, paths: list[Path]) -> None:
        super().__init__(
            f"already there: {', '.join(map(str, paths))}; nothing was written, move them away or choose another folder"
        )
        self.paths = paths


def write_example(folder: Path) -> list[Path]:
    """Write the example's files into the folder, which is made where it is missing. Raises AlreadyThere."""
    templates = sorted(files("wattbook").joinpath("templates", "reference").iterdir(), key=lambda file: file.name)
    paths = [folder / file.name for file in templates]
    if there := [path for path in paths if path.exists()]:
        raise AlreadyThere(there)
    folder.mkdir(parents=True, exist_ok=True)
    for path, file in zip(paths, templates, strict=True):
        with path.open("xb") as written:
            written.write(file.read_bytes())
    return paths
