"""
Write a file in each of the two JSON formats of the authors' release, with images, to train on with `mmgeolm mmclip`:

python examples/runs/authors_json.py --geometry3k geometry3k/train --folder runs/authors
mmgeolm mmclip --model_name_or_path runs/quickstart/grouped-0 --train_file runs/authors/text.json \
    --eval_file runs/authors/text_test.json --candidates hybrid --output_dir runs/from-text
mmgeolm mmclip --model_name_or_path runs/quickstart/grouped-0 --train_file runs/authors/image.json \
    --eval_file runs/authors/image_test.json --candidates hard --output_dir runs/from-images

`text.json` has real Geometry3K diagrams with rule-based negative captions, `image.json` generated diagrams with
look-alike images. Every fourth record goes into the `_test` file.
"""

import argparse
import json
from pathlib import Path

from PIL import Image

from dataset_builders.diagram_sets import look_alike_groups
from dataset_builders.sources.geometry3k import load_geometry3k


def conversation(caption: str) -> list[dict[str, str]]:
    """A caption as the release stores it."""
    return [{"from": "human", "value": "<image>\nDescribe the diagram."}, {"from": "gpt", "value": caption}]


def text_records(geometry3k: str, folder: Path) -> list[dict]:
    """Real diagrams, each with its negative captions."""
    records = []
    for problem in load_geometry3k(geometry3k):
        path = f"{problem['id']}.png"
        problem["image"].convert("RGB").save(folder / path)
        records.append(
            {
                "positive_image_path": path,
                "negative_captions": problem["negative_captions"],
                "conversations": conversation(problem["caption"]),
            }
        )
    return records


def image_records(count: int, folder: Path) -> list[dict]:
    """Generated diagrams, each with nine look-alikes, as many as the released image-side script takes."""
    groups = look_alike_groups(count, 10, seed=7)
    records = []
    for number, (images, captions) in enumerate(zip(groups.images, groups.captions, strict=True)):
        paths = [f"generated-{number}-{place}.png" for place in range(len(images))]
        for path, image in zip(paths, images, strict=True):
            Image.fromarray(image).save(folder / path)
        records.append(
            {
                "positive_image_path": paths[0],
                "negative_image_path": paths[1:],
                "conversations": conversation(captions[0]),
            }
        )
    return records


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--geometry3k", required=True, help="folder of Geometry3K problems")
    parser.add_argument("--folder", type=Path, required=True, help="where to write")
    parser.add_argument("--groups", type=int, default=200, help="records in image.json and image_test.json together")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    sources = {"text": text_records(args.geometry3k, args.folder), "image": image_records(args.groups, args.folder)}
    for name, records in sources.items():
        test = records[::4]
        train = [record for place, record in enumerate(records) if place % 4]
        for suffix, part in (("", train), ("_test", test)):
            (args.folder / f"{name}{suffix}.json").write_text(json.dumps(part, indent=1, ensure_ascii=False))
        print(f"{name}.json: {len(train)} records, {name}_test.json: {len(test)}")
