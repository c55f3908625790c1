"""The playground of a network: what its server answers, and what it refuses."""

from __future__ import annotations

import base64
import http.client
import json
import math
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
import torch

import sparse_rnn as srnn
from modcog.explore.serving import LocalServer
from sparse_rnn import analysis
from sparse_rnn.cli import main
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.explore import PAGE, site
from sparse_rnn.explore.answers import Explorer, levels
from sparse_rnn.explore.tuning import preferred, tuning
from sparse_rnn.explore.weights import synapses
from tests.sparse_rnn.helpers import small_config


@pytest.fixture(scope="module")
def explorer(finished: srnn.Run) -> Explorer:
    return Explorer(finished)


@pytest.fixture(scope="module")
def server(finished: srnn.Run) -> Iterator[LocalServer]:
    with LocalServer(site(finished), port=0) as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def ask(server: LocalServer, target: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=60)
    try:
        connection.request("GET", target)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_about_tells_what_the_run_is(explorer: Explorer, finished: srnn.Run) -> None:
    about = explorer.about({})
    assert about["name"] == "run"
    assert about["sheet"] == [4, 4]
    assert (about["units"], about["synapses"]) == (16, finished.network.rnn.mask.nnz)
    assert [task["name"] for task in about["tasks"]] == ["Go", "DlyGo"]
    accuracy = [task["accuracy"] for task in about["tasks"]]
    assert accuracy == finished.evaluation.final_accuracy.tolist()


def test_trial_shows_what_the_network_does(explorer: Explorer, finished: srnn.Run) -> None:
    answer = explorer.trial({"slot": "1", "seed": "5"})
    (recording,) = analysis.recordings(finished, None, 1, 5, 0.0, ["DlyGo"])
    assert answer["name"] == "DlyGo"
    assert answer["targets"] == recording.targets[:, 0].tolist()
    assert answer["answers"] == recording.logits[:, 0].argmax(-1).tolist()
    assert answer["right"] == (answer["answers"][-1] == answer["targets"][-1])

    # Independent of the recording: the network itself on the inputs that are shown.
    shape, data = answer["inputs"]["shape"], base64.b64decode(answer["inputs"]["data"])
    shown = torch.from_numpy(np.frombuffer(data, "<f4").reshape(shape).copy())
    rules = torch.zeros(len(shown), 2)
    rules[:, 1] = shown[:, -1]
    with torch.no_grad():
        logits, hidden = finished.network(torch.cat([shown[:, :-1], rules], dim=1)[:, None])
    assert answer["answers"] == logits[:, 0].argmax(-1).tolist()
    activity = answer["activity"]
    raw = np.frombuffer(base64.b64decode(activity["data"]), np.uint8).reshape(activity["shape"])
    step = (activity["high"] - activity["low"]) / 255
    np.testing.assert_allclose(
        activity["low"] + raw * step, hidden[:, 0].numpy(), atol=0.51 * step + 1e-7
    )


def test_seed_slot_and_noise_change_the_trial() -> None:
    config = small_config(suite=("DM1", "DM2"), steps=1)
    explorer = Explorer(srnn.train(config))
    base = explorer.trial({})
    assert base == explorer.trial({"seed": "0", "noise": "no"})
    for change in ({"slot": "1"}, {"seed": "1"}, {"noise": "yes"}):
        assert explorer.trial(change)["inputs"] != base["inputs"]


def test_a_task_with_two_slots_has_each_with_its_own_rule() -> None:
    config = small_config(suite=("Go", "DlyGo", "Go"), steps=1)
    run = srnn.train(config)
    first, again = (Explorer(run).trial({"slot": slot}) for slot in ("0", "2"))
    assert first["name"] == again["name"] == "Go"
    assert first["activity"] != again["activity"]


def test_levels_span_the_values() -> None:
    values = np.array([[0.0, 0.25], [1.0, 0.5]], dtype=np.float32)
    found = levels(values)
    assert (found["low"], found["high"]) == (0.0, 1.0)
    assert list(base64.b64decode(found["data"])) == [0, 64, 255, 128]
    assert levels(-values)["low"] == -1.0
    assert list(base64.b64decode(levels(0 * values)["data"])) == [0, 0, 0, 0]


def test_tuning_is_the_mean_over_the_steps_of_a_direction(finished: srnn.Run) -> None:
    recording = analysis.record(finished, trials_per_task=200, tasks=["DlyGo"])
    found = tuning(recording)
    trials = recording.trials
    start, end = trials.period_bounds("stimulus")
    for unit, direction in ((3, 0), (7, 5), (12, 15)):
        shown = [
            recording.hidden[start[i] : end[i], i, unit]
            for i in range(len(trials))
            if trials.stimulus_location[i, 0] == direction
        ]
        assert found.stimulus[unit, direction] == pytest.approx(np.concatenate(shown).mean())
        asked = recording.hidden[..., unit][recording.targets == direction + 1]
        assert found.answer[unit, direction] == pytest.approx(asked.mean())


def test_tuning_to_the_stronger_of_two_stimuli_and_to_the_first() -> None:
    network = srnn.Network(37, 17, srnn.masks.autapse(6))
    suite = ["DM1", "DlyDM1", "MultiDM", "DMS"]
    for name in suite:
        recording = analysis.record(network, suite, trials_per_task=30, tasks=[name])
        trials = recording.trials
        chosen = np.zeros((len(recording.mask), len(trials)), dtype=bool)
        place = np.zeros(len(trials), dtype=int)
        for i in range(len(trials)):
            stimuli = trials.describe(i)["stimuli"]
            first = [s for s in stimuli if s["period"] == stimuli[0]["period"]]
            strongest = max(first, key=lambda stimulus: stimulus["strength"])
            a, b = (bound[i] for bound in trials.period_bounds(strongest["period"]))
            chosen[a:b, i] = True
            place[i] = strongest["location"]
        states = recording.hidden[..., 2]
        expected = states[chosen & (place == place[0])].mean()
        assert tuning(recording).stimulus[2, place[0]] == pytest.approx(expected)


def test_directions_that_no_trial_had_are_unknown(finished: srnn.Run) -> None:
    recording = analysis.record(finished, trials_per_task=1, tasks=["Go"])
    assert (np.isfinite(tuning(recording).stimulus).sum(axis=1) == 1).all()


def test_preferred_direction_of_bumps() -> None:
    angles = 2 * np.pi * np.arange(16) / 16
    bumps = np.exp(3 * np.cos(angles - angles[[2, 11]][:, None]))
    flat, one, unknown = np.ones((1, 16)), np.eye(16)[[7]], np.full((1, 16), np.nan)
    angle, sharpness = preferred(np.concatenate([bumps, flat, one, unknown]))
    np.testing.assert_allclose(angle[[0, 1, 3]], angles[[2, 11, 7]])
    assert sharpness[2] == pytest.approx(0, abs=1e-12)
    assert sharpness[3] == pytest.approx(1)
    assert sharpness[4] == 0
    assert 0.5 < sharpness[0] < 1


@pytest.mark.parametrize("cell", ["vanilla", "gru", "lstm"])
def test_synapses_of_a_unit_are_its_row_and_its_column(cell: str) -> None:
    mask = srnn.masks.random(30, in_degree=5, seed=1)
    network = srnn.Network(4, 3, mask, cell=cell)
    rows = network.rnn.weight_hh.detach().double().numpy().reshape(-1, mask.nnz)
    dense = np.zeros((30, 30))
    sizes = rows[0] if cell == "vanilla" else np.linalg.norm(rows, axis=0)
    dense[mask.targets(), mask.indices] = sizes
    for unit in (0, 13, 29):
        found = synapses(network.rnn, unit)
        assert found["signed"] == (cell == "vanilla")
        for name, line in (("into", dense[unit]), ("out", dense[:, unit])):
            kept = np.zeros(30)
            kept[found[name]["units"]] = found[name]["weights"]
            np.testing.assert_allclose(kept, line, rtol=1e-5)
        assert len(found["into"]["units"]) == 5


def test_signs_of_dales_law_are_shown() -> None:
    network = srnn.Network(4, 3, srnn.masks.dense(20), inhibitory=0.25)
    signs = [np.sign(synapses(network.rnn, unit)["out"]["weights"]) for unit in range(20)]
    assert all(abs(sign.sum()) == 20 for sign in signs)
    assert sum(sign[0] < 0 for sign in signs) == 5


def test_unit_has_its_readout_weights(explorer: Explorer, finished: srnn.Run) -> None:
    answer = explorer.unit({"unit": "9", "slot": "1"})
    expected = finished.network.readout.weight[1:, 9].tolist()
    assert answer["readout"] == pytest.approx(expected, rel=1e-5)
    assert len(answer["stimulus"]) == len(answer["answer"]) == 16


def test_preferred_directions_follow_from_the_tuning(explorer: Explorer) -> None:
    answer = explorer.preferred({"slot": "0"})
    unit = int(np.argmax(answer["sharpness"]))
    curve = np.array(explorer.unit({"unit": str(unit), "slot": "0"})["answer"], dtype=float)
    vector = np.nansum(curve * np.exp(2j * np.pi * np.arange(16) / 16))
    assert math.radians(answer["angle"][unit]) == pytest.approx(
        np.angle(vector) % (2 * np.pi), abs=1e-3
    )


def test_clusters_are_those_of_the_analysis(explorer: Explorer, finished: srnn.Run) -> None:
    answer = explorer.clusters({})
    variance = analysis.task_variance(analysis.recordings(finished, trials_per_task=32))
    found = analysis.cluster(variance, 30)
    labels = np.array(answer["labels"])
    assert labels[found.units].tolist() == found.labels.tolist()
    assert (labels < 0).sum() == 16 - len(found.units)
    assert [c["units"] for c in answer["clusters"]] == np.bincount(found.labels).tolist()
    for k, told in enumerate(answer["clusters"]):
        mean = variance.values[:, found.labels == k].mean(axis=1)
        assert told["tasks"][0] == variance.tasks[int(mean.argmax())]


def test_a_silent_network_has_no_clusters_and_says_so() -> None:
    run = srnn.train(small_config(steps=1))
    with torch.no_grad():
        for parameter in run.network.rnn.parameters():
            parameter.zero_()
    with pytest.raises(InvalidArgument, match="0 active units"):
        Explorer(run).clusters({})


def test_no_sheet_without_two_dimensions() -> None:
    run = srnn.train(small_config(arch="dense", size=(9,), radius=None, steps=1))
    assert Explorer(run).about({})["sheet"] is None


@pytest.mark.parametrize(
    ("path", "query", "words"),
    [
        ("trial", {"slot": "2"}, "slot must be a whole number from 0 to 1; got '2'"),
        ("trial", {"slot": "-1"}, "slot must be"),
        ("trial", {"seed": "1.5"}, "seed must be"),
        ("trial", {"seed": "9" * 40}, "seed must be"),
        ("trial", {"noise": "maybe"}, "noise must be"),
        ("trial", {"sed": "1"}, "Did you mean 'seed'"),
        ("unit", {"unit": "16"}, "unit must be a whole number from 0 to 15"),
        ("unit", {"unit": "٣"}, "unit must be"),
        ("preferred", {"slot": "x"}, "slot must be"),
        ("clusters", {"k": "3"}, "no fields"),
        ("about", {"x": ""}, "no fields"),
    ],
)
def test_bad_values_are_refused_in_words(
    server: LocalServer, path: str, query: dict[str, str], words: str
) -> None:
    status, body = ask(server, f"/api/{path}?{urlencode(query)}")
    assert status == 400
    assert words in json.loads(body)["error"]


def test_serves_its_page_with_the_shared_parts(server: LocalServer, finished: srnn.Run) -> None:
    assert ask(server, "/") == (200, (PAGE / "index.html").read_bytes())
    served = site(finished).files
    for path in served:
        assert ask(server, path)[0] == 200
    own = {file.name for file in served.values() if file.parent == PAGE}
    assert own == {file.name for file in PAGE.iterdir()}
    text = "\n".join(file.read_text(encoding="utf-8") for file in PAGE.iterdir())
    assert "http:" not in text
    assert "https:" not in text


def test_requests_at_the_same_time_get_their_own_answers(server: LocalServer) -> None:
    expected = {seed: ask(server, f"/api/trial?seed={seed}")[1] for seed in range(4)}
    found: dict[int, bytes] = {}
    threads = [
        threading.Thread(
            target=lambda seed=seed: found.update({seed: ask(server, f"/api/trial?seed={seed}")[1]})
        )
        for seed in expected
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == expected


def test_command_refuses_what_is_no_run(
    tmp_path: Path, finished: srnn.Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explore", str(tmp_path), "--no-browser"]) == 2
    assert "holds no run" in capsys.readouterr().err
    assert main(["explore", str(tmp_path / "gone"), "--no-browser"]) == 2
    assert main(["explore", str(finished.folder), "--no-browser", "--port", "70000"]) == 2
    assert "--port must be a whole number from 0 to 65535" in capsys.readouterr().err
