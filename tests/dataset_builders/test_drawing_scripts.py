"""Scripts of the kind language models write, run in the sandbox and looked at: each gets the verdict it deserves.

MMGEOLM_SCRIPTS says how many of the 200 to run; the faulty ones are always among them.
"""

import os
import re
from collections import Counter

import pytest
from drawing_scripts import EVERYDAY, pairs, scripts

from dataset_builders.negatives.drawing_checks import negative_problem, positive_problem
from dataset_builders.sandbox import Limits, Sandbox

COUNT = int(os.environ.get("MMGEOLM_SCRIPTS", "120"))


@pytest.fixture(scope="module")
def results():
    """Results by code, each script run once."""
    known = {}
    short = Limits(cpu_seconds=1, wall_seconds=5)  # for those that would run for ever
    with Sandbox(num_proc=1) as box, Sandbox(short, num_proc=1) as short_box:

        def run(code):
            if code not in known:
                endless = "while True" in code or "time.sleep" in code
                known[code] = (short_box if endless else box).run(code)
            return known[code]

        yield run


@pytest.mark.parametrize("script", scripts(COUNT), ids=lambda script: script.name)
def test_a_script_gets_its_verdict(results, script):
    result = results(script.code)
    problem = positive_problem(result, script.caption)
    if script.fails:
        assert not result.ok
        assert script.verdict in result.reason
        assert problem == result.reason
    else:
        assert result.ok, result.reason
        assert problem == script.verdict


@pytest.mark.parametrize("pair", pairs() if COUNT >= 200 else pairs()[::2], ids=lambda pair: pair.name)
def test_an_edited_script_gets_its_verdict(results, pair):
    positive, negative = results(pair.positive), results(pair.negative)
    assert positive_problem(positive) == ""
    assert negative_problem(positive, negative, pair.caption) == pair.verdict


def test_there_are_enough_scripts_of_every_kind():
    all_scripts, all_pairs = scripts(), pairs()
    assert len({script.code for script in all_scripts}) == 200
    kinds = Counter("fails" if script.fails else "flawed" if script.verdict else "good" for script in all_scripts)
    assert min(kinds.values()) >= 30
    assert len({(pair.positive, pair.negative, pair.caption) for pair in all_pairs}) == len(all_pairs) >= 40
    assert not any(re.search("<<|>>", script.code + script.caption) for script in all_scripts)
    assert {script.name.split("-")[0] for script in scripts(120)} >= {template.name for template in EVERYDAY}
