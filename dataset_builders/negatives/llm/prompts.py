"""The prompts: Jinja files in `dataset_builders/negatives/prompts`, any of which a folder of the user's may replace.

What is put into them is data: a problem that reads `{{ 7 * 7 }}` or `</problem>` stays what it is.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.sandbox import SandboxedEnvironment

FOLDER = Path(__file__).parents[1] / "prompts"
AGAIN = "again"


class Prompts:
    """The prompts by name, such as `python_caption` for `python_caption.jinja`.

    Attributes:
        digest: Of all of them, so that a run is not taken up again with other prompts.

    Raises:
        ValueError: if `folder` is none, or has a file that is no prompt or no template.
    """

    def __init__(self, folder: str | Path | None = None):
        names = sorted(path.name for path in FOLDER.glob("*.jinja"))
        folders = [FOLDER]
        if folder:
            own = Path(folder)
            if not own.is_dir():
                raise ValueError(f"--prompts is {folder}, which is no folder.")
            unknown = sorted(path.name for path in own.glob("*.jinja*") if path.name not in names)
            if unknown:
                raise ValueError(f"{own / unknown[0]} replaces no prompt; there are {', '.join(names)}.")
            folders = [own, FOLDER]
        self._environment = SandboxedEnvironment(
            loader=ChoiceLoader([FileSystemLoader(each) for each in folders]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(data=_data, one_line=_one_line)
        digest = hashlib.sha256()
        for name in names:
            source, file, _ = self._environment.loader.get_source(self._environment, name)
            digest.update(f"{name}\n{source}\n".encode())
            try:
                self._environment.get_template(name)
            except TemplateSyntaxError as error:
                raise ValueError(f"{file}, line {error.lineno}: not a Jinja template: {error.message}") from None
        self.digest = digest.hexdigest()[:16]

    def text(self, name: str, values: Mapping[str, Any]) -> str:
        """A prompt with its values.

        Raises:
            ValueError: if the template uses a value that there is not, or what a sandbox does not allow.
        """
        template = self._environment.get_template(f"{name}.jinja")
        try:
            return template.render(**values).strip()
        except TemplateError as error:
            raise ValueError(
                f"{template.filename} cannot be filled in: {error}; it has {', '.join(values)}."
            ) from None


def _data(text: str, name: str) -> str:
    """A text between tags that it cannot close."""
    return f"<{name}>\n{text.strip().replace(f'</{name}', f'< /{name}')}\n</{name}>"


def _one_line(text: str) -> str:
    return " ".join(text.split())
