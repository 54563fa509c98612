"""A Gaussian process that says what a configuration not yet tried would score, and how sure that is.

Rasmussen and Williams 2006, algorithm 2.1 and equation 5.9, with a Matérn 5/2 kernel and one length scale a hyperparameter. The scales have
a prior (a log-normal that grows with the square root of their number, after Hvarfner, Hellsten and Nardi 2024), without which 20 trials in
10 dimensions are explained by whatever dimension happens to fit. scikit-learn's process has no priors, and takes seconds for 200 trials.
"""

import numpy as np
import scipy.linalg
import scipy.optimize

_SQRT5 = np.sqrt(5.0)
_NOISE_PRIOR = (np.log(1e-2), 1.5)
_AMPLITUDE_PRIOR = (0.0, 0.7)
_LENGTH_DEVIATION = 1.0


class GaussianProcess:
    """A regression on points of a unit cube.

    Args:
        groups: which hyperparameter each axis is of, integers from 0. Axes of one group share a length scale.

    Example:
        ```python
        import numpy
        from hornbook.tuning.oracles.surrogate import GaussianProcess

        points = numpy.linspace(0, 1, 8)[:, None]
        mean, deviation = GaussianProcess([0]).fit(points, numpy.sin(6 * points[:, 0])).predict(points)
        ```
    """

    def __init__(self, groups):
        self.groups = np.asarray(groups)
        self.num_groups = int(self.groups.max()) + 1 if len(self.groups) else 0
        length = np.log(0.3 * np.sqrt(max(self.num_groups, 1)))
        self._means = np.array([*[length] * self.num_groups, _AMPLITUDE_PRIOR[0], _NOISE_PRIOR[0]])
        self._deviations = np.array([*[_LENGTH_DEVIATION] * self.num_groups, _AMPLITUDE_PRIOR[1], _NOISE_PRIOR[1]])
        self._theta = self._means.copy()

    def fit(self, points, values):
        """Choose the scales that make `values` (n,), standardized here, most probable at `points` (n, axes).

        Returns:
            self.
        """
        self._points = np.asarray(points, np.float64)
        self._shift, self._scale = float(np.mean(values)), float(np.std(values)) or 1.0
        standardized = (np.asarray(values, np.float64) - self._shift) / self._scale
        distances = self._distances(self._points, self._points)
        found = scipy.optimize.minimize(
            self._loss, self._theta, args=(distances, standardized), jac=True, method="L-BFGS-B",
            bounds=[*[(-4.0, 4.0)] * self.num_groups, (-4.0, 3.0), (-14.0, 1.0)], options={"maxiter": 40},
        )  # fmt: skip
        self._theta = found.x
        self._factor = scipy.linalg.cholesky(self._covariance(distances) + self._noise(len(values)), lower=True)
        self._weights = scipy.linalg.cho_solve((self._factor, True), standardized)
        return self

    def predict(self, points):
        """The mean and the standard deviation, without noise, at `points` (n, axes): two arrays (n,)."""
        covariance = self._covariance(self._distances(np.asarray(points, np.float64), self._points))
        solved = scipy.linalg.solve_triangular(self._factor, covariance.T, lower=True)
        variance = np.exp(self._theta[-2]) - np.sum(solved**2, axis=0)
        return self._shift + self._scale * (covariance @ self._weights), self._scale * np.sqrt(np.maximum(variance, 1e-12))

    def with_points(self, points):
        """A process that takes its own means at further points (m, axes), of trials that are running, for values (a Kriging believer)."""
        other = GaussianProcess(self.groups)
        mean, _ = self.predict(points)
        other._theta, other._shift, other._scale = self._theta, self._shift, self._scale
        other._points = np.concatenate([self._points, points])
        values = np.concatenate([self._values(), (mean - self._shift) / self._scale])
        distances = other._distances(other._points, other._points)
        other._factor = scipy.linalg.cholesky(other._covariance(distances) + other._noise(len(values)), lower=True)
        other._weights = scipy.linalg.cho_solve((other._factor, True), values)
        return other

    def _values(self):
        return self._factor @ (self._factor.T @ self._weights)

    def _noise(self, number):
        return (np.exp(self._theta[-1]) + 1e-8) * np.eye(number)

    def _distances(self, first, second):
        """Squared distances (groups, n, m); two different words are at distance 1, as the ends of a range are."""
        squared = np.zeros((self.num_groups, len(first), len(second)))
        sizes = np.bincount(self.groups, minlength=self.num_groups)
        for axis, group in enumerate(self.groups):
            squared[group] += (first[:, axis, None] - second[None, :, axis]) ** 2 / (1.0 if sizes[group] == 1 else 2.0)
        return squared

    def _covariance(self, distances):
        radius = np.sqrt(np.tensordot(np.exp(-2 * self._theta[:-2]), distances, axes=1))
        return np.exp(self._theta[-2]) * (1 + _SQRT5 * radius + 5 / 3 * radius**2) * np.exp(-_SQRT5 * radius)

    def _loss(self, theta, distances, values):
        """Minus the log posterior of the scales, and its gradient."""
        inverse_squares = np.exp(-2 * theta[:-2])
        radius = np.sqrt(np.tensordot(inverse_squares, distances, axes=1))
        decay = np.exp(theta[-2] - _SQRT5 * radius)
        kernel = (1 + _SQRT5 * radius + 5 / 3 * radius**2) * decay
        noise = np.exp(theta[-1])
        try:
            factor = scipy.linalg.cholesky(kernel + (noise + 1e-8) * np.eye(len(values)), lower=True)
        except scipy.linalg.LinAlgError:
            return 1e10, np.zeros_like(theta)
        weights = scipy.linalg.cho_solve((factor, True), values)
        prior = (theta - self._means) / self._deviations
        loss = 0.5 * values @ weights + np.sum(np.log(np.diag(factor))) + 0.5 * prior @ prior
        slope = scipy.linalg.cho_solve((factor, True), np.eye(len(values))) - np.outer(weights, weights)
        by_length = 0.5 * np.tensordot(distances, slope * (5 / 3 * (1 + _SQRT5 * radius) * decay), axes=2) * inverse_squares
        gradient = np.array([*by_length, 0.5 * np.sum(slope * kernel), 0.5 * noise * np.trace(slope)])
        return loss, gradient + prior / self._deviations
