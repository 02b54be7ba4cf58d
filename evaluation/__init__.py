"""How good an encoder is: ranking diagrams and captions among look-alikes."""

from .retrieval import Hits, hits_of, paired_difference, ranking_scores

__all__ = ["Hits", "hits_of", "paired_difference", "ranking_scores"]
