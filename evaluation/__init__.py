"""How good an encoder is: ranking diagrams and captions among look-alikes, beside baselines that lack the anchor."""

from .baselines import without_anchor
from .retrieval import Hits, hits_of, paired_difference, ranking_scores

__all__ = ["Hits", "hits_of", "paired_difference", "ranking_scores", "without_anchor"]
