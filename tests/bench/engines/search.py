"""The k best rows of each query by dot product, exact: faiss, usearch, torch, numpy.

job: {"rows": rows.npy [N, D] f32, "queries": queries.npy [Q, D] f32, "k": K, "threads": N}
A result is [Q, K] i64, the best first.
"""

import numpy as np


def _int64(indices) -> np.ndarray:
    return np.asarray(indices).astype(np.int64)


def faiss(job: dict):
    import faiss as library

    library.omp_set_num_threads(job["threads"])
    rows, queries = np.load(job["rows"]), np.load(job["queries"])
    index = library.IndexFlatIP(rows.shape[1])
    index.add(rows)
    return lambda: index.search(queries, job["k"])[1], _int64


def usearch(job: dict):
    from usearch.index import MetricKind, search

    rows, queries = np.load(job["rows"]), np.load(job["queries"])

    def call():
        return search(
            rows, queries, job["k"], MetricKind.IP, exact=True, threads=job["threads"]
        ).keys

    return call, _int64


def torch(job: dict):
    import torch as library

    library.set_num_threads(job["threads"])
    rows = library.from_numpy(np.load(job["rows"]))
    queries = library.from_numpy(np.load(job["queries"]))

    def call():
        with library.inference_mode():
            return library.topk(queries @ rows.T, job["k"]).indices

    return call, _int64


def numpy(job: dict):
    rows, queries = np.load(job["rows"]), np.load(job["queries"])
    k = job["k"]

    def call():
        scores = queries @ rows.T
        best = np.argpartition(scores, -k, axis=1)[:, -k:]
        order = np.argsort(-np.take_along_axis(scores, best, 1), axis=1, kind="stable")
        return np.take_along_axis(best, order, 1)

    return call, _int64
