"""Ranking through its one door: what every strategy holds to, and what each is for."""

from __future__ import annotations

import numpy as np
import pytest

from medsynth_app.ranking.catalogue import DEFAULT, STRATEGIES, Reason, reason_words
from medsynth_app.ranking.classifier import learn, softmax
from medsynth_app.ranking.diverse import badge
from medsynth_app.ranking.features import main_axes, neighbours, squared_distances
from medsynth_app.ranking.pool import UNLABELLED, Batch, Pick, Pool
from medsynth_app.ranking.rank import LARGE, rank
from medsynth_app.ranking.unseen import unseen_share

NAMES = [entry.name for entry in STRATEGIES]
CLASSES = 4


def cells(counts: tuple[int, ...] = (60, 60, 60, 60), seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Four clouds in eight dimensions that touch, and the class of each cell."""
    rng = np.random.default_rng(seed)
    middles = 2.2 * np.eye(8)[:CLASSES]
    truth = np.repeat(np.arange(CLASSES), counts)
    features = middles[truth] + rng.normal(size=(len(truth), 8))
    return features.astype(np.float32), truth


def some_labels(truth: np.ndarray, each: int = 5) -> np.ndarray:
    labels = np.full(len(truth), UNLABELLED)
    for k in range(CLASSES):
        labels[np.flatnonzero(truth == k)[:each]] = k
    return labels


def chosen(features: np.ndarray, labels: np.ndarray, name: str, budget: int, seed: int = 0,
           **known: np.ndarray) -> list[Pick]:
    return list(rank(Pool.of(features, labels, CLASSES, **known), name, budget, np.random.default_rng(seed)))


@pytest.mark.parametrize("name", NAMES)
def test_every_strategy_gives_new_cells_each_once_and_the_same_for_the_same_seed(name: str) -> None:
    features, truth = cells()
    labels = some_labels(truth)
    picks = chosen(features, labels, name, 30)
    found = [pick.cell for pick in picks]
    assert len(found) == len(set(found)) == 30
    assert (labels[found] == UNLABELLED).all()
    assert found == [pick.cell for pick in chosen(features, labels, name, 30)]
    for pick in picks:
        words = reason_words(pick.reason, [str(k) for k in pick.classes])
        assert words and "{" not in words


@pytest.mark.parametrize("name", NAMES)
def test_a_budget_above_the_pool_ranks_all_of_it(name: str) -> None:
    features, truth = cells((12, 12, 12, 12))
    picks = chosen(features, some_labels(truth), name, 1000)
    assert sorted(pick.cell for pick in picks) == np.flatnonzero(some_labels(truth) == UNLABELLED).tolist()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("labels", ["none", "one class", "one open cell"])
def test_too_little_to_learn_from_still_ranks(name: str, labels: str) -> None:
    features, truth = cells((10, 10, 10, 10))
    given = np.full(len(truth), UNLABELLED)
    if labels == "one class":
        given[:10] = 0
    if labels == "one open cell":
        given[1:] = truth[1:]
    picks = chosen(features, given, name, 5)
    assert len(picks) == (1 if labels == "one open cell" else 5)


@pytest.mark.parametrize("name", [each for each in NAMES if each != "random"])
def test_near_copies_come_after_everything_else(name: str) -> None:
    features, truth = cells((30, 30, 30, 30))
    labels = some_labels(truth)
    twice = np.concatenate([features, features + 1e-4])
    picks = chosen(twice, np.concatenate([labels, np.full(len(truth), UNLABELLED)]), name, 220)
    first = [pick.cell % len(truth) for pick in picks[:100]]
    assert len(set(first)) == 100
    assert {pick.reason for pick in picks[100:]} == {Reason.COPY}
    assert not {pick.cell for pick in picks[:100]} & set(len(truth) + np.flatnonzero(labels != UNLABELLED))


def test_bad_input_is_refused() -> None:
    features, truth = cells()
    with pytest.raises(ValueError, match="finite"):
        Pool.of(np.full_like(features, np.nan), truth, CLASSES)
    with pytest.raises(ValueError, match="outside"):
        Pool.of(features, truth + 1, CLASSES)
    with pytest.raises(ValueError, match="shape"):
        Pool.of(features, truth[1:], CLASSES)
    with pytest.raises(ValueError, match="budget"):
        chosen(features, some_labels(truth), "random", 0)
    with pytest.raises(KeyError):
        chosen(features, some_labels(truth), "none", 1)


def test_margin_and_entropy_are_sorted_as_by_hand() -> None:
    features, truth = cells()
    labels = some_labels(truth)
    known = labels != UNLABELLED
    shares = softmax(learn(features[known], labels[known], CLASSES).logits(features[~known]))
    two = np.sort(shares, axis=1)[:, -2:]
    place = np.flatnonzero(~known)
    assert [pick.cell for pick in chosen(features, labels, "margin", 20)] == \
        place[np.argsort(two[:, 1] - two[:, 0], kind="stable")[:20]].tolist()
    spread = -(shares * np.log(shares)).sum(axis=1)
    assert [pick.cell for pick in chosen(features, labels, "entropy", 20)] == place[np.argsort(-spread)[:20]].tolist()


def test_balanced_boundary_asks_for_the_class_with_the_fewest_labels() -> None:
    features, truth = cells((200, 200, 10, 10))
    labels = np.full(len(truth), UNLABELLED)
    for k, count in enumerate((20, 20, 3, 3)):
        labels[np.flatnonzero(truth == k)[:count]] = k
    picks = chosen(features, labels, "balanced-boundary", 20)
    assert [pick.classes[0] for pick in picks].count(2) == [pick.classes[0] for pick in picks].count(3) == 10
    rare = np.isin(truth[[pick.cell for pick in picks]], (2, 3)).sum()
    by_margin = np.isin(truth[[pick.cell for pick in chosen(features, labels, "margin", 20)]], (2, 3)).sum()
    assert rare > by_margin


def test_k_center_takes_the_farthest_each_time() -> None:
    features, truth = cells((15, 15, 15, 15))
    labels = some_labels(truth, 2)
    centres = list(np.flatnonzero(labels != UNLABELLED))
    for pick in chosen(features, labels, "k-center", 6):
        distances = squared_distances(features, features[centres]).min(axis=1)
        assert pick.cell == int(distances.argmax())
        assert pick.score == pytest.approx(float(distances.max()), rel=1e-3)
        centres.append(pick.cell)


def test_max_herding_adds_the_most_likeness_each_time() -> None:
    features, truth = cells((20, 20, 20, 20))
    labels = np.full(len(truth), UNLABELLED)
    table = squared_distances(features, features)
    likeness = np.exp(-table / (2 * np.median(np.sort(table, axis=1)[:, 20])))
    known = np.zeros(len(truth))
    for pick in chosen(features, labels, "maxherding", 6):
        gains = np.maximum(likeness - known, 0).mean(axis=1)
        assert gains[pick.cell] == pytest.approx(gains.max(), rel=1e-4)
        known = np.maximum(known, likeness[pick.cell])


def test_typiclust_takes_the_middle_of_each_cloud() -> None:
    rng = np.random.default_rng(3)
    truth = np.repeat(np.arange(CLASSES), 40)
    features = (12 * np.eye(8)[truth % CLASSES] + rng.normal(size=(160, 8))).astype(np.float32)
    picks = chosen(features, np.full(160, UNLABELLED), "typiclust", 4)
    assert sorted(truth[pick.cell] for pick in picks) == [0, 1, 2, 3]
    for pick in picks:
        own = features[truth == truth[pick.cell]]
        away = np.linalg.norm(own - own.mean(axis=0), axis=1)
        assert np.linalg.norm(features[pick.cell] - own.mean(axis=0)) < np.median(away)


def test_badge_measures_true_distances_between_gradients() -> None:
    features, truth = cells((15, 15, 15, 15))
    labels = some_labels(truth, 3)
    pool = Pool.of(features, labels, CLASSES)
    shares = pool.probabilities.copy()
    shares[np.arange(len(shares)), shares.argmax(axis=1)] -= 1
    gradients = (shares[:, :, None] * features[pool.open][:, None, :]).reshape(len(shares), -1)
    batch = Batch(pool, 12, radius=0)
    badge(pool, batch, np.random.default_rng(4))
    rng, expected = np.random.default_rng(4), [int((gradients**2).sum(axis=1).argmax())]
    while len(expected) < 12:  # k-means++ with every gradient written out
        away = ((gradients[:, None] - gradients[expected])**2).sum(axis=2).min(axis=1).astype(np.float64)
        expected.append(int(rng.choice(len(away), p=away / away.sum())))
    assert batch.cells == pool.open[expected].tolist()


def test_direct_and_galaxy_ask_where_a_class_ends() -> None:
    features = np.linspace(-1, 1, 201, dtype=np.float32)[:, None] * 10
    labels = np.full(201, UNLABELLED)
    labels[[0, 40, 80]], labels[[120, 160, 200]] = 0, 1
    for name in ("direct", "galaxy"):
        found = [pick.cell for pick in rank(Pool.of(features, labels, 2), name, 6, np.random.default_rng(0))]
        assert all(80 < cell < 120 for cell in found), name
        assert min(abs(cell - 100) for cell in found) <= 1, name


def test_sadafi_puts_images_of_unsure_rare_cells_first() -> None:
    features, truth = cells((100, 100, 100, 12))
    labels = some_labels(truth, 6)
    images = np.zeros(len(truth), np.int64)
    rare = np.flatnonzero((truth == 3) & (labels == UNLABELLED))
    images[rare] = 1
    images[:100] = np.arange(100) % 5 + 2
    picks = chosen(features, labels, "sadafi", len(truth))
    order = [images[pick.cell] for pick in picks if pick.reason is Reason.RARE]
    assert order  # one image after the other
    by_image = chosen(features, labels, "sadafi", 40, images=images)
    runs = [images[pick.cell] for pick in by_image]
    assert len([k for k in range(1, len(runs)) if runs[k] != runs[k - 1]]) <= len(set(runs))
    sure = np.ones(len(truth), np.float32)
    sure[rare] = 0.05
    unsure = chosen(features, labels, "sadafi", 6, confidence=sure)
    assert all(truth[pick.cell] == 3 for pick in unsure)


def test_dropquery_prefers_cells_whose_class_wavers() -> None:
    rng = np.random.default_rng(5)
    middles = 3 * np.kron(np.eye(CLASSES), np.ones(12))  # twelve features for each class
    truth = np.repeat(np.arange(CLASSES), 60)
    between = np.arange(len(truth)) % 6 == 0
    features = middles[truth] + 0.5 * rng.normal(size=(len(truth), middles.shape[1]))
    features[between] = (middles[truth[between]] + middles[(truth[between] + 1) % CLASSES]) / 2
    features[between] += 0.5 * rng.normal(size=features[between].shape)
    labels = np.where(between, UNLABELLED, some_labels(truth, 10))
    picks = chosen(features.astype(np.float32), labels, "dropquery", 20)
    assert between[[pick.cell for pick in picks]].mean() > 0.8


def test_above_a_hundred_thousand_cells_only_neighbours_are_looked_at() -> None:
    rng = np.random.default_rng(1)
    features = rng.normal(size=(LARGE + 2000, 4)).astype(np.float32)
    labels = np.full(len(features), UNLABELLED)
    labels[:20] = np.arange(20) % 2
    picks = chosen(features, labels, "margin", 10)
    assert len({pick.cell for pick in picks}) == 10
    near = neighbours(features, np.arange(3), 4)
    expected = {int(k) for row in range(3) for k in np.argsort(((features - features[row])**2).sum(axis=1))[:4]}
    assert set(near.tolist()) == expected


def test_axes_are_half_whitened_and_of_one_scale() -> None:
    rng = np.random.default_rng(2)
    embeddings = rng.normal(size=(500, 40)).astype(np.float32) * 7 + 100
    features = main_axes(embeddings, rng).of(embeddings)
    assert features.shape == (500, 40)
    assert features.var(axis=0).mean() == pytest.approx(1, rel=1e-2)
    along = np.linalg.eigvalsh(np.cov(embeddings.T))[::-1]
    halved = features.var(axis=0)  # along axes whose variances are the roots of what they were
    assert np.allclose(halved / halved[0], np.sqrt(along / along[0]), rtol=1e-2)
    assert not main_axes(np.ones((9, 3)), rng).of(np.ones((9, 3))).any()


def test_the_default_is_the_first_and_random_is_there() -> None:
    assert NAMES[:2] == [DEFAULT, "random"]


def test_unseen_share() -> None:
    found = unseen_share([30, 20, 1, 1])
    assert found.share == pytest.approx(2 / 52)
    assert found.share < found.at_most <= 1
    with pytest.raises(ValueError, match="label"):
        unseen_share([0, 0])
