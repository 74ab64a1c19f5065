"""Calibration against netcal, closed forms and temperatures that are known."""

import numpy as np
import pytest
import torch
from netcal.metrics import ECE
from scipy.special import log_softmax, softmax

from transferscope.errors import InputError
from transferscope.protocols.calibration import TEMPERATURE_RANGE, calibrate, fit_temperature, reliability


def calibrated(samples, classes=5, seed=0, spread=2.0):
    """Logits and labels drawn from them: a perfectly calibrated probe."""
    rng = np.random.default_rng(seed)
    logits = spread * rng.normal(size=(samples, classes))
    labels = (softmax(logits, axis=1).cumsum(axis=1) < rng.random((samples, 1))).sum(axis=1)
    return logits, labels


def negative_log_likelihood(logits, labels, temperature):
    return -log_softmax(logits / temperature, axis=1)[np.arange(len(labels)), labels].mean()


def confident(confidence, right, samples):
    """Two-class logits of one confidence, and labels of which a share ``right`` agrees."""
    logits = np.tile([np.log(confidence / (1 - confidence)), 0.0], (samples, 1))
    return logits, (np.arange(samples) >= right * samples).astype(int)


@pytest.mark.parametrize("sharpening", [0.5, 1.0, 3.0])
def test_ece_agrees_with_netcal(sharpening):
    logits, labels = calibrated(4000)
    logits = logits * sharpening
    expected = ECE(bins=15).measure(softmax(logits, axis=1), labels)
    assert reliability(logits, labels).ece == pytest.approx(expected, abs=1e-12)


def test_ece_of_constant_confidence_is_its_distance_from_the_accuracy():
    logits, labels = confident(0.9, 0.7, 1000)
    diagram = reliability(logits, labels)
    assert diagram.ece == pytest.approx(0.2)
    assert diagram.count.tolist() == [0] * 13 + [1000, 0]
    assert diagram.confidence[13] == pytest.approx(0.9) and diagram.accuracy[13] == pytest.approx(0.7)
    assert diagram.confidence[14] == 0 and diagram.accuracy[14] == 0


def test_ece_vanishes_for_perfect_calibration():
    logits, labels = confident(0.75, 0.75, 1000)
    assert reliability(logits, labels).ece == pytest.approx(0, abs=1e-12)


def test_gaps_are_weighted_by_their_bins_and_opposite_gaps_do_not_cancel():
    high, low = confident(0.9, 0.8, 300), confident(0.6, 0.8, 100)
    logits, labels = (np.concatenate(parts) for parts in zip(high, low, strict=True))
    assert reliability(logits, labels).ece == pytest.approx(0.75 * 0.1 + 0.25 * 0.2)


def test_confidence_on_an_edge_is_in_the_lower_bin():
    assert reliability(np.zeros((4, 5)), np.arange(4)).count.tolist() == [0, 0, 4] + [0] * 12


def test_confidence_of_one_is_in_the_last_bin():
    diagram = reliability(np.array([[1000.0, 0.0], [0.0, 1000.0]]), np.array([0, 0]))
    assert diagram.count[-1] == 2 and diagram.ece == pytest.approx(0.5)


@pytest.mark.parametrize("factor", [0.02, 0.5, 1.0, 7.0, 300.0])
def test_temperature_recovers_a_known_factor(factor):
    logits, labels = calibrated(50_000)
    base = fit_temperature(logits, labels)
    assert base == pytest.approx(1, abs=0.02)
    assert fit_temperature(factor * logits, labels) == pytest.approx(factor * base, rel=1e-6)


def test_temperature_minimises_the_likelihood():
    logits, labels = calibrated(300)
    best = fit_temperature(4 * logits, labels)
    around = best * np.exp(np.linspace(-0.5, 0.5, 101))
    losses = [negative_log_likelihood(4 * logits, labels, temperature) for temperature in around]
    assert np.argmin(losses) == 50


def test_temperature_has_a_closed_form_at_constant_confidence():
    logits, labels = confident(0.95, 0.8, 1000)
    assert fit_temperature(logits, labels) == pytest.approx(np.log(0.95 / 0.05) / np.log(0.8 / 0.2))


def test_temperature_stops_at_the_ends_of_its_range():
    logits, _ = calibrated(100)
    sharpest, flattest = TEMPERATURE_RANGE
    assert fit_temperature(logits, logits.argmax(axis=1)) == sharpest
    assert fit_temperature(logits, logits.argmin(axis=1)) == flattest


def test_temperature_does_not_lose_shifted_float32_logits():
    logits, labels = calibrated(2000)
    shifted = (logits + 500).astype(np.float32)
    assert fit_temperature(shifted, labels) == pytest.approx(fit_temperature(logits, labels), rel=1e-4)


def test_calibrate_repairs_overconfidence_both_ways():
    val, test = calibrated(4000, seed=1), calibrated(5000, seed=2)
    result = calibrate(4 * val[0], val[1], 4 * test[0], test[1], seed=0, folds="whole")
    assert result.temperature_val == pytest.approx(4, rel=0.1)
    assert result.temperatures == pytest.approx([4] * 5, rel=0.2)
    assert result.ece > 0.1
    assert result.ece_scaled < 0.03 and result.ece_scaled_val < 0.03
    assert (result.ece, result.ece_scaled_val) == (result.before.ece, result.after.ece)


def test_folds_fit_on_one_fifth_and_measure_on_the_rest():
    logits, labels = calibrated(503)
    folds = np.array_split(np.random.default_rng(9).permutation(503), 5)
    temperatures, errors = [], []
    for number, fold in enumerate(folds):
        rest = np.concatenate(folds[:number] + folds[number + 1 :])
        temperatures.append(fit_temperature(3 * logits[fold], labels[fold]))
        probabilities = softmax(3 * logits[rest] / temperatures[-1], axis=1)
        errors.append(ECE(bins=15).measure(probabilities, labels[rest]))
    result = calibrate(logits, labels, 3 * logits, labels, seed=9, folds="whole")
    assert result.temperatures == pytest.approx(temperatures)
    assert result.ece_scaled == pytest.approx(np.mean(errors), abs=1e-9)
    assert (
        calibrate(logits, labels, 3 * logits, labels, seed=8, folds="whole").temperatures
        != result.temperatures
    )


def test_the_authors_folds_are_those_of_their_code():
    logits, labels = calibrated(503)
    indices = list(range(503))
    np.random.seed(9)  # noqa: NPY002 (as their code does)
    np.random.shuffle(indices)  # noqa: NPY002
    folds = [part.numpy() for part in torch.tensor(indices).split(100)[:5]]
    expected = [fit_temperature(3 * logits[fold], labels[fold]) for fold in folds]
    rests = [np.concatenate(folds[:number] + folds[number + 1 :]) for number in range(5)]
    errors = [
        reliability(3 * logits[rest], labels[rest], temperature).ece
        for rest, temperature in zip(rests, expected, strict=True)
    ]
    result = calibrate(logits, labels, 3 * logits, labels, seed=9, folds="ericsson2021")
    assert result.temperatures == pytest.approx(expected)
    assert result.ece_scaled == pytest.approx(np.mean(errors))
    assert {len(rest) for rest in rests} == {400}  # three samples are in no fold


def test_bad_input_is_refused():
    logits, labels = calibrated(20)
    with pytest.raises(InputError, match="single-label"):
        reliability(logits, np.eye(5, dtype=int)[labels])
    with pytest.raises(InputError, match="there are 2 classes"):
        reliability(logits[:, :2], np.full(20, 4))
    with pytest.raises(InputError, match="NaN"):
        fit_temperature(np.full_like(logits, np.inf), labels)
    with pytest.raises(InputError, match="4 samples"):
        calibrate(logits, labels, logits[:4], labels[:4], seed=0, folds="whole")
    assert len(calibrate(logits, labels, logits[:5], labels[:5], seed=0, folds="whole").temperatures) == 5
