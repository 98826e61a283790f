"""Pair found things with true things, as cheaply as possible in total."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def assign(costs: NDArray[np.float64]) -> list[tuple[int, int]]:
    """The pairing of rows and columns with the least total cost.

    Args:
        costs: (N, M), finite.

    Returns:
        min(N, M) pairs of row and column, by row.

    Source: the Hungarian method with potentials, O(N²M); Kuhn 1955, Munkres 1957, in Lopatin's short form.
    """
    if costs.size == 0:
        return []
    if costs.shape[0] > costs.shape[1]:
        return sorted((row, column) for column, row in assign(costs.T))
    rows, columns = costs.shape
    row_price, column_price = np.zeros(rows + 1), np.zeros(columns + 1)
    owner = np.zeros(columns + 1, int)  # 1-based row that holds each column; 0: free
    for row in range(1, rows + 1):
        owner[0] = row
        column = 0
        slack = np.full(columns + 1, np.inf)
        came_from = np.zeros(columns + 1, int)
        visited = np.zeros(columns + 1, bool)
        while owner[column]:
            visited[column] = True
            reduced = costs[owner[column] - 1] - row_price[owner[column]] - column_price[1:]
            better = ~visited[1:] & (reduced < slack[1:])
            slack[1:][better] = reduced[better]
            came_from[1:][better] = column
            column = int(np.where(visited, np.inf, slack)[1:].argmin()) + 1
            step = slack[column]
            row_price[owner[visited]] += step
            column_price[visited] -= step
            slack[~visited] -= step
        while column:
            previous = came_from[column]
            owner[column] = owner[previous]
            column = previous
    return sorted((int(owner[column]) - 1, column - 1) for column in range(1, columns + 1) if owner[column])


def assign_within(costs: NDArray[np.float64], most: float) -> list[tuple[int, int]]:
    """As `assign`, but pairs that cost more than `most` stay unpaired and do not sway the others."""
    pairs = assign(np.minimum(costs, most * 2 + 1))
    return [(row, column) for row, column in pairs if costs[row, column] <= most]
