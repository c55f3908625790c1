"""TrainConfig: through JSON and back, and what it refuses."""

from __future__ import annotations

import json
import math
from typing import Any

import pydantic
import pytest
import torch
from hypothesis import given, strategies as st

import sparse_rnn as srnn
from sparse_rnn.config.train import parse_size
from sparse_rnn.errors import InvalidArgument, UnknownName
from sparse_rnn.system import limits
from sparse_rnn.training.session import identity_of
from tests.sparse_rnn.helpers import small_config

SHEETS = st.one_of(
    st.integers(1, 900).map(lambda n_units: (n_units,)),
    st.lists(st.integers(1, 30), min_size=1, max_size=3).map(tuple),
    st.tuples(st.integers(1, 30), st.integers(1, 30)).map("{0[0]}x{0[1]}".format),
)
CONFIGS = st.builds(
    srnn.TrainConfig,
    suite=st.sampled_from(["cog-20", ("Go", "DlyGo_IntL"), ["Anti"]]),
    arch=st.just("locality"),
    size=SHEETS,
    radius=st.floats(0, 50),
    steps=st.integers(1, 10**7),
    seq_len=st.one_of(st.just("auto"), st.integers(1, 1000)),
    lr=st.floats(1e-8, 1),
    clip=st.one_of(st.none(), st.floats(1e-3, 1e3)),
    seed=st.integers(0, 2**63),
    noise=st.one_of(st.just("yang"), st.floats(0, 10)),
)


@given(CONFIGS)
def test_configurations_survive_json(config: srnn.TrainConfig) -> None:
    text = config.to_json()
    again = srnn.TrainConfig.from_json(text)
    assert again == config
    assert again.to_json() == text
    assert set(json.loads(text)) == set(srnn.TrainConfig.model_fields)


@pytest.mark.parametrize(
    ("given_size", "sides"),
    [
        ("20x20", (20, 20)),
        ("20X30x2", (20, 30, 2)),
        ("400", (400,)),
        (400, (400,)),
        ([4, 5], (4, 5)),
    ],
)
def test_sizes_are_read_in_every_spelling(given_size: object, sides: tuple[int, ...]) -> None:
    assert parse_size(given_size) == sides
    assert srnn.TrainConfig(arch="dense", size=given_size).size == sides


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("steps", 0, "steps must be greater than or equal to 1; got 0."),
        ("steps", "10", "steps must be a valid integer; got '10'."),
        ("steps", 1.5, "steps must be a valid integer; got 1.5."),
        ("batch_size", -3, "batch_size must be greater than or equal to 1; got -3."),
        ("seq_len", "long", "seq_len must be a valid integer or 'auto'; got 'long'."),
        ("lr", 0, "lr must be greater than 0; got 0."),
        ("lr", math.nan, "lr must be a finite number; got nan."),
        ("clip", -1.0, "clip must be greater than 0; got -1.0."),
        ("seed", -1, "seed must be greater than or equal to 0; got -1."),
        ("seed", True, "seed must be a valid integer; got True."),
        ("eval_every", 0, "eval_every must be greater than or equal to 1; got 0."),
        ("dt", math.inf, "dt must be a finite number; got inf."),
        ("noise", "loud", "noise must be a valid number or 'yang'; got 'loud'."),
        ("radius", -0.5, "radius must be a finite number of at least 0; got -0.5."),
        ("radius", math.inf, "radius must be a finite number of at least 0; got inf."),
        ("size", "4by4", "size must be a number of units or sides such as 20x20; got '4by4'."),
        ("size", 0, "size must be a whole number of at least 1"),
        ("arch", "localty", "'localty'. Did you mean 'locality'?"),
        ("init", "fanin", "'fanin'. Did you mean 'fan_in'?"),
        ("nonlinearity", "RELU", "'RELU'. Did you mean 'relu'?"),
        ("backend", "dens", "'dens'. Did you mean 'dense'?"),
        (
            "sede",
            1,
            "setting must be the name of a setting; got an unexpected keyword argument 'sede'. "
            "Did you mean 'seed'",
        ),
    ],
)
def test_refusals_name_the_setting_its_value_and_what_is_allowed(
    setting: str, value: object, message: str
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        small_config(**{setting: value})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 4}, "arch must be given; got None."),
        ({"arch": "dense"}, "size must be given; got None."),
        ({"arch": "locality", "size": (2, 2)}, "radius must be given for 'locality' masks"),
        ({"arch": "dense", "size": 4, "radius": 1}, "radius must be left out for 'dense' masks"),
    ],
)
def test_settings_that_are_missing_or_too_many_are_named(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        srnn.TrainConfig(**settings)
    assert message in str(caught.value)


def test_unknown_names_are_a_kind_of_their_own() -> None:
    with pytest.raises(UnknownName) as caught:
        small_config(arch="localty")
    assert (caught.value.argument, caught.value.value) == ("arch", "localty")


@pytest.mark.parametrize(
    "text", ["", "[]", "3", '{"arch": "dense"}', '{"arch": "dense", "size": 0}']
)
def test_text_that_is_no_configuration_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        srnn.TrainConfig.from_json(text)


def test_configurations_cannot_be_changed() -> None:
    config = small_config()
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        config.steps = 5


def test_differences_are_listed_with_both_values() -> None:
    one, other = small_config(), small_config(steps=9, lr=0.1)
    ours, theirs = identity_of(one), identity_of(other)
    assert ours.differences(ours) == {}
    assert ours.differences(theirs) == {"steps": (4, 9), "lr": (0.002, 0.1)}


def test_what_a_cell_leaves_open_is_written_down() -> None:
    vanilla, leaky, gru = (small_config(cell=cell) for cell in ("vanilla", "leaky", "gru"))
    assert (vanilla.nonlinearity, vanilla.tau, vanilla.recurrent_noise) == ("relu", None, None)
    assert (leaky.nonlinearity, leaky.tau, leaky.recurrent_noise) == ("relu", 100.0, 0.0)
    assert (gru.nonlinearity, gru.tau) == (None, None)
    assert small_config() == vanilla
    for config in (vanilla, leaky, gru):
        assert srnn.TrainConfig.from_json(config.to_json()) == config
        assert srnn.TrainConfig(**config.model_dump()) == config


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cell": "lsmt"}, "'lsmt'. Did you mean 'lstm'?"),
        (
            {"tau": 100.0},
            "tau must be left out for 'vanilla' cells; got an unexpected keyword argument 'tau'.",
        ),
        ({"cell": "gru", "nonlinearity": "relu"}, "nonlinearity must be left out for 'gru' cells"),
        ({"cell": "leaky", "tau": 20.0}, "tau must be at least dt, 100 ms; got 20.0."),
        ({"recurrence": "thawed"}, "recurrence must be the name of a kind of recurrence"),
        ({"inhibitory": 1.0}, "inhibitory must be less than 1; got 1.0."),
        ({"cell": "leaky", "recurrent_noise": -0.1}, "recurrent_noise must be greater than or"),
        ({"init_gain": 0.0}, "init_gain must be greater than 0; got 0.0."),
    ],
)
def test_settings_of_the_cell_are_checked(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        small_config(**settings)
    assert message in str(caught.value)


def test_the_network_is_that_of_the_settings() -> None:
    config = small_config(cell="leaky", dt=20.0, tau=50.0, recurrent_noise=0.1, init="orthogonal")
    net = srnn.Network(5, 3, config.build_mask(), **config.network_options())
    assert isinstance(net.rnn, srnn.LeakyRNN)
    assert (net.rnn.alpha, net.rnn.recurrent_noise) == (0.4, 0.1)
    frozen = small_config(recurrence="frozen", inhibitory=0.25, init_gain=0.5)
    net = srnn.Network(5, 3, frozen.build_mask(), **frozen.network_options())
    assert (net.rnn.recurrence, net.rnn.inhibitory) == ("frozen", 0.25)
    plain = srnn.Network(5, 3, frozen.build_mask(), inhibitory=0.25)
    torch.testing.assert_close(net.rnn.weight_hh, plain.rnn.weight_hh.detach() / 2)


def test_the_mask_is_that_of_the_settings() -> None:
    assert small_config().build_mask() == srnn.masks.locality((4, 4), 1)
    assert small_config(arch="dense", radius=None).build_mask() == srnn.masks.dense(16)


@pytest.mark.parametrize(
    ("setting", "largest"),
    [
        ("steps", limits.STEPS),
        ("batch_size", limits.BATCH_SIZE),
        ("seq_len", limits.SEQ_LEN),
        ("warmup", limits.STEPS),
        ("seed", limits.SEED),
        ("eval_every", limits.STEPS),
        ("eval_batches", limits.BATCHES),
        ("final_batches", limits.BATCHES),
    ],
)
def test_numbers_have_limits_before_anything_is_made(setting: str, largest: int) -> None:
    config = small_config(**{setting: largest})
    assert srnn.TrainConfig.from_json(config.to_json()) == config
    for value in (largest + 1, 10**400):
        with pytest.raises(InvalidArgument, match=f"{setting} must be"):
            small_config(**{setting: value})


def test_a_suite_has_a_limit_and_a_short_message() -> None:
    with pytest.raises(InvalidArgument, match=r"at most 10000 names; got '10001 names'") as caught:
        small_config(suite=("Go",) * 10_001)
    assert len(str(caught.value)) < 200
