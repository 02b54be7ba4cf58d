"""What README, docs and examples say can be done: Python is run, commands are parsed as the verbs parse them.

A Python block runs with tiny models in place of those that it names (`TINY`), in a folder that has the files it reads.
What cannot run here is in `NOT_RUN`, with the reason, and is still checked name by name and keyword by keyword.
"""

import ast
import builtins
import doctest
import importlib
import inspect
import json
import re
import runpy
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from page_blocks import Block, blocks, commands, is_python, is_shell, prose
from PIL import Image
from tiny_llms import tiny_llm
from tiny_models import noise_image, save_backbone, tiny_mmclip
from transformers import HfArgumentParser
from trl import TrlParser

from mmgeolm import assemble
from mmgeolm.cli import VERBS
from mmgeolm.negatives_options import SUB_VERBS
from mmgeolm.negatives_options import make_parser as negatives_parser

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "bench" / "README.md", *ROOT.glob("docs/**/*.md")]
)
NOTEBOOKS = sorted(ROOT.glob("examples/notebooks/*.ipynb"))

TINY = {
    "BAAI/AltCLIP": "altclip",
    "Qwen/Qwen2.5-7B-Instruct": "llm",
    "runs/quickstart/grouped-0": "geometry-clip",
    "runs/mmclip": "geometry-clip",
    "20_000": "24",
    "500, 10": "6, 3",
    "500": "6",
}
"""What stands in a block, and what the test puts in its place."""

NOT_RUN = {
    "mm_math_questions(": "reads a published data set, which nobody may copy into the tests",
    "push_to_hub(": "needs an account; tests/modeling_mmclip/test_elsewhere.py pushes to a loopback",
    "create_repo(": "needs an account",
    "publish(": "needs an account; tests/mmgeolm/test_publishing.py publishes to a loopback",
    "testmini.json": "reads a published benchmark; tests/mmgeolm/test_evaluate_model.py asks about one of its own",
    "plot_curves(": "draws trainings that are finished; tests/trainers/test_curves.py draws some",
    "run_studies(": "trains for minutes; tests/mmgeolm/test_study.py runs a smaller one",
}
"""A block that has this text is not run, for this reason."""

GIVEN = {
    "README.md": "from PIL import Image\ndiagram = Image.open('a.png')",
    "sandbox.md": "code = 'import matplotlib.pyplot as plt\\nplt.plot([0, 1])\\nplt.savefig(\"question.png\")'",
    "lmm.md": "import shutil\nshutil.rmtree('mmgeolm-7b')  # the page makes it",
    "evaluation.md": """
record = {"question_type": "multi_choice", "answer_type": "text", "choices": ["145°", "35°"], "answer": "145°"}
record |= {"precision": None, "query": "", "question": ""}
response, extraction = "The answer is 145°.", "145°"
texts, records = ["Answer:C"], [{"answer": "C", "choices": ["1", "2", "3", "4"], "question_id": 0}]
""",
    "contamination.md": """
import numpy as np
image_captions, retrieval_captions, sft_questions = ([f"{a}{n} is {n}." for n in range(40)] for a in "ABC")
image, retrieval, sft = np.split(np.random.default_rng(0).normal(size=(120, 8)).astype(np.float32), 3)
test_vectors, train_vectors = image, sft
""",
}
"""What a page takes as given, by its file's name."""

# bf16 wants a GPU when training arguments are made; no test has one.
TRAINING = {verb: ["--bf16", "false", "--use_cpu", "true"] for verb in ("mmclip", "align", "sft")}


ALL = [block for page in [*PAGES, *NOTEBOOKS] for block in blocks(page)]
PYTHON = [block for block in ALL if is_python(block)]
COMMANDS = [block for block in ALL if is_shell(block)]


def reason(block: Block) -> str | None:
    """Why a block is not run."""
    return next((why for part, why in NOT_RUN.items() if part in block.text), None)


# Python


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A working directory with the files and models that the pages name."""
    folder = tmp_path_factory.mktemp("docs")
    for number, name in enumerate(("a", "b", "figure")):
        noise_image(number, (40, 32)).save(folder / f"{name}.png")
    rows = [
        {"image": "a.png", "caption": f"AB is {n}.", "negative_captions": [f"AB is {n + 1}.", f"CD is {n}."]}
        for n in range(8)
    ]
    for name in ("pairs.json", "held_out.json"):
        (folder / name).write_text(json.dumps(rows))
    save_backbone("altclip", folder / "altclip")
    model, processor = tiny_mmclip("clip")
    for part in (model, processor):
        part.save_pretrained(folder / "geometry-clip")
    llm, tokenizer = tiny_llm("qwen2")
    for part in (llm, tokenizer):
        part.save_pretrained(folder / "llm")
    assemble(model, llm, folder / "mmgeolm-7b", tokenizer=tokenizer)
    return folder


def tiny(text: str) -> str:
    """A block with tiny models and few records."""
    for name, other in TINY.items():
        text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", other, text)
    # Training arguments for a CPU, and no more than two steps.
    return re.sub(r"(MMCLIPTrainingArguments\()", r"\1max_steps=2, use_cpu=True, report_to='none', output_dir=", text)


@pytest.mark.parametrize("page", sorted({block.page for block in PYTHON}), ids=lambda page: page.stem)
def test_the_python_of_a_page_runs_from_top_to_bottom(page, folder, monkeypatch):
    monkeypatch.chdir(folder)
    names = {"__name__": "__main__"}
    exec(GIVEN.get(page.name, ""), names)
    for block in PYTHON:
        if block.page != page or reason(block):
            continue
        if ">>> " in block.text:
            session = doctest.DocTestParser().get_doctest(block.text, names, str(block), str(page), block.line)
            assert doctest.DocTestRunner(verbose=False).run(session).failed == 0
            continue
        try:
            exec(compile(tiny(block.text), str(block), "exec"), names)
        except Exception as problem:
            raise AssertionError(f"{block}: {problem!r}") from problem


@pytest.mark.parametrize("block", [block for block in PYTHON if reason(block)], ids=str)
def test_python_that_is_not_run_has_only_names_and_keywords_that_there_are(block):
    imported = {}
    tree = ast.parse(block.text)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module)
            imported |= {name.asname or name.name: getattr(module, name.name) for name in node.names}
        elif isinstance(node, ast.Import):
            imported |= {name.name: importlib.import_module(name.name) for name in node.names}
    page = "\n".join(other.text for other in PYTHON if other.page == block.page and other.line < block.line)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            name = node.func.id
            function = imported.get(name) or getattr(builtins, name, None)
            assert function or re.search(rf"import .*\b{name}\b", page), f"{block}: nothing imports {name}"
            if function and not inspect.isbuiltin(function) and hasattr(function, "__code__"):
                given = {keyword.arg: None for keyword in node.keywords if keyword.arg}
                inspect.signature(function).bind_partial(*[None] * len(node.args), **given)


def test_every_reason_not_to_run_a_block_is_needed():
    assert all(any(part in block.text for block in PYTHON) for part in NOT_RUN)


def test_no_block_is_overlooked():
    for block in ALL:
        if is_python(block) or is_shell(block) or block.language in ("text", "yaml", "csv", "json"):
            continue
        assert block.language in ("", "python"), f"{block}: what is a block of {block.language!r}?"
        assert not re.search(r"^(>>> |mmgeolm [a-z]+ )", block.text, re.M), f"{block} is run by no test"


# Commands


class Parsed(Exception):
    """Ends a verb when it has parsed its command line, before it does anything."""


@pytest.fixture
def only_parse(monkeypatch):
    """Verbs end with [`Parsed`] when they have parsed their command line."""
    parse_all = TrlParser.parse_args_and_config

    def parse_and_end(self, *args, **kwargs):
        parse_all(self, *args, **kwargs)
        raise Parsed

    monkeypatch.setattr(TrlParser, "parse_args_and_config", parse_and_end)


def parse_verb(verb: str, words: list[str]) -> None:
    """Parse a command line as the verb does; raises for an option that is not there or a value that cannot be."""
    words = with_config([str(ROOT / word) if word.startswith("examples/") else word for word in words])
    sub = words[0] if verb == "negatives" else ""
    if sub and sub != "audit":
        assert sub in SUB_VERBS, f"there is no `mmgeolm negatives {sub}`"
        first = ["--folders"] if sub == "merge" and not words[1].startswith("-") else []
        negatives_parser(sub).parse_args_and_config([*first, *words[1:]])
    elif verb in ("demo", "doctor"):  # by Python's own parser
        parser_of(verb).parse_args(words)
        return
    else:
        module = importlib.import_module(f"mmgeolm.scripts.{verb}")
        module.main([*words, *TRAINING.get(verb, [])])
    raise AssertionError(f"`mmgeolm {verb}` did not parse its options")


def with_config(words: list[str]) -> list[str]:
    """The words with the recipe that `--config` names; a file of the reader's own is left out."""
    if "--config" not in words:
        return words
    at = words.index("--config")
    path = Path(words[at + 1])
    found = [path] if path.is_absolute() else sorted((ROOT / "examples" / "recipes").rglob(path.name))
    return [*words[:at], *(["--config", str(found[0])] if found else []), *words[at + 2 :]]


def parser_of(verb: str, sub: str = ""):
    """The parser of a verb."""
    if sub in SUB_VERBS:
        return negatives_parser(sub)
    module = importlib.import_module(f"mmgeolm.scripts.{sub or verb}")
    if verb == "quickstart":
        return TrlParser(module.QuickstartArguments)
    return module.make_parser()


def check_program(words: list[str]) -> None:
    """Check that `python FILE` and `python -m pytest FILE` name files that there are, and options that these have."""
    files = [word for word in words if word.endswith(".py") and "/" in word]
    for name in files:
        assert (ROOT / name).is_file(), f"there is no {name}"
    if files and files[0].startswith("examples/scripts/"):
        check_script(ROOT / files[0], words[words.index(files[0]) + 1 :])
    elif files:
        text = (ROOT / files[0]).read_text()
        for word in words:
            assert not word.startswith("--") or word.startswith("--import") or word in text, (
                f"{files[0]} has no {word}"
            )


def check_script(path: Path, words: list[str]) -> None:
    """Parse the options of an example script with the dataclasses that it parses them with."""
    names = runpy.run_path(str(path))
    parser, kinds = re.search(r"(TrlParser|HfArgumentParser)\(\(?([\w, ]+)\)", path.read_text()).groups()
    kinds = tuple(names[name.strip()] for name in kinds.split(","))
    words = [str(ROOT / word) if word.startswith("examples/") else word for word in words]
    if parser == "TrlParser":
        with pytest.raises(Parsed):
            TrlParser(kinds).parse_args_and_config([*words, "--bf16", "false", "--use_cpu", "true"])
    else:
        HfArgumentParser(kinds).parse_args_into_dataclasses(words)


def check(words: list[str]) -> None:
    """Check a command: of this project's verbs the options, of others the files, targets and extras that they name."""
    words = [re.sub(r"^CANDIDATES$", "hybrid", word.replace("$SLURM_ARRAY_TASK_ID", "0")) for word in words]
    program = words[0].removeprefix(".venv/bin/")
    if program == "mmgeolm" or "mmgeolm" in words and words[words.index("mmgeolm") - 1] == "-m":
        verb, *rest = words[words.index("mmgeolm") + 1 :]
        if verb == "--help":
            return
        assert verb in VERBS, f"there is no `mmgeolm {verb}`"
        if "--help" not in rest:
            try:
                parse_verb(verb, rest)
            except Parsed:
                pass
    if program == "accelerate":
        file = words[words.index("--config_file") + 1] if "--config_file" in words else "multi_gpu.yaml"
        places = (ROOT, ROOT / "examples" / "accelerate_configs")
        assert any((place / file).is_file() for place in places), f"there is no {file}"
    if program in ("python", "pytest", "accelerate"):
        check_program(words)
    elif program == "make":
        targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M)
        assert all(word in targets for word in words[1:] if "=" not in word), f"the Makefile has no {words[1:]}"
    elif program == "pip":
        known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        for extra in re.findall(r"mmgeolm\[([\w,]+)\]", " ".join(words)):
            assert set(extra.split(",")) <= set(known), f"pyproject.toml has no extra {extra}"


@pytest.mark.parametrize("page", sorted({block.page for block in COMMANDS}), ids=lambda page: page.stem)
def test_the_commands_of_a_page_are_parsed_as_they_would_be(page, folder, monkeypatch, only_parse):
    monkeypatch.chdir(folder)
    for block in COMMANDS:
        if block.page != page:
            continue
        for words in commands(block.text):
            try:
                check(words)
            except (Exception, SystemExit) as problem:
                raise AssertionError(f"{block}: {shlex.join(words)}: {problem!r}") from problem


@pytest.mark.parametrize(
    "command",
    [
        "mmgeolm negative code --output_dir x",
        "mmgeolm negatives codes --output_dir x",
        "mmgeolm negatives code --num_record 3 --output_dir x",
        "mmgeolm negatives audit x --treshold 3",
        "mmgeolm merge adapter --output x",
        "mmgeolm mmclip --candidates all --output_dir x",
        "accelerate launch --config_file none.yaml -m mmgeolm align --output_dir x",
        "accelerate launch -m mmgeolm align --learning 1",
        "python examples/scripts/none.py",
        "python examples/scripts/own_negatives.py --train_file x.csv --model_name_or_path x --output_dir x",
        "python bench/draw_rate.py --fly",
        "make coffee",
        "pip install 'mmgeolm[coffee]'",
    ],
)
def test_a_command_that_is_wrong_does_not_pass(command, only_parse, folder, monkeypatch):
    monkeypatch.chdir(folder)
    (words,) = commands(command)
    with pytest.raises((AssertionError, ValueError, SystemExit)):
        check(words)


HEADS = [*ROOT.glob("examples/scripts/*.py"), *ROOT.glob("examples/runs/*"), *ROOT.glob("mmgeolm/scripts/*.py")]


@pytest.mark.parametrize("path", sorted(path for path in HEADS if path.suffix in (".py", ".sh")), ids=lambda p: p.name)
def test_the_commands_in_the_head_of_a_script_are_parsed_as_they_would_be(path, folder, monkeypatch, only_parse):
    monkeypatch.chdir(folder)
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        text = ast.get_docstring(ast.parse(text)) or ""
    starts = re.compile(r"(mmgeolm [a-z]+ |python \w+/|accelerate launch)")
    lines = text.replace("\\\n", " ").splitlines()
    for line in (line.strip().removeprefix("# ") for line in lines):
        if starts.match(line):
            for words in commands(line):
                check(words)


SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.name}")
def test_commands_and_options_in_a_line_of_text_are_there(page):
    for span in SPAN.findall(prose(page)):
        if not span.startswith("mmgeolm ") or "…" in span:
            continue
        verb, *words = span.split()[1:]
        if not verb.isalpha() or verb.isupper():
            continue
        assert verb in VERBS, f"{page.name}: `{span}`"
        sub = words[0] if verb == "negatives" and words else ""
        if "/" in sub or "{" in sub or (verb == "negatives" and not sub):
            continue
        known = {*parser_of(verb, sub)._option_string_actions, "--config"}
        assert all(word in known for word in words if word.startswith("--")), f"{page.name}: `{span}`"


# Links and paths


def anchors(page: Path) -> set[str]:
    """What a link to a heading of the page may name."""
    heads = re.findall(r"^#+ (.+)$", prose(page), re.M)
    return {re.sub(r"[^\w\- ]", "", head).strip().lower().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.name}")
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"\w+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), f"{page.name}: {target}"
        assert not anchor or anchor in anchors(file), f"{page.name}: {target}"


FOLDERS = "modeling_mmclip|trainers|dataset_builders|evaluation|mmgeolm|tests|examples|bench|docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.name}")
def test_paths_of_the_project_that_a_page_names_are_there(page):
    for span in SPAN.findall(prose(page)):
        if re.fullmatch(rf"(?:{FOLDERS})/[\w./*-]*", span):
            assert list(ROOT.glob(span.rstrip("/"))), f"{page.name}: `{span}`"


# The site


def pages_of(entries: list | dict | str) -> Iterator[str]:
    if isinstance(entries, str):
        yield entries
    else:
        for entry in entries.values() if isinstance(entries, dict) else entries:
            yield from pages_of(entry)


def test_the_site_has_every_page_and_no_other():
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    there = {str(path.relative_to(ROOT / "docs")) for path in ROOT.glob("docs/**/*.md")}
    assert sorted(pages_of(site["nav"])) == sorted(there)
    assert site["theme"]["font"] is False  # nothing is loaded from elsewhere by those who read it


@pytest.mark.parametrize("page", sorted(ROOT.glob("docs/api/*.md")), ids=lambda page: page.stem)
def test_the_pages_of_the_library_name_what_there_is(page):
    named = re.findall(r"^::: ([\w.]+)$", page.read_text(), re.M)
    assert named
    for name in named:
        module, _, last = name.rpartition(".")
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            assert getattr(importlib.import_module(module), last).__doc__, f"{name} has no docstring"


def test_the_pictures_of_the_docs_are_small_and_used():
    used = set(re.findall(r"\]\(images/([\w.]+)\)", "".join(page.read_text() for page in PAGES)))
    there = {path.name: path for path in ROOT.glob("docs/images/*.png")}
    assert used == set(there)
    for path in there.values():
        assert path.stat().st_size < 30_000
        with Image.open(path) as image:
            assert image.width <= 1000
