"""Few-shot episodes: how they are drawn, and their accuracies against scikit-learn."""

import numpy as np
import pytest
from scipy.stats import chisquare
from sklearn.neighbors import NearestCentroid

from transferscope.errors import InputError
from transferscope.protocols.probes import fewshot
from transferscope.protocols.probes.fewshot import Episodes, episode_accuracies

# The paper's episodes, where a test says nothing else.
PAPER = {"ways": 5, "queries": 15, "episodes": 600}


def draw_episodes(labels, shots, **changes):
    return fewshot.draw_episodes(labels, shots, **PAPER | changes)


def fewshot_probe(features, labels, shots=(5, 20, 50), **changes):
    return fewshot.fewshot_probe(features, labels, shots=shots, **PAPER | changes)


@pytest.fixture(scope="module")
def dataset():
    """Features [400, 32] and labels [400] of eight classes in mixed order, far from the origin."""
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.repeat([0, 1, 2, 3, 5, 8, 13, 21], 50))
    centres = rng.normal(size=(22, 32))
    features = 100 + centres[labels] + 2 * rng.normal(size=(400, 32))
    return features.astype(np.float32), labels


@pytest.mark.parametrize("shots", [1, 5, 20])
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # its variances of one-sample classes
def test_agrees_with_scikit_learn(dataset, shots):
    features, labels = dataset
    episodes = draw_episodes(labels, shots, episodes=60, seed=1)
    expected = [
        NearestCentroid()
        .fit(features[support.ravel()].astype(np.float64), labels[support.ravel()])
        .score(features[query.ravel()].astype(np.float64), labels[query.ravel()])
        for support, query in zip(episodes.support, episodes.query, strict=True)
    ]
    np.testing.assert_allclose(episode_accuracies(features, episodes), expected)


def test_hand_worked_episode():
    # Means at 1 and 10; 5 goes to the first, 6 to the second.
    features = np.array([[0], [2], [9], [11], [5], [6]], dtype=np.float32)
    episodes = Episodes(support=np.array([[[0, 1], [2, 3]]]), query=np.array([[[4, 5], [5, 5]]]), classes=2)
    assert episode_accuracies(features, episodes).tolist() == [0.75]


def test_a_sample_is_in_an_episode_once_and_stands_for_its_class(dataset):
    _, labels = dataset
    episodes = draw_episodes(labels, 20, seed=0)
    assert episodes.support.shape == (600, 5, 20) and episodes.query.shape == (600, 5, 15)
    together = np.concatenate([episodes.support, episodes.query], axis=2)
    assert all(len(np.unique(episode)) == 5 * 35 for episode in together)
    classes = labels[together]
    assert (classes == classes[:, :, :1]).all()
    assert all(len(np.unique(episode)) == 5 for episode in classes[:, :, 0])


def test_classes_and_samples_are_drawn_uniformly(dataset):
    _, labels = dataset
    episodes = draw_episodes(labels, 5, episodes=4000, seed=0)
    # Draws without replacement vary less than the chi-square test supposes, so a uniform one passes.
    ways = np.unique(labels, return_inverse=True)[1][episodes.query[:, :, 0]]
    for way in range(5):
        assert chisquare(np.bincount(ways[:, way], minlength=8)).pvalue > 1e-3
    for rows in (episodes.support[:, :, 0], episodes.support, episodes.query):
        assert chisquare(np.bincount(rows.ravel(), minlength=400)).pvalue > 1e-3


def test_episodes_depend_on_the_seed_and_not_on_the_other_shots(dataset):
    features, labels = dataset
    one = fewshot_probe(features, labels, shots=(5,), episodes=20, seed=3)
    more = fewshot_probe(features, labels, shots=(20, 5, 1), episodes=20, seed=3)
    assert list(more) == [20, 5, 1]
    np.testing.assert_array_equal(one[5].accuracies, more[5].accuracies)
    other = draw_episodes(labels, 5, episodes=20, seed=4)
    assert (other.query != draw_episodes(labels, 5, episodes=20, seed=3).query).any()
    # The streams differ from their first draw on: one stream would give all shots the same first classes.
    first = {
        shots: [
            labels[draw_episodes(labels, shots, episodes=1, seed=seed).query[0, :, 0]] for seed in range(9)
        ]
        for shots in (5, 20)
    }
    assert not np.array_equal(first[5], first[20])


def test_result_is_the_mean_and_its_interval(dataset):
    features, labels = dataset
    result = fewshot_probe(features, labels, shots=(5,), episodes=50, seed=0)[5]
    accuracies = episode_accuracies(features, draw_episodes(labels, 5, episodes=50, seed=0))
    assert result.accuracy == pytest.approx(np.mean(accuracies))
    assert result.ci95 == pytest.approx(1.96 * np.std(accuracies) / np.sqrt(50))
    assert 0.2 < result.accuracy < 1


def test_more_queries_and_ways_than_the_paper(dataset):
    features, labels = dataset
    result = fewshot_probe(features, labels, shots=(2,), ways=8, queries=40, episodes=5, seed=0)[2]
    assert np.allclose(result.accuracies * 320, np.round(result.accuracies * 320))


def test_bad_input_is_refused(dataset):
    features, labels = dataset
    with pytest.raises(InputError, match=r"0 of 8 classes have the 65 images .* leave 50 out of .*`shots`"):
        fewshot_probe(features, labels, seed=0)
    with pytest.raises(InputError, match=r"8 of 8 classes .* but an episode has 9 classes"):
        fewshot_probe(features, labels, shots=(5,), ways=9, seed=0)
    with pytest.raises(InputError, match="do not fit"):
        fewshot_probe(features[:-1], labels, shots=(5,), seed=0)
    with pytest.raises(InputError, match="NaN"):
        fewshot_probe(features * np.nan, labels, shots=(5,), seed=0)
    assert draw_episodes(labels, 35, episodes=2, seed=0).support.shape == (2, 5, 35)  # exactly enough


def test_a_class_that_is_too_small_is_never_drawn(dataset):
    features, labels = dataset
    kept = np.flatnonzero((labels != 5) | (np.cumsum(labels == 5) <= 19))  # 19 of the 20 images needed
    episodes = draw_episodes(labels[kept], 5, episodes=100, seed=0)
    drawn = labels[kept][np.concatenate([episodes.support, episodes.query], axis=2)]
    assert set(np.unique(drawn)) == set(np.unique(labels)) - {5}
    outcome = fewshot_probe(features[kept], labels[kept], shots=(4, 5), episodes=10, seed=0)
    assert (outcome[4].classes, outcome[5].classes) == (8, 7)
