"""What a data set of ten million records would take: parts are built, and joining and reading many files is timed.

    python bench/ten_million.py [RECORDS]

*Building*: the first, a middle and the last shard of ten million records of 1 + 10 at 336 × 336, of RECORDS (default
200) each, in one process, CPU time; whether a record costs more because its number is high. With `programs` no picture
is drawn or stored. From it core hours and size of the whole.

*Joining*: as many tiny shards of one file each as a set of ten million in chunks of 256 has files; how long `merge`
takes, `load_built` (which maps all files), and a thousand records at random.
"""

import random
import resource
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from dataset_builders.build import build, merge
from dataset_builders.code_records import code_record, load_built

WHOLE = 10_000_000
RECORDS = 200
FILES = (1_000, 4_000, WHOLE // 256)
READ = 1_000


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS
    with tempfile.TemporaryDirectory() as name:
        building(count, Path(name) / "rate")
        joining(Path(name) / "files")


def building(count: int, folder: Path) -> None:
    shards = WHOLE // count
    print(f"| images | records / s: first | middle | last {count} | kB a record | core hours | GB |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for images in ("embed", "programs"):
        rates, sizes = [], []
        for index in (0, shards // 2, shards - 1):
            target = folder / f"{images}-{index}"
            begun = time.process_time()
            build(partial(code_record, images=images), WHOLE, target, shard=(index, shards))
            rates.append(count / (time.process_time() - begun))
            sizes.append(sum(file.stat().st_size for file in target.glob("*.arrow")) / count)
        rate, size = sum(rates) / len(rates), sum(sizes) / len(sizes)
        cells = " | ".join(f"{rate:.1f}" for rate in rates)
        hours, gigabytes = WHOLE / rate / 3600, WHOLE * size / 1e9
        print(f"| {images} | {cells} | {size / 1e3:.1f} | {hours:,.0f} | {gigabytes:,.0f} |", flush=True)


def joining(folder: Path) -> None:
    print(f"\nOpen files are limited to {resource.getrlimit(resource.RLIMIT_NOFILE)[0]:,}.\n")
    print(f"| files | merge, s | load, s | {READ:,} records at random, s |")
    print("| ---: | ---: | ---: | ---: |")
    record = partial(code_record, num_negatives=1, images="programs", size=32)
    for files in FILES:
        parts = [folder / f"{files}-{index}" for index in range(files)]
        for index, part in enumerate(parts):
            build(record, files, part, shard=(index, files))
        begun = time.perf_counter()
        try:
            merge(parts, folder / f"{files}")
            merged = time.perf_counter()
            data = load_built(folder / f"{files}")
            loaded = time.perf_counter()
            rng = random.Random(0)
            for _ in range(READ):
                data[rng.randrange(len(data))]["caption"]
            read = time.perf_counter()
        except OSError as error:
            print(f"| {files:,} | {error} | | |", flush=True)
            continue
        print(f"| {files:,} | {merged - begun:.1f} | {loaded - merged:.1f} | {read - loaded:.1f} |", flush=True)


if __name__ == "__main__":
    main()
