"""Pictures in files as rows: which files, which classes, what is made of them."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from nnlab.data.pictures import store
from nnlab.data.pictures.form import PictureForm
from nnlab.errors import DataError, NnlabError

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 6, 5, 3), dtype=np.uint8)


def png(pixels: np.ndarray) -> bytes:
    """Return a picture `[height, width, channels]` of bytes as a PNG file."""
    height, width, channels = pixels.shape

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 3: 2}[channels], 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def write(root: Path, *names: str) -> None:
    """Write pictures, each with other pixels."""
    for number, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(png(PIXELS[number]))


@pytest.fixture
def decoder(monkeypatch):
    """Decodes our PNG files without TensorFlow; what begins with other bytes is broken. Counts how many it gets."""
    asked: list[int] = []

    def run(files, form, array):
        asked.append(len(files))
        broken = {}
        with array.open("wb") as stream:
            for number, file in enumerate(files):
                content = Path(file).read_bytes()
                if not content.startswith(b"\x89PNG"):
                    broken[number] = "unknown format"
                    continue
                width, height = struct.unpack(">II", content[16:24])
                data = zlib.decompress(content[content.index(b"IDAT") + 4 : -16])
                pixels = np.frombuffer(data, np.uint8).reshape(height, 1 + width * 3)[:, 1:].reshape(height, width, 3)
                stream.write(np.resize(pixels, form.shape).astype(form.dtype).tobytes())
        return broken

    monkeypatch.setattr(store, "_run", run)
    return asked


@pytest.fixture
def read(load, decoder, tmp_path):  # noqa: ARG001
    def read(**values):
        source = {"images": {"size": [6, 5], **values.pop("images", {})}}
        return load(**{"source": source, "path": str(tmp_path), "validation": 0, "test": 0, **values})

    return read


def test_a_folder_is_a_class_in_the_order_of_keras(read, tmp_path):
    names = ["b/2.png", "b/10.png", "a/deep/1.png", "a/z.png", "10/x.png", "2/x.png", ".hidden/y.png", "a-b/1.png"]
    write(tmp_path, *names)
    splits = read()
    classes = splits.spec.targets[""].class_names
    assert classes == ("10", "2", "a", "a-b", "b")
    order = splits.order_in_source()
    y = [classes[number] for number in splits.train.y[""][order]]
    assert y == ["10", "2", "a", "a", "a-b", "b", "b"]
    expected = ["10/x.png", "2/x.png", "a/z.png", "a/deep/1.png", "a-b/1.png", "b/10.png", "b/2.png"]
    np.testing.assert_array_equal(splits.train.x[""][order], PIXELS[[names.index(name) for name in expected]])


def test_folders_say_what_trains_validates_and_tests(read, tmp_path):
    write(
        tmp_path, *(f"{part}/{label}/{i}.png" for part in ("Train", "val", "test") for label in "ab" for i in range(3))
    )
    splits = read(validation=None, test=None)
    for number, split in enumerate((splits.train, splits.validation, splits.test)):
        assert {row.tobytes() for row in split.x[""].astype(np.uint8)} == {
            picture.tobytes() for picture in PIXELS[6 * number : 6 * number + 6]
        }
        assert sorted(split.y[""][:, 0]) == [0, 0, 0, 1, 1, 1]
    with pytest.raises(DataError, match="validation rows of its own, 6"):
        read(test=None)


def test_without_a_test_folder_there_are_test_rows_where_the_config_says_so(read, tmp_path):
    write(
        tmp_path, *(f"{part}/{label}/{i}.png" for part in ("train", "validation") for label in "ab" for i in range(6))
    )
    assert read(validation=None, test=None).test is None
    splits = read(validation=None, test=4)
    assert sorted(splits.test.y[""][:, 0]) == [0, 0, 1, 1]
    assert (splits.train.count, splits.validation.count) == (8, 12)


def test_classes_are_dealt_in_equal_shares(read, tmp_path):
    write(tmp_path, *(f"{label}/{i}.png" for label in "ab" for i in range(10)))
    splits = read(validation=0.25, test=None)
    assert [np.bincount(split.y[""][:, 0].astype(int)).tolist() for split in splits.present.values()] == [
        [6, 6], [2, 2], [2, 2]
    ]  # fmt: skip


def test_broken_pictures_are_left_out_listed_and_counted(read, tmp_path, decoder):
    write(tmp_path, *(f"{label}/{i}.png" for label in "ab" for i in range(3)))
    (tmp_path / "a/1.png").write_bytes(b"no picture")
    (tmp_path / "b/0.png").write_bytes(b"")
    splits = read()
    assert splits.train.count == 4
    assert sorted(splits.record.rows["train"]["row"]) == [0, 2, 4, 5]
    assert splits.spec.pictures.broken == {"a/1.png": "unknown format", "b/0.png": "the file is empty"}
    (note,) = splits.spec.notes
    assert note.startswith("2 of 6 pictures cannot be decoded: `a/1.png` (unknown format), `b/0.png`")
    assert read().spec == splits.spec  # from the cache
    assert decoder == [5]
    with pytest.raises(DataError, match="2 of 6 pictures cannot be decoded") as caught:
        read(images={"broken": "error"})
    assert "`broken: skip`" in caught.value.problems[0].hint


def test_pictures_are_decoded_again_where_anything_has_changed(read, tmp_path, decoder):
    write(tmp_path, "a/1.png", "b/2.png")
    before = read()
    (tmp_path / "a/1.png").rename(tmp_path / "a/0.png")
    assert read().train.x[""].tobytes() == before.train.x[""].tobytes()
    assert decoder == [2]  # a name is no content
    (tmp_path / "a/0.png").write_bytes(png(PIXELS[7]))
    assert read().train.x[""].tobytes() != before.train.x[""].tobytes()
    read(images={"size": 4})
    assert decoder == [2, 2, 2]
    (file,) = (path for path in store.cache_folder().glob("data/pictures-*/pictures") if path.stat().st_size == 2 * 48)
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    read(images={"size": 4})
    assert decoder == [2, 2, 2, 2]  # what is damaged is made again


def test_the_fingerprint_of_a_folder_knows_names_and_labels(read, tmp_path):
    write(tmp_path, "a/1.png", "b/2.png")
    first = read().record.file
    assert first["bytes"] == sum(path.stat().st_size for path in tmp_path.rglob("*.png"))
    (tmp_path / "notes.txt").write_text("no picture")
    assert read().record.file == first
    (tmp_path / "a/1.png").rename(tmp_path / "b/1.png")
    (tmp_path / "b/2.png").rename(tmp_path / "a/2.png")
    assert read().record.file["blake2b"] != first["blake2b"]
    (tmp_path / "labels.csv").write_text("file,label\nb/1,x\na/2,y\n")
    by_table = {"images": {"labels": "labels.csv"}}
    labelled = read(**by_table).record.file
    (tmp_path / "labels.csv").write_text("file,label\nb/1,y\na/2,x\n")
    assert read(**by_table).record.file["blake2b"] != labelled["blake2b"]


@pytest.mark.parametrize(
    ("table", "more", "task", "names", "y"),
    [
        ("file,kind\n1.png,x\n2.png,y\n3,x\n", {}, "binary", ("x", "y"), [0, 1, 0]),
        ("age,file\n1.5,1\n2.5,2\n3.5,3\n", {"images": {"files": "file"}}, "regression", (), [1.5, 2.5, 3.5]),
        ("file,tags\n1,red|round\n2,\n3,red\n", {}, "multilabel", ("red", "round"), [[1, 1], [1, 0]]),
        ("f,a,b\n1,1,1\n2,0,1\n3,0,0\n", {"target": ["a", "b"]}, "multilabel", ("a", "b"), [[1, 1], [0, 1], [0, 0]]),
        ("f,a,b\n1,1,x\n2,0,y\n3,2,x\n", {"target": {"n": "a", "k": "b"}, "task": {"n": "regression"}}, None, (), None),
    ],
)
def test_a_table_has_the_labels(read, tmp_path, table, more, task, names, y):
    write(tmp_path, "1.png", "2.png", "3.png")
    (tmp_path / "labels.csv").write_text(table)
    splits = read(**{**more, "images": {"labels": "labels.csv", **more.get("images", {})}})
    if task is None:
        assert {name: target.task for name, target in splits.spec.targets.items()} == {"n": "regression", "k": "binary"}
        return
    target = splits.spec.targets[""]
    assert (target.task, target.class_names) == (task, names)
    np.testing.assert_array_equal(np.squeeze(splits.train.y[""][splits.order_in_source()]), np.array(y, np.float32))


def test_a_column_of_the_table_may_deal_the_rows(read, tmp_path):
    write(tmp_path, *(f"{i}.png" for i in range(12)))
    rows = "".join(f"{i},{'xy'[i % 2]},p{i // 3}\n" for i in range(12))
    (tmp_path / "labels.csv").write_text(f"file,kind,patient\n{rows}")
    images = {"labels": "labels.csv"}
    splits = read(images=images, split={"by": "group", "column": "patient"}, test=0.25)
    groups = [set(rows["row"] // 3) for rows in splits.record.rows.values()]
    assert not groups[0] & groups[1]


def test_pictures_may_be_given_back_without_any_class(read, tmp_path):
    write(tmp_path, "1.png", "2.png", "more/3.png")
    splits = read(target="inputs", scale=255)
    assert splits.train.x[""].shape == (3, 6, 5, 3)
    assert splits.spec.targets[""].predicts_inputs


@pytest.mark.parametrize(
    ("files", "more", "message", "hint"),
    [
        ([], {}, "there is no picture in", "a folder of pictures for each class"),
        (["a/x.txt", "b.zip"], {}, "it holds `a`", "unpack the archive"),
        (["1.png", "2.png"], {}, "in no folder of a class: `1.png`, `2.png`", "target: inputs"),
        (["all/a/1.png", "all/b/2.png"], {}, "in one folder, `all`", "path: "),
        (["a/1.png", "b/2.png"], {"target": "kind"}, "a folder is a `class`, received `kind`", "labels: FILE.csv"),
        (["a/1.png", "b/2.png"], {"features": ["x"]}, "no columns to choose", "remove it"),
        (["a/1.png", "b/2.png"], {"images": {"size": [1, 2, 3]}}, "height and width", "size: [64, 96]"),
        (["a/1.png", "b/2.png"], {"images": {"labels": "l.csv"}}, "there is no file", "name a CSV file"),
        (["a/1.png"], {"path": "nowhere"}, "there is no folder `nowhere`", "path"),
        (["train/a/1.png", "training/b/2.png"], {}, "both mean train", "together"),
        (["train/a/1.png", "test/x.txt"], {}, "there is no picture in", "folder of pictures"),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused_with_the_remedy(read, tmp_path, files, more, message, hint):
    write(tmp_path, *(name for name in files if name.endswith(".png")))
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(DataError) as caught:
        read(**more)
    assert message in caught.value.problems[0].message
    assert hint in caught.value.problems[0].hint


def test_files_that_a_table_names_have_to_be_there(read, tmp_path):
    write(tmp_path, "1.png")
    (tmp_path / "labels.csv").write_text("file,kind\n1,x\n2,y\n3.png,x\n")
    with pytest.raises(DataError, match=r"2 of 3 files that it names are not there: `2`, `3\.png`"):
        read(images={"labels": "labels.csv"})


def test_a_decoder_that_dies_is_no_result(tmp_path, monkeypatch):
    write(tmp_path, "1.png")
    monkeypatch.setattr(store.sys, "executable", "/bin/false")
    with pytest.raises(Exception, match=r"the process that decodes pictures has died near `1\.png`"):
        store.load_pictures(tmp_path, ["1.png"], PictureForm((6, 5), "rgb", "stretch", "bilinear", "uint8"))


@pytest.fixture(scope="module")
def odd_pictures(tmp_path_factory):
    """A folder of pictures of all formats, sizes and channels that TensorFlow writes or that are easy to write."""
    import tensorflow as tf

    root, random = tmp_path_factory.mktemp("odd"), np.random.default_rng(1)
    for number, (height, width) in enumerate([(31, 17), (8, 40), (40, 8), (16, 16), (1, 1), (33, 33)]):
        pixels = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        folder = root / "ab"[number % 2]
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.jpg").write_bytes(tf.io.encode_jpeg(pixels).numpy())
        (folder / f"{number}.png").write_bytes(tf.io.encode_png(pixels).numpy())
        (folder / f"{number}g.png").write_bytes(tf.io.encode_png(pixels[..., :1]).numpy())
        (folder / f"{number}a.png").write_bytes(tf.io.encode_png(np.concatenate([pixels, pixels[..., :1]], 2)).numpy())
    return root


@pytest.mark.tf
@pytest.mark.parametrize(
    ("color", "resize", "interpolation"),
    [
        ("rgb", "stretch", "bilinear"),
        ("grayscale", "stretch", "bicubic"),
        ("rgb", "crop_to_aspect_ratio", "nearest"),
        ("grayscale", "crop_to_aspect_ratio", "bilinear"),
        ("rgb", "pad_to_aspect_ratio", "bilinear"),
    ],
)
def test_pictures_are_bit_for_bit_those_of_keras(odd_pictures, color, resize, interpolation):
    import keras

    from nnlab.data.pictures.decoder import decoded
    from nnlab.data.pictures.listing import list_pictures

    batch = keras.utils.image_dataset_from_directory(
        odd_pictures, color_mode=color, batch_size=None, image_size=(12, 20), shuffle=False,
        interpolation=interpolation, verbose=False, **({resize: True} if resize != "stretch" else {}),
    )  # fmt: skip
    expected = np.stack([pixels.numpy() for pixels, _ in batch])
    names = list_pictures(odd_pictures).pictures
    assert [str(odd_pictures / name) for name in names] == batch.file_paths
    form = PictureForm((12, 20), color, resize, interpolation, "float32")
    exact = b"".join(decoded(batch.file_paths, form))
    assert exact == expected.astype(np.float32).tobytes()
    rounded = b"".join(decoded(batch.file_paths, PictureForm((12, 20), color, resize, interpolation, "uint8")))
    whole = np.frombuffer(rounded, np.uint8).reshape(expected.shape)
    np.testing.assert_array_equal(whole, np.clip(np.rint(expected), 0, 255))


@pytest.mark.tf
def test_every_way_of_being_broken_is_told_and_the_others_are_decoded(tmp_path, odd_pictures):
    from nnlab.data.pictures.decoder import decoded, write_pictures

    whole = sorted(odd_pictures.rglob("*.jpg"))[0]
    contents = {
        "whole.jpg": whole.read_bytes(), "cut.jpg": whole.read_bytes()[:200], "text.png": b"hello",
        "cut.png": png(PIXELS[0])[:80], "picture.png": png(PIXELS[0]), "tiff.tif": b"II*\0" + b"\0" * 40,
    }  # fmt: skip
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    files = [str(tmp_path / name) for name in contents] + [str(tmp_path / "gone.png")]
    form = PictureForm((6, 5), "rgb", "stretch", "bilinear", "uint8")
    told: list[int] = []
    broken = write_pictures(files, form, tmp_path / "array", told.append)
    assert sorted(broken) == [1, 2, 3, 5, 6]
    assert all(why and "\n" not in why and "{{" not in why for why in broken.values())
    array = np.fromfile(tmp_path / "array", np.uint8).reshape(-1, 6, 5, 3)
    np.testing.assert_array_equal(array[1], PIXELS[0])
    assert array[0].tobytes() == next(decoded(files[:1], form))
    assert told[0] == 0


@pytest.mark.tf
def test_the_process_that_decodes_says_the_same(tmp_path, odd_pictures):
    from nnlab.data.pictures.decoder import decoded

    form = PictureForm((6, 5), "rgb", "stretch", "bilinear", "uint8")
    (tmp_path / "broken.png").write_bytes(b"hello")
    files = [*map(str, sorted(odd_pictures.rglob("*.png"))), str(tmp_path / "broken.png")]
    broken = store._run(files, form, tmp_path / "array")
    assert list(broken) == [len(files) - 1]
    assert (tmp_path / "array").read_bytes() == b"".join(decoded(files[:-1], form))


def test_the_pictures_of_a_data_set_may_be_written_as_folders(read, load, tmp_path):
    from nnlab.config.data import DataConfig
    from nnlab.data.description import describe_data
    from nnlab.report.picture_files import save_pictures

    section = {"source": {"shapes": {"samples": 40, "pixels": 8}}, "validation": 8, "test": 8}
    folder = tmp_path / "shapes"
    described = describe_data(DataConfig.read(section), seed=0)
    assert save_pictures(described, folder) == 40
    again = read(images={"size": 8}, path=str(folder), validation=None, test=None)
    for name, split in load(**section).present.items():
        other = getattr(again, name)
        order, own = (np.lexsort((each.x[""].sum(axis=(1, 2, 3)), each.y[""])) for each in (other, split))
        np.testing.assert_array_equal(other.x[""][order], split.x[""][own])
        np.testing.assert_array_equal(other.y[""][order], split.y[""][own])
    with pytest.raises(NnlabError, match="it is not empty"):
        save_pictures(described, folder)
    for section, why in (({"source": "iris"}, "no pictures"), ({"source": "digits", "target": "inputs"}, "one target")):
        with pytest.raises(NnlabError, match=why):
            save_pictures(describe_data(DataConfig.read(section), seed=0), tmp_path / "new")


def test_shapes_are_drawn_in_two_colours_and_as_often(load):
    source = {"shapes": {"samples": 42, "pixels": 24, "noise": 0}}
    splits = load(source=source, validation=0, test=0)
    x, y = splits.train.x[""], splits.train.y[""]
    assert np.bincount(y.astype(int)).tolist() == [11, 11, 10, 10]
    for picture, number in zip(x, y, strict=True):
        distance = np.abs(picture - picture[0, 0]).max(axis=-1)
        inside = 2 * distance > distance.max()
        assert np.abs(picture[0, 0] - picture.reshape(-1, 3)[distance.argmax()]).min() >= 63
        if splits.spec.target_of("").class_names[number] == "circle":
            rows, columns = np.nonzero(inside)
            assert abs(inside.sum() - np.pi / 4 * np.ptp(rows) * np.ptp(columns)) < 0.2 * inside.sum()
    np.testing.assert_array_equal(load(source=source, validation=0, test=0).train.x[""], x)
    assert not np.array_equal(load(source=source, validation=0, test=0, seed=1).train.x[""], x)
