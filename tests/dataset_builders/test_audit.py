"""Audits: each planted shortcut is found and named, clean sets pass, whatever cannot be read is counted."""

import io
import json
from collections.abc import Callable

import numpy as np
import pytest
from datasets import Dataset, Features, Image, List, Value
from PIL import Image as PILImage

from dataset_builders.audit import Audit, as_json, as_markdown, audit, findings
from dataset_builders.audit.captions import canonical, edits_between
from dataset_builders.diagram_sets import CENTRED, Groups, look_alike_groups
from dataset_builders.records import HARD_NEGATIVES
from mmgeolm.scripts.audit import main

ROWS, SIZE = 400, 4
# 3.3 standard errors of a baseline's interval, in points, with 400 rows of four candidates.
NOISE = 3.3 * 100 * np.sqrt(2 * 0.25 * 0.75 / ROWS)


def png(pixels: np.ndarray) -> dict:
    file = io.BytesIO()
    PILImage.fromarray(pixels).save(file, "PNG", compress_level=1)
    return {"bytes": file.getvalue(), "path": None}


def dataset_of(
    groups: Groups,
    picture: Callable[[np.ndarray], np.ndarray] = lambda pixels: pixels,
    wording: Callable[[str], str] = lambda text: text,
    rows: int = ROWS,
    num_negatives: Callable[[int], int] = lambda row: SIZE - 1,
) -> Dataset:
    """Records of kinds `rule` and `image` whose positives alone are changed by `picture` and `wording`."""
    records = []
    for row in range(rows):
        images, captions, end = groups.images[row], groups.captions[row], 1 + num_negatives(row)
        records.append(
            {
                "id": str(row),
                "image": png(picture(images[0])),
                "caption": wording(captions[0]),
                "negative_captions": captions[1:end],
                "negative_caption_kinds": ["rule"] * (end - 1),
                "negative_images": [png(image) for image in images[1:end]],
                "negative_image_captions": captions[1:end],
                "program": groups.programs[row][0],
                "source": "test",
            }
        )
    return Dataset.from_list(records, features=HARD_NEGATIVES)


def texts(rows: list[tuple[str, list[str]]], kind: str = "rule") -> Dataset:
    image = png(np.full((8, 8), 255, dtype=np.uint8))
    records = [
        {"image": image, "caption": own, "negative_captions": rest, "negative_caption_kinds": [kind] * len(rest)}
        for own, rest in rows
    ]
    return Dataset.from_list(records, features=Features({name: HARD_NEGATIVES[name] for name in records[0]}))


def failed(result: Audit, threshold: float = NOISE) -> dict[tuple[str, str], str]:
    return {(f.kind, f.check): f.message for f in findings(result, threshold) if f.fails}


@pytest.fixture(scope="module")
def groups() -> Groups:
    return look_alike_groups(ROWS, SIZE, seed=1)


@pytest.fixture(scope="module")
def clean(groups) -> Dataset:
    return dataset_of(groups)


def test_an_exchangeable_set_passes(clean):
    result = audit(clean)
    assert not findings(result, NOISE)
    assert list(result.kinds) == ["rule", "image"]
    assert result.records == result.of == ROWS and not result.unreadable
    rule, image = result.kinds["rule"], result.kinds["image"]
    assert rule.artefact is None  # its candidates are captions
    for baseline in (rule.blind, image.blind, image.artefact):
        assert baseline.rows == ROWS and baseline.chance == pytest.approx(25)
        assert baseline.low < baseline.difference < baseline.high
    assert rule.negatives == image.negatives == 3 * ROWS
    assert rule.without == 0 and (rule.per_record.least, rule.per_record.most) == (3, 3)


def test_longer_positives_are_found_and_their_length_is_named(groups):
    result = audit(dataset_of(groups, wording=lambda text: f"{text} So much can be seen."))
    messages = failed(result)
    assert set(messages) == {("rule", "blind"), ("image", "blind")}
    assert result.kinds["rule"].blind.hit1 > 90
    only_longer = [(f"AB = {n} and CD", [f"AB = {n + k}" for k in (1, 2, 3)]) for n in range(100, 200)]
    assert "length" in failed(audit(texts(only_longer)))["rule", "blind"]


def test_a_positive_amid_its_negatives_is_found_in_words_and_in_pixels():
    centred = look_alike_groups(300, 6, seed=2, stream=CENTRED)
    messages = failed(audit(dataset_of(centred, rows=300, num_negatives=lambda row: 5)))
    assert "likeness to the others" in messages["rule", "blind"]
    assert "likeness to the others" in messages["image", "artefact"]


def cropped(pixels: np.ndarray) -> np.ndarray:
    """The ink alone, drawn to the size of the canvas, as a tight bounding box leaves it."""
    box = PILImage.fromarray(255 - pixels).getbbox()
    return np.asarray(PILImage.fromarray(pixels).crop(box).resize(pixels.shape[::-1], PILImage.Resampling.NEAREST))


@pytest.mark.parametrize(
    ("change", "clue"),
    [
        (cropped, "margin"),
        (lambda pixels: np.pad(pixels, ((0, 0), (0, 3)), constant_values=255), "width"),
        (lambda pixels: np.minimum(pixels, 253), "shade"),
        (lambda pixels: np.where(pixels < 40, 0, pixels) if (pixels == 0).any() else pixels, "shade"),
        (lambda pixels: np.repeat(pixels[..., None], 3, axis=-1) - np.array([0, 0, 2], dtype=np.uint8), "colour"),
    ],
    ids=["tighter crop", "wider canvas", "greyer paper", "fewer shades", "tinted paper"],
)
def test_a_trace_in_the_positive_image_is_found(groups, change, clue):
    result = audit(dataset_of(groups, picture=change))
    messages = failed(result)
    assert set(messages) == {("image", "artefact")}
    assert result.kinds["image"].artefact.hit1 > 90
    assert clue in messages["image", "artefact"]


def test_another_file_format_is_found(groups):
    dataset = dataset_of(groups)

    def stored_as_rgb(row):
        pixels = PILImage.open(io.BytesIO(row["image"]["bytes"])).convert("RGB")
        return {"image": png(np.asarray(pixels))}

    raw = Features(HARD_NEGATIVES | {"image": Image(decode=False), "negative_images": List(Image(decode=False))})
    dataset = dataset.cast(raw).map(stored_as_rgb).cast(HARD_NEGATIVES)
    assert set(failed(audit(dataset))) == {("image", "artefact")}


def test_images_of_any_sizes_are_no_trace_where_all_have_them(groups):
    rng = np.random.default_rng(3)

    def padded(pixels):
        return np.pad(pixels, [tuple(rng.integers(0, 20, 2)) for _ in range(2)], constant_values=255)

    images = [[padded(image) for image in row] for row in groups.images]
    result = audit(dataset_of(groups._replace(images=images)))
    assert not failed(result)


def test_rows_may_differ_in_their_number_of_negatives(groups):
    ragged = {"num_negatives": lambda row: row % SIZE}
    result = audit(dataset_of(groups, **ragged))
    assert not failed(result, NOISE * 1.3)  # a quarter of the rows less, and fewer candidates
    rule = result.kinds["rule"]
    assert rule.records == ROWS * 3 // 4 and rule.without == result.without_negatives == 25
    assert rule.negatives == ROWS * 6 // 4 and (rule.per_record.least, rule.per_record.most) == (1, 3)
    assert rule.blind.chance == pytest.approx(100 * (1 / 2 + 1 / 3 + 1 / 4) / 3)
    leaky = audit(dataset_of(groups, picture=lambda p: np.minimum(p, 253), wording=lambda t: f"{t} Q", **ragged))
    assert set(failed(leaky)) == {("rule", "blind"), ("image", "blind"), ("image", "artefact")}


def test_too_few_records_to_tell_are_noted_and_do_not_fail():
    rng = np.random.default_rng(0)
    for seed in range(30):
        rows = [(f"AB = {rng.integers(99)}", [f"AB = {rng.integers(99)}" for _ in range(2)]) for _ in range(25)]
        found = [f for f in findings(audit(texts(rows), seed)) if f.check == "blind"]
        if found:
            break
    assert found and not found[0].fails and "cannot tell it from chance" in found[0].message


def test_edits_that_are_always_at_the_end_are_noted():
    rows = [(f"ABCD is a square and AC meets BD, AB = {n}", [f"ABCD is a square and AC meets BD, AB = {n + 5}"])
            for n in range(100, 220)]  # fmt: skip
    result = audit(texts(rows))
    (note,) = [f for f in findings(result) if f.check == "place of edits"]
    assert "100% of the edits are in the last fifth" in note.message and not note.fails
    edits = result.kinds["rule"].edits
    assert edits.kinds["number"] == 100 and edits.per_negative.mean == 1
    assert edits.words_changed == pytest.approx(100 / 12)


def test_negatives_that_are_no_negatives_are_found_and_their_records_named(groups):
    rows = [("∠ABC = 30°, AB = 6.", ["∠ABD = 30°, AB = 6.", "∠CBA = 30° , ba = 6", "∠ABD = 30°, BA = 6."])]
    rows[0] = (rows[0][0], [rows[0][1][0], "∠CBA = 30° , BA = 6", rows[0][1][2]])
    result = audit(texts(rows))
    assert result.kinds["rule"].duplicates.equal == 1 and result.kinds["rule"].duplicates.repeated == 1
    assert (
        "1 of 3 negative captions say the same as their positive (records 0)" in failed(result)["rule", "duplicates"]
    )

    images = groups.images[:30].copy()
    images[7, 2] = images[7, 0]
    images[9, 2] = images[9, 1]
    result = audit(dataset_of(groups._replace(images=images), rows=30))
    same = result.kinds["image"].duplicates
    assert (same.identical_images, same.repeated_images) == (1, 1)
    assert "(records 7)" in failed(result)["image", "duplicates"]


def test_repeated_positives_and_shares_of_distinct_captions_are_counted():
    result = audit(texts([("AB = 6", ["AB = 7"]), ("BA = 6.", ["AB = 7"]), ("AB = 8", ["AB = 7", "AB = 9"])]))
    assert result.repeated_positives == 1
    assert result.kinds["rule"].duplicates.distinct == pytest.approx(50)


def test_what_was_checked_and_is_not_false_fails(groups):
    dataset = dataset_of(groups, rows=30)

    def verify(record):
        negatives = len(record["negative_captions"]) + len(record["negative_images"])
        answers = [True] * negatives
        if record["id"] == "4":
            answers[0], answers[1] = False, None
        return answers

    result = audit(dataset, verify=verify)
    rule = result.kinds["rule"].verified
    assert (rule.checked, rule.false) == (89, 88) and result.kinds["image"].verified.share == 100
    assert "1 of 89 negatives" in failed(result)["rule", "verified"]
    with pytest.raises(ValueError, match="1 answers for the 6 negatives of record '0'"):
        audit(dataset, verify=lambda record: [True])


def test_what_cannot_be_read_is_counted_by_reason_and_stops_nothing(groups):
    rows = dataset_of(groups, rows=30).with_format("arrow")[:].to_pylist()
    rows[3]["image"]["bytes"] = rows[3]["image"]["bytes"][:60]
    rows[5]["negative_images"][1] = {"bytes": b"no image", "path": None}
    rows[6]["image"] = {"bytes": None, "path": "/nowhere/6.png"}
    rows[8]["caption"] = None
    result = audit(Dataset.from_list(rows, features=HARD_NEGATIVES))
    assert sum(result.unreadable.values()) == 4 and result.records == 29
    assert result.unreadable["an image of `negative_images`: UnidentifiedImageError"] == 1
    assert result.unreadable["an image of `image`: FileNotFoundError"] == 1
    assert result.unreadable["record, field `caption`: empty"] == 1
    assert result.kinds["image"].artefact.rows == 27
    assert "1 × an image of `negative_images`" in as_markdown(result)


def test_kinds_are_audited_apart_and_records_without_negatives_are_none_of_them():
    image = png(np.full((8, 8), 255, dtype=np.uint8))
    captions = {"negative_captions": ["B", "C", "D"], "negative_caption_kinds": ["random", "retrieval", "random"]}
    empty = {"negative_captions": [], "negative_caption_kinds": []}
    rows = [{"image": image, "caption": "A", **captions}, {"image": image, "caption": "AB", **empty}]
    result = audit(Dataset.from_list(rows, features=Features({name: HARD_NEGATIVES[name] for name in rows[0]})))
    assert {kind: part.negatives for kind, part in result.kinds.items()} == {"random": 2, "retrieval": 1}
    assert result.without_negatives == 50


def test_a_set_without_negatives_or_with_strange_captions_is_audited():
    long, strange = "AB ∥ CD, " * 1200, "在△ABC中，∠A＝60°，\\frac{1}{2} 😀"
    result = audit(texts([(long, [long + "x", "..."]), (strange, []), ("...", ["!"])]))
    assert result.records == 3
    assert not audit(texts([("A", [])] * 3)).kinds


def test_no_more_than_max_records_are_audited_and_the_same_ones_for_a_seed(clean):
    first, again, other = (audit(clean, seed=seed, max_records=40) for seed in (0, 0, 1))
    assert first.records == 40 and first.of == ROWS
    assert as_json(first) == as_json(again) != as_json(other)


def test_data_that_cannot_be_audited_is_refused_with_a_sentence(clean):
    with pytest.raises(ValueError, match="`max_records=0`"):
        audit(clean, max_records=0)
    with pytest.raises(ValueError, match="`caption` is missing"):
        audit(clean.remove_columns("caption"))
    with pytest.raises(ValueError, match="the data set is empty"):
        audit(clean.select([]))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("AB = 6.", "BA=6", False),  # spaces around signs are kept: only runs of them are one
        ("AB = 6.", "ba = 6", False),
        ("AB = 6.", "BA  = 6", True),
        ("∠ABC is 30°.", "∠CBA is 30°", True),
        ("∠ABC is 30°.", "∠BAC is 30°", False),
        ("△ABC is right", "△BCA is right", True),
        ("\\triangle ABC ~ \\triangle DEF", "\\triangle BAC ~ \\triangle DEF", False),
        ("Square ABCD", "square DCBA", True),
        ("Square ABCD", "square ACBD", False),
        ("trapezoid ABCD", "trapezoid BCDA", False),
        ("ray AB", "ray BA", False),
        ("A'B' = 3", "B'A' = 3", True),
        ("AB = 8.0", "AB = 80", False),
        ("AB : BC = 2:1", "AB : BC = 21", False),
    ],
)
def test_names_that_mean_the_same_are_the_same(one, other, same):
    assert (canonical(one) == canonical(other)) is same


@pytest.mark.parametrize(
    ("negative", "kinds"),
    [
        ("ABCD is a rectangle, AB ∥ CD, AB = 6.", ["shape"]),
        ("ABCD is a square, AB ⟂ CD, AB = 6.", ["relation"]),
        ("ABCD is a square, AB ∥ CD, AB = 6.5.", ["number"]),
        ("ABDC is a square, AB ∥ CD, AB = 7.", ["letters", "number"]),
        ("ABCD is a big square, AB ∥ CD, AB = 6.", ["other"]),
        ("ABCD is a square, AB ∥ CD, AB = 6.", []),
    ],
)
def test_edits_are_told_by_kind(negative, kinds):
    edits, share = edits_between("ABCD is a square, AB ∥ CD, AB = 6.", negative)
    assert [edit.kind for edit in edits] == kinds
    assert (share > 0) == bool(kinds) and [edit.place for edit in edits] == sorted(edit.place for edit in edits)


def test_the_report_has_a_row_for_each_kind_and_its_json_every_figure(clean):
    result = audit(clean, max_records=60)
    report = as_markdown(result)
    assert report.count("\n| rule |") == report.count("\n| image |") == 3
    figures = json.loads(as_json(result))
    assert figures["kinds"]["image"]["artefact"]["hit1"] == result.kinds["image"].artefact.hit1
    widths = {line.count("|") for line in report.split("\n\n")[1].splitlines()}
    assert len(widths) == 1


def release(folder, grey: int) -> str:
    """A file of each of the release's formats; all positives have paper of the shade `grey`."""
    rng = np.random.default_rng(0)
    records = []
    for row in range(60):
        names = [f"{row}-{i}.png" for i in range(4)]
        for name in names:
            pixels = np.full((32, 32), grey if name == names[0] else 255, dtype=np.uint8)
            pixels.ravel()[rng.choice(1024, 40, replace=False)] = 0
            PILImage.fromarray(pixels).save(folder / name)
        reply = {"from": "gpt", "value": f"AB = {rng.integers(99)}."}
        shared = {"positive_image_path": names[0], "conversations": [{"from": "human", "value": "<image>"}, reply]}
        records.append(shared | {"negative_image_path": names[1:]})
        records.append(shared | {"negative_captions": [f"AB = {rng.integers(100, 199)}."]} if row == 0 else shared)
    path = folder / "pairs.json"
    path.write_text(json.dumps(records))
    return str(path)


def test_the_command_passes_a_clean_release_file_and_writes_its_report(tmp_path, capsys):
    main([release(tmp_path, 255), "--threshold", "25", "--output_dir", str(tmp_path / "out")])
    printed = capsys.readouterr().out
    assert printed.strip() == (tmp_path / "out" / "audit.md").read_text().strip()
    assert json.loads((tmp_path / "out" / "audit.json").read_text())["records"] == 120


def test_the_command_exits_with_1_and_names_what_failed(tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        main([release(tmp_path, 250)])
    assert end.value.code == 1
    printed = capsys.readouterr()
    assert "Failed: artefact (image)." in printed.err and "shade of the paper" in printed.out


@pytest.mark.parametrize("arguments", [[], ["nowhere.json"], ["no/such-set"], ["pairs.json", "--threshold", "-1"]])
def test_the_command_exits_with_2_and_a_sentence_where_there_is_nothing_to_audit(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith("mmgeolm negatives audit: ")


def test_a_saved_folder_is_audited_by_the_command(clean, tmp_path, capsys):
    clean.select(range(30)).save_to_disk(tmp_path / "set")
    main(["--data", str(tmp_path / "set"), "--threshold", "100", "--max_records", "25"])
    assert capsys.readouterr().out.startswith("25 of 30 records audited (seed 0)")


def test_columns_of_another_type_are_brought_to_the_schema():
    rows = Dataset.from_list(
        [{"id": 7, "image": png(np.zeros((8, 8), dtype=np.uint8)), "caption": "A", "negative_captions": ["B"]}]
    )
    assert rows.features["id"] == Value("int64")
    assert audit(rows).kinds["rule"].negatives == 1
