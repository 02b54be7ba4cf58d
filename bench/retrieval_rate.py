"""Speed and faithfulness of retrieval negatives over a corpus of generated captions.

    python bench/retrieval_rate.py                  # 100,000 captions, top 100; a few minutes on two cores
    python bench/retrieval_rate.py --num 10000

- *Embedding*: TF-IDF over words and letters in 768 dimensions. *Search*: the top 100 of every caption, against
  all (exact) and by an inverted file (IVF), by FAISS; recall@100 is that of IVF against exact.
- *Plain*: what scikit-learn offers, sparse TF-IDF times its transpose, block by block and sorted, as
  `nearest_captions` does. One block of 1,024 captions against the whole corpus is timed and scaled up, its fitting
  counted once. The ratio is plain ÷ (embedding + exact search), in wall time of the same run.
- *Agreement* of the 768 dimensions with the sparse features they stand for: the share of the top 100 that both have,
  and how many of a caption's names of points (AB, ABC) the captions nearest to it hold, by either.
- *Blind*: Hit@1 of `dataset_builders.audit.without_anchor`, which sees only texts, on 5,000 anchors with 10 negatives,
  chosen the exchangeable way and the paper's; chance is 9.1.

Peak memory is that of the process up to there, Python and its libraries included. Goals: at least 10 times the plain
way, and blind within 3 points of chance where exchangeable. Exit status 1 if missed.
"""

import argparse
import re
import resource
import sys
import time

import faiss
import numpy as np
import scipy.sparse as sp

from dataset_builders.audit import without_anchor
from dataset_builders.diagram.caption import caption
from dataset_builders.diagram.sample import sample_program
from dataset_builders.negatives.embedding import embed, vectorizers
from dataset_builders.negatives.retrieval import retrieval_negatives, top_k

SEED = 0
TOP = 100
NUM_NEGATIVES = 10
SAMPLE = 1024  # captions on which the plain way is timed and agreement is counted
ANCHORS = 5_000  # that the blind baseline judges
TIMES_PLAIN, POINTS = 10.0, 3.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num", type=int, default=100_000, help="captions in the corpus")
    num = parser.parse_args().num
    captions = generated_captions(num)
    print(f"{len(captions):,} different captions, top {TOP}, {faiss.omp_get_max_threads()} threads, seed {SEED}\n")
    start = peak_mib()

    embedding, vectors = timed(lambda: embed(captions))
    search, (_, exact) = timed(lambda: top_k(vectors, vectors, TOP + 1, exact=True))
    print(f"peak memory: {peak_mib():,.0f} MiB, of these {start:,.0f} with only the captions")
    inverted, (_, approximate) = timed(lambda: top_k(vectors, vectors, TOP + 1, exact=False))
    print(f"recall@{TOP} of IVF against exact: {recall(approximate, exact):.3f}")

    rng = np.random.default_rng(SEED)
    queries = np.sort(rng.choice(len(captions), min(SAMPLE, len(captions)), replace=False))
    fitting, features = timed(lambda: sparse_features(captions))
    one_block, plain = timed(lambda: plain_top(features, queries))
    plain_seconds = fitting + one_block * len(captions) / len(queries)

    print("\n| step | seconds | captions/s |\n| --- | ---: | ---: |")
    ours = embedding + search
    for name, seconds in (
        ("embedding", embedding),
        ("search, exact", search),
        ("search, IVF (with building it)", inverted),
        ("embedding + exact search", ours),
        ("plain, scaled up", plain_seconds),
    ):
        print(f"| {name} | {seconds:.1f} | {len(captions) / seconds:,.0f} |")
    ratio = plain_seconds / ours
    print(f"\nplain / (embedding + exact search): {ratio:.1f}; / (embedding + IVF): ", end="")
    print(f"{plain_seconds / (embedding + inverted):.1f}")
    print(f"agreement with the sparse features, top {TOP}: {recall(exact[queries], plain):.3f}")
    by_dense, by_sparse = (names_shared(captions, queries, found) for found in (exact[queries], plain))
    print(f"names shared with the nearest ten: {by_dense:.3f}, by the sparse features {by_sparse:.3f}")

    differences = {exchangeable: blind(captions, exchangeable) for exchangeable in (True, False)}
    met = ratio >= TIMES_PLAIN and abs(differences[True]) <= POINTS
    print(f"\nGoals, at least {TIMES_PLAIN:g} x plain and blind within {POINTS:g} points of chance: ", end="")
    print("met." if met else "MISSED.")
    return 0 if met else 1


def generated_captions(count: int) -> list[str]:
    """Different captions of random programs of 2 to 5 facts, in wordings of their own."""
    texts: dict[str, None] = {}
    number = 0
    while len(texts) < count:
        rng = np.random.default_rng([SEED, number])
        program, _ = sample_program(rng, int(rng.integers(2, 6)))
        texts[caption(program, int(rng.integers(2**31)))] = None
        number += 1
    return list(texts)


def sparse_features(captions: list[str]) -> sp.csr_matrix:
    return sp.hstack([vectorizer.fit_transform(captions) for vectorizer in vectorizers()], format="csr")


def plain_top(features: sp.csr_matrix, queries: np.ndarray) -> np.ndarray:
    similarity = (features[queries] @ features.T).toarray()
    return np.array([np.argsort(-row, kind="stable")[: TOP + 1] for row in similarity])


def recall(found: np.ndarray, wanted: np.ndarray) -> float:
    return float(np.mean([len(set(f) & set(w)) / len(w) for f, w in zip(found, wanted, strict=True)]))


def names_shared(captions: list[str], queries: np.ndarray, found: np.ndarray) -> float:
    """Of a caption's names of two or more points, the mean share that each of the ten nearest others holds."""
    shares = []
    for query, row in zip(queries, found, strict=True):
        own = set(re.findall(r"[A-Z]{2,}", captions[query]))
        for other in [position for position in row if position != query][:10] if own else []:
            shares.append(len(own & set(re.findall(r"[A-Z]{2,}", captions[other]))) / len(own))
    return float(np.mean(shares))


def blind(captions: list[str], exchangeable: bool) -> float:
    """Prints and returns Hit@1 without the image, in points above chance."""
    seconds, negatives = timed(
        lambda: retrieval_negatives(captions, NUM_NEGATIVES, SEED, choice="top", exchangeable=exchangeable)
    )
    anchors = np.random.default_rng(SEED).permutation(len(captions))[:ANCHORS]
    rows = [[captions[i], *(captions[j] for j in negatives.rows[i])] for i in anchors]
    lengths = np.array(list(map(len, rows)))
    scores = without_anchor(None, rows)
    hit = 100 * np.mean([np.argmax(row) == 0 for row in scores])
    chance = 100 * np.mean(1 / lengths)
    cosine = np.mean([np.mean(negatives.scores[i]) for i in anchors if negatives.scores[i]])
    print(
        f"blind, {'exchangeable' if exchangeable else 'paper':12}: Hit@1 {hit:.1f} (chance {chance:.1f}), "
        f"mean cosine with the positive {cosine:.3f}, {len(captions) / seconds:,.0f} captions/s in all, "
        f"shortfalls {dict(negatives.shortfalls)}"
    )
    return hit - chance


def timed(work):
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
