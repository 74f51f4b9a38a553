# Prints the numbers that linear_classifier_test.cpp expects, as the definition written again in numpy computes them:
#     pip install numpy && python3 make_classifier_golden.py
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "conformance"))
import linear_classifier as reference  # noqa: E402


def noise(i):
    return ((2654435761 * i + 12345) % 2**32) / 2**31 - 1


# As in the test: a feature that leans to each class, one far from 0, one that is constant, one that hardly varies, noise.
ROWS, COLUMNS, CLASSES = 83, 9, 3
labels = [(i * i + i // 7) % CLASSES for i in range(ROWS)]
x = np.zeros((ROWS, COLUMNS), dtype=np.float32)
for i in range(ROWS):
    for j in range(COLUMNS):
        value = noise(i * COLUMNS + j)
        if j < CLASSES:
            value += 0.7 * (labels[i] == j)
        if j == 3:
            value = 4096 + 0.25 * value + 0.125 * (labels[i] == 1)
        if j == 4:
            value = -2.5
        if j == 5:
            value = 1 if i == 40 else 0
        x[i, j] = value
predicted, ridges = reference.cross_validated(x, labels, CLASSES)
print("folds", "".join(str(reference.fold_of(i)) for i in range(40)))
print("predicted", "".join(map(str, predicted)))
print("right", (predicted == labels).sum(), "ridges", ridges)
a = np.array([[4, 1, 0.5], [1, 3, -1], [0.5, -1, 2]])
print("ridge", np.linalg.solve(a + 0.25 * np.eye(3), np.array([[1, 2, 3], [-1, 0, 4.0]]).T).T)
