"""Running many jobs: results in order, failures named, everything else finished."""

import logging
import time

import pytest

from mmgeolm.studies.definitions import STUDIES, ordered_towers
from mmgeolm.studies.grid import Job, run_grid


def square(number: int) -> int:
    if number == 3:
        raise ValueError("three cannot be squared")
    return number * number


def slow(path: str) -> str:
    time.sleep(0.05)
    with open(path, "a") as file:
        file.write("done\n")
    return path


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_the_order_of_the_jobs(processes, caplog):
    caplog.set_level(logging.INFO)
    jobs = [Job(f"row {number}", square, (number,)) for number in (5, 1, 4)]
    assert run_grid(jobs, processes) == [25, 1, 16]
    assert "3 of 3" in caplog.text and "row 4" in caplog.text and "left" in caplog.text


@pytest.mark.parametrize("processes", [1, 2])
def test_a_job_that_fails_is_named_and_stops_no_other(processes, tmp_path):
    done = tmp_path / "done"
    jobs = [Job("good", square, (2,)), Job("bad row", square, (3,)), Job("later", slow, (str(done),))]
    with pytest.raises(RuntimeError, match=r"1 of 3 jobs failed \(bad row\); bad row: three cannot be squared"):
        run_grid(jobs, processes)
    assert done.read_text() == "done\n"


def test_a_tower_comes_after_its_parent_and_once():
    waves = ordered_towers(list(STUDIES.values()))
    place = {tower.name: number for number, wave in enumerate(waves) for tower in wave}
    towers = [tower for wave in waves for tower in wave]
    assert len(place) == len(towers)
    assert all(tower.parent is None or place[tower.parent] < place[tower.name] for tower in towers)
    assert place["original"] == 0 and {tower.name for tower in STUDIES["heat_map"].towers} <= place.keys()
    # A study of towers that begin from others' brings those along.
    alone = ordered_towers([STUDIES["markings"]])
    assert [sorted(tower.name for tower in wave) for wave in alone] == [["original"], ["image10", "letters only"]]
