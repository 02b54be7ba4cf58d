"""Pictures are found under the names that data sets give them, and inside parquet files and saved data sets."""

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from datasets import Dataset, Features, Image, List, Value
from tiny_models import noise_image

from evaluation.pictures import find_pictures, open_picture, stored_pictures


def same(first, second) -> bool:
    return np.array_equal(np.asarray(first), np.asarray(second))


def saved(folder, *names):
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        noise_image(number).save(folder / name)


def test_a_file_is_found_by_the_longest_end_of_its_name(tmp_path):
    saved(tmp_path, "images/test/0.png", "0.png", "images/1.png", "MM_Math/2.png")
    names = ["./Geo170K/images/test/0.png", "test/0.png", "other/0.png", "images\\1.png", "/abs/2.png"]
    wanted = ["images/test/0.png", "images/test/0.png", "0.png", "images/1.png", "MM_Math/2.png"]
    assert find_pictures(tmp_path, names) == [tmp_path / name for name in wanted]


def test_a_name_does_not_lead_out_of_the_folder(tmp_path):
    saved(tmp_path, "secret.png", "data/1.png")
    for name in ("../secret.png", "a/../../secret.png", str(tmp_path / "secret.png")):
        (path,) = find_pictures(tmp_path / "data", [name])
        assert not path.exists() and path.is_relative_to(tmp_path / "data") and ".." not in path.parts


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("kind", ["parquet", "folder"])
def test_images_inside_the_data_are_those_of_their_rows(tmp_path, kind, several):
    images = [noise_image(number, (20 + number, 30)) for number in range(4)]
    features = Features({"id": Value("string"), "image": List(Image()) if several else Image()})
    column = [[images[0], images[1]], [images[2]], [], [images[3]]] if several else images
    data = Dataset.from_dict({"id": list("abcd"), "image": column}, features=features)
    path = tmp_path / ("data.parquet" if kind == "parquet" else "data")
    data.to_parquet(str(path)) if kind == "parquet" else data.save_to_disk(str(path))
    stored = stored_pictures(path)
    assert [len(row) for row in stored] == ([2, 1, 0, 1] if several else [1] * 4)
    flat = [picture for row in stored for picture in row]
    assert all(same(open_picture(picture), image) for picture, image in zip(flat, images, strict=True))
    assert len({picture.name for picture in flat}) == 4
    again = [picture.name for row in stored_pictures(path) for picture in row]
    assert again == [picture.name for picture in flat]


def test_other_data_has_no_images_inside(tmp_path):
    pyarrow.parquet.write_table(pyarrow.table({"image": ["a.png"]}), tmp_path / "names.parquet")
    (tmp_path / "data.json").write_text("[]")
    for path in (tmp_path / "names.parquet", tmp_path / "data.json", tmp_path, tmp_path / "none.parquet"):
        assert stored_pictures(path) is None


def test_a_row_without_its_image_or_with_a_broken_one_is_a_sentence(tmp_path):
    rows = {"image": [{"bytes": None, "path": None}, None, {"bytes": b"xx", "path": None}]}
    kind = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    table = pyarrow.table({"image": pyarrow.array(rows["image"], kind)})
    pyarrow.parquet.write_table(table, tmp_path / "data.parquet")
    for row, (picture,) in enumerate(stored_pictures(tmp_path / "data.parquet")):
        with pytest.raises(ValueError, match=f"the picture 1 of row {row} of data.parquet .* cannot be read"):
            open_picture(picture)
