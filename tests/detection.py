"""Mean average precision of FastestDet outputs, as ../shared/models/README.md defines it."""

import numpy as np
from numpy.typing import NDArray

GRID = 22
LEAST_SCORE = 0.01
OVERLAP = 0.5
SUPPRESS = 0.45
Floats = NDArray[np.float64]


def mean_average_precision(outputs: NDArray, boxes: NDArray) -> float:
    """mAP@0.5 of outputs (N, 85, 22, 22) against boxes (M, 6): image, class, cx, cy, w, h."""
    found = [_detections(output.astype(np.float64)) for output in outputs]
    classes = np.unique(boxes[:, 1]).astype(int)
    return float(np.mean([_average_precision(found, boxes, kind) for kind in classes]))


def _detections(output: Floats) -> Floats:
    """Rows (class, score, x1, y1, x2, y2) of one image after suppression."""
    row, column = np.mgrid[:GRID, :GRID]
    kind = output[5:].argmax(0)
    score = output[0] ** 0.6 * output[5:].max(0) ** 0.4
    cx, cy = (column + np.tanh(output[1])) / GRID, (row + np.tanh(output[2])) / GRID
    w, h = (1 / (1 + np.exp(-output[i])) for i in (3, 4))
    rows = np.stack([kind, score, cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], -1)
    rows = rows.reshape(-1, 6)
    rows = rows[rows[:, 1] > LEAST_SCORE]
    kept = []
    for one in np.unique(rows[:, 0]):
        left = rows[rows[:, 0] == one]
        left = left[np.argsort(-left[:, 1], kind="stable")]
        while len(left):
            kept.append(left[0])
            left = left[1:][_overlaps(left[0, 2:], left[1:, 2:]) <= SUPPRESS]
    return np.array(kept).reshape(-1, 6)


def _overlaps(box: Floats, others: Floats) -> Floats:
    """Intersection over union of `box` with each of `others`."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    common = np.clip(high - low, 0, None).prod(1)
    areas = (others[:, 2:] - others[:, :2]).prod(1) + (box[2:] - box[:2]).prod()
    return common / np.maximum(areas - common, 1e-12)


def _average_precision(found: list[Floats], boxes: NDArray, kind: int) -> float:
    """Average precision of a class, at 101 recalls."""
    truth = boxes[boxes[:, 1] == kind]
    rows = [(row[1], image, row[2:]) for image, r in enumerate(found) for row in r[r[:, 0] == kind]]
    rows.sort(key=lambda item: -item[0])
    taken: set[tuple[int, int]] = set()
    hits = []
    for _, image, box in rows:
        mine = truth[truth[:, 0] == image]
        corners = np.concatenate(
            [mine[:, 2:4] - mine[:, 4:] / 2, mine[:, 2:4] + mine[:, 4:] / 2], 1
        )
        overlaps = _overlaps(box, corners) if len(mine) else np.zeros(0)
        best = int(overlaps.argmax()) if len(overlaps) else -1
        hit = best >= 0 and overlaps[best] >= OVERLAP and (image, best) not in taken
        if hit:
            taken.add((image, best))
        hits.append(hit)
    if not hits:
        return 0.0
    right = np.cumsum(hits)
    recall, precision = right / len(truth), right / np.arange(1, len(hits) + 1)
    best_from = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(recall, np.linspace(0, 1, 101))
    return float(
        np.where(places < len(hits), best_from[np.minimum(places, len(hits) - 1)], 0).mean()
    )
