"""mmgeolm negatives: write data sets of hard negatives, of any size, and audit them.

mmgeolm negatives code --num_records 1000 --num_negatives 10 --output_dir images       # images of edited programs
mmgeolm negatives rules --data captions.json --num_negatives 10 --output_dir rules     # edited captions
mmgeolm negatives retrieval --data captions.json --num_negatives 30 --output_dir near  # similar captions
mmgeolm negatives llm --config negatives-llm-hosted.yaml                               # exam problems, by a model
mmgeolm negatives merge part-0 part-1 --output_dir whole                               # shards to one data set
mmgeolm negatives audit whole                                                          # can they be guessed?
"""

import hashlib
import shlex
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from datasets import Dataset, load_from_disk
from huggingface_hub import HfApi
from tqdm import tqdm

from dataset_builders.build import WORK, Record, Report, begin, build, merge, report
from dataset_builders.caption_records import (
    picture_of,
    retrieved_record,
    rule_record,
    save_neighbours,
    states_the_same,
    stored_record,
    undecoded,
)
from dataset_builders.code_records import code_record, is_built, load_built
from dataset_builders.data_card import PICTURES, write_card
from dataset_builders.negatives.retrieval import check_choice, retrieval_negatives
from dataset_builders.records import BadRecord
from dataset_builders.sources.authors_json import load_hard_negatives
from dataset_builders.sources.geometry3k import geometry3k_with_report
from mmgeolm.near_miss import near_miss
from mmgeolm.negatives_llm import SCRIPTS, Paused, asked, estimated, join_scripts
from mmgeolm.negatives_options import SUB_VERBS, parse, shard_of, usage

SECONDS = 10  # between two lines of progress where there is no terminal
TRIALS = 2  # records tried first, to see whether there can be any


class Plan(NamedTuple):
    """A data set to be built.

    Attributes:
        options: What its records depend on.
        num_records: Of the whole.
        record: Makes the records; called with the folder once that is claimed, and only if there is work left.
        licence: Where the user names none.
        left_out: Records that were left out before.
    """

    options: dict[str, Any]
    num_records: int
    record: Callable[[Path], Record]
    licence: str
    left_out: tuple[BadRecord, ...] = ()


HOW = {
    "code": "Random diagram programs were edited; an edited diagram is a negative where some fact of the caption is "
    "is refuted by it, visibly and by every reading, and some fact of its own caption by the positive's diagram.",
    "rules": "Random diagram programs were edited; the caption of an edited program is a negative where one of its "
    "facts is refuted by the positive's diagram, visibly and by every reading, and the reverse.",
    "rules, data": "Captions were edited by rules (order of letters, shapes, relations, numbers; section 2.2 of the "
    "paper). An edit is left out where the caption itself makes it true, but it is not checked against the image.",
    "rules, geometry3k": "Captions were read off the logic forms of Geometry3K (Lu et al., ACL 2021) and edited where "
    "the edit is certainly false of the annotated diagram.",
    "rules, llm": "Captions were edited by a language model (order of letters, shapes, relations, numbers; section "
    "2.2 of the paper). Edits were checked against the caption by its words, not against the image.",
    "llm, python": "A language model wrote a drawing script for each exam problem, a caption of the drawing, wrong "
    "captions, and for each of these a changed script (section 2.1 of the paper). Scripts ran in a sandbox; they lie "
    "beside the data in scripts.jsonl, by id, the positive's first. Captions were checked by their words, pictures by "
    "what they show: not blank, nothing cut off, letters upright and present, a negative visibly different.",
    "llm, program": "A language model wrote a diagram program for each exam problem, which was drawn and captioned "
    "without running any code. Programs were edited; an edited diagram is a negative where some fact of the caption "
    "is refuted by it, visibly and by every reading, and some fact of its own caption by the positive's diagram.",
    "retrieval": "Captions of similar records, by cosine of their vectors (section 2.1 of the paper), without those "
    "that state the same as the positive.",
}


def main(arguments: list[str]) -> None:
    """Run a sub-verb.

    Raises:
        ValueError, OSError: with a sentence for the user.
    """
    verb, *rest = arguments or ["--help"]
    if verb in ("-h", "--help"):
        print(usage())
        return
    if verb == "audit":
        from mmgeolm.scripts.audit import main as audit  # needs scikit-learn's models, which no other sub-verb does

        audit(rest)
        return
    if verb not in SUB_VERBS:
        near = near_miss(verb, [*SUB_VERBS, "audit"])
        end = f"did you mean {near}?" if near else f"there are {', '.join(SUB_VERBS)} and audit."
        raise ValueError(f"there is no {verb!r}; {end}")
    if rest and rest[-1] == "--config":
        raise ValueError("--config needs a YAML file after it.")
    args = parse(verb, rest)
    command = shlex.join(["mmgeolm", "negatives", *arguments])
    if getattr(args, "dry_run", False):
        print(estimated(verb, args))
        return
    if args.push_to_hub:
        _check_hub(args.push_to_hub)
    if verb == "merge":
        made = merge(args.folders, args.output_dir)
        join_scripts(args.folders, made.folder)
        licence = "mit" if made.options.get("geometry3k") else "unknown" if "data" in made.options else "apache-2.0"
    else:
        plan = PLANS[verb](args)
        licence = plan.licence
        progress = _Progress("records")
        try:
            made = _built(plan, args, progress)
        except KeyboardInterrupt as stop:
            done = f"Stopped {str(stop) or progress}; what is made is kept."
            raise KeyboardInterrupt(f"{done} Run the same command again to go on: {command}") from None
        except Paused as pause:
            sys.exit(f"Stopped: {pause} What is done is kept. {pause.remedy} to go on: {command}")
        finally:
            progress.close()
    write_card(
        made, _without_paths(command), HOW[_method(made)] + _rejected(made), args.license or licence, args.push_to_hub
    )
    print(_summary(made))
    if args.push_to_hub:
        _push(made.folder, args.push_to_hub, args.private)


def _built(plan: Plan, args: Any, progress: "_Progress") -> Report:
    folder, shard = Path(args.output_dir), shard_of(args.shard)
    if begin(folder, plan.num_records, shard, plan.options):
        return report(folder)
    return build(
        plan.record(folder),
        plan.num_records,
        folder,
        num_proc=args.num_proc,
        ray=getattr(args, "ray", False),
        shard=shard,
        options=plan.options,
        left_out=plan.left_out,
        progress=progress,
    )


def _method(made: Report) -> str:
    what = made.options["what"]
    if "engine" in made.options:
        return f"{what}, {made.options['engine']}"
    source = next((name for name in ("geometry3k", "data") if name in made.options), None)
    return f"{what}, {source}" if what == "rules" and source else what


# What each sub-verb builds


def _code_plan(args: Any) -> Plan:
    return _diagrams(args, "image", "code")


def _rules_plan(args: Any) -> Plan:
    if args.geometry3k:
        num_edits = tuple(args.num_edits or (1, 2))
        dataset, counts = geometry3k_with_report(args.geometry3k, args.num_negatives, args.seed, num_edits=num_edits)
        dataset = _first(dataset, args.num_records, args.geometry3k)
        options = {"what": "rules", "geometry3k": Path(args.geometry3k).resolve().name, "records": len(dataset)}
        options |= _shared(args, num_edits, "centred")
        record = partial(stored_record, dataset=undecoded(dataset), num_negatives=args.num_negatives)
        return Plan(options, len(dataset), lambda folder: record, "mit", tuple(counts.bad))
    if args.engine == "llm":
        return _asked_plan("rules", args, _data(args))
    if args.data:
        num_edits, candidates = tuple(args.num_edits or (1, 4)), args.candidates or "exchangeable"
        dataset = _data(args)
        record = partial(
            rule_record,
            dataset=undecoded(dataset),
            seed=args.seed,
            num_negatives=args.num_negatives,
            num_edits=num_edits,
            exchangeable=candidates == "exchangeable",
        )
        options = {"what": "rules", **_named(args), **_shared(args, num_edits, candidates)}
        return Plan(options, len(dataset), lambda folder: record, "unknown")
    return _diagrams(args, "rule", "rules")


def _diagrams(args: Any, kind: str, what: str) -> Plan:
    """Records of generated diagrams; raises `ValueError` where there are none with so many look-alikes."""
    options = _shared(args, tuple(args.num_edits or (1, 1)), args.candidates or "exchangeable") | _drawing(args)
    record = partial(code_record, kind=kind, **{name: _tuple(value) for name, value in options.items()})
    # A number of negatives that no diagram has would otherwise come to light after hours.
    for number in range(min(TRIALS, args.num_records)):
        if not isinstance(trial := record(number), BadRecord):
            break
    else:
        raise ValueError(trial.problem)
    return Plan({"what": what, **options}, args.num_records, lambda folder: record, "apache-2.0")


def _retrieval_plan(args: Any) -> Plan:
    candidates = args.candidates or "exchangeable"
    check_choice(args.num_negatives, args.pool, args.choice, candidates == "exchangeable", 100.0, 0.0)
    options = {"what": "retrieval", **_shared(args, None, candidates)}
    options |= {name: getattr(args, name) for name in ("pool", "choice", "model")}
    if args.data:
        dataset = _data(args)
        return Plan(options | _named(args), len(dataset), partial(_retrieved, args, dataset=dataset), "unknown")
    options |= {"difficulty": args.difficulty, **_drawing(args)}
    return Plan(options, args.num_records, partial(_retrieved, args), "apache-2.0")


def _retrieved(args: Any, folder: Path, dataset: Dataset | None = None) -> Record:
    """Captions first, then who is near to whom, kept in the folder while it is not finished; then records from both.
    Every shard needs all captions, and makes them for itself."""
    draw = same = None
    if dataset is None:
        corpus = partial(
            code_record,
            candidates="centred",
            images="programs",
            seed=args.seed,
            num_negatives=0,
            difficulty=args.difficulty,
        )
        progress = _Progress("captions")
        try:
            where = folder / WORK / "captions"
            build(corpus, args.num_records, where, num_proc=args.num_proc, ray=args.ray, progress=progress)
        finally:
            progress.close()
        dataset = load_from_disk(folder / WORK / "captions")
        draw = partial(picture_of, **{name: value for name, value in _drawing(args).items() if name != "difficulty"})
        same = states_the_same(dataset)
    rows, reason = folder / WORK / "neighbours.npy", folder / WORK / "shortfall.txt"
    if not rows.exists():
        print(f"Looking for similar captions among {len(dataset):,}.", file=sys.stderr)
        found = retrieval_negatives(
            dataset["caption"],
            args.num_negatives,
            args.seed,
            args.pool,
            args.choice,
            args.model,
            same=same,
            exchangeable=args.candidates != "centred",
        )
        reason.write_text(next(iter(found.shortfalls), ""), encoding="utf-8")
        save_neighbours(found.rows, args.num_negatives, rows)
    return partial(
        retrieved_record,
        dataset=undecoded(dataset),
        texts=dataset.select_columns(["caption", "program"]),
        neighbours=str(rows.resolve()),
        num_negatives=args.num_negatives,
        shortfall=reason.read_text(encoding="utf-8"),
        draw=draw,
    )


def _llm_plan(args: Any) -> Plan:
    return _asked_plan("llm", args, None)


def _asked_plan(verb: str, args: Any, captions: Dataset | None) -> Plan:
    """Records that a language model is asked for; all of its answers come before the first record is written."""
    made = asked(verb, args, captions, partial(_Progress, "records"))
    return Plan(made.options | _named(args), made.num_records, made.record, "unknown", made.left_out)


PLANS: dict[str, Callable[[Any], Plan]] = {
    "code": _code_plan,
    "rules": _rules_plan,
    "retrieval": _retrieval_plan,
    "llm": _llm_plan,
}


def _shared(args: Any, num_edits: tuple[int, ...] | None, candidates: str) -> dict[str, Any]:
    options = {"num_negatives": args.num_negatives, "seed": args.seed, "candidates": candidates}
    return options if num_edits is None else {**options, "num_edits": list(num_edits)}


def _drawing(args: Any) -> dict[str, Any]:
    return {name: getattr(args, name) for name in ("difficulty", "size", "images", "styles", "with_markings")}


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _data(args: Any) -> Dataset:
    path = Path(args.data)
    drawn = path.is_dir() and is_built(path) and report(path).options.get("images") == "programs"
    dataset = load_built(path) if drawn else load_hard_negatives(path, args.image_folder)
    return _first(dataset, args.num_records, args.data)


def _first(dataset: Dataset, count: int | None, name: str) -> Dataset:
    if len(dataset) == 0:
        raise ValueError(f"{name} has no records.")
    if count is not None and count > len(dataset):
        raise ValueError(f"--num_records is {count}, but {name} has only {len(dataset)} records; lower it.")
    return dataset if count is None else dataset.select(range(count))


def _named(args: Any) -> dict[str, Any]:
    """The data by name and by content, so that a run does not go on with other data."""
    path = Path(args.data)
    digest = hashlib.sha256()
    files = sorted(part for part in path.rglob("*") if part.is_file()) if path.is_dir() else [path]
    for file in files:
        if path.is_dir() and file.suffix == ".arrow":
            digest.update(f"{file.name} {file.stat().st_size}\n".encode())  # may be many gigabytes
        elif not path.is_dir() or file.name in ("state.json", "dataset_info.json", "build.json"):
            with file.open("rb") as content:
                digest.update(hashlib.file_digest(content, "sha256").digest())
    return {"data": path.resolve().name, "data_digest": digest.hexdigest()}


# What the user sees


class _Progress:
    """Progress with rate and time left: a bar on a terminal, elsewhere a line every ten seconds."""

    def __init__(self, noun: str):
        self.noun, self.bar, self.done, self.total = noun, None, 0, 0
        self.started = self.said = time.monotonic()

    def __call__(self, made: int, done: int, total: int) -> None:
        self.done, self.total = done, total
        if sys.stderr.isatty():
            if self.bar is None:
                self.bar = tqdm(total=total, initial=done - made, unit=f" {self.noun}", smoothing=0.05)
            self.bar.update(done - self.bar.n)
        elif time.monotonic() - self.said >= SECONDS:
            self.said = time.monotonic()
            rate = made / (self.said - self.started)
            left = time.strftime("%H:%M:%S", time.gmtime((total - done) / rate))
            print(f"{done:,} of {total:,} {self.noun}, {rate:.1f}/s, {left} left", file=sys.stderr, flush=True)

    def __str__(self) -> str:
        return f"after {self.done:,} of {self.total:,} {self.noun}" if self.total else "before the first records"

    def close(self) -> None:
        """End the bar's line."""
        if self.bar is not None:
            self.bar.close()


def _summary(made: Report) -> str:
    lines = [f"Wrote {made.records:,} records to {made.folder}, with a data set card (README.md)."]
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in made.tally.get("kinds", {}).items())
    lines.append(f"Negatives: {kinds or 'none'}.")
    for topic, words in (("left out", "records were left out"), ("shortfall", "have fewer negatives than wanted")):
        if topic in made.tally:
            reasons = "; ".join(f"{reason} ({count:,})" for reason, count in made.tally[topic].most_common(3))
            lines.append(f"{made.tally[topic].total():,} {words}: {reasons}")
    module, name = "datasets", "load_from_disk"
    if made.options.get("images") == "programs":
        module, name = "dataset_builders.code_records", "load_built"
    lines.append(f"Load it with {module}.{name}({str(made.folder)!r}).")
    return "\n".join(lines)


def _rejected(made: Report) -> str:
    """What was turned down on the way, for the card."""
    reasons = made.tally.get("rejected", {})
    if not reasons:
        return ""
    return " Turned down: " + "; ".join(f"{reason} ({count:,})" for reason, count in reasons.most_common(10)) + "."


def _check_hub(name: str) -> None:
    """Fails before hours of work, and not after them."""
    if name.count("/") > 1:
        raise ValueError(f"--push_to_hub is {name!r}; a name on the Hub is NAME or USER/NAME.")
    try:
        HfApi().whoami()
    except Exception as error:  # the Hub's and the network's exceptions share no base class
        raise OSError(f"cannot push to the Hub ({_line(error)}); run `hf auth login` first.") from None


def _push(folder: Path, name: str, private: bool) -> None:
    try:
        api = HfApi()
        name = api.create_repo(name, repo_type="dataset", private=private, exist_ok=True).repo_id
        # The card first: `push_to_hub` then adds what loading needs to its head, and keeps the rest.
        api.upload_folder(
            repo_id=name,
            repo_type="dataset",
            folder_path=folder,
            allow_patterns=["README.md", SCRIPTS, f"{PICTURES}/*"],
            commit_message="Data set card",
        )
        load_from_disk(folder).push_to_hub(name, private=private)
    except Exception as error:  # as above
        raise OSError(
            f"cannot push to {name} ({_line(error)}); the data set is in {folder}, and the same command tries again."
        ) from None
    print(f"Pushed to {name}.")


def _without_paths(command: str) -> str:
    """The command as others may read it: folders of this machine by their names alone."""
    words = shlex.split(command)
    if "--base_url" in words:  # nobody's business, too
        place = words.index("--base_url")
        del words[place : place + 2]
    return shlex.join([Path(word).name if Path(word).is_absolute() else word for word in words])


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
