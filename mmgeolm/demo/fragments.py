"""Pieces of HTML of the page. What comes from a user or a model is escaped: `Markup.format` sees to it."""

import numpy as np
from markupsafe import Markup

from dataset_builders.gallery import Comparison
from mmgeolm.demo.attribution import Attribution
from mmgeolm.demo.encoder import Encoder, Scores
from mmgeolm.demo.pictures import data_uri, painted

CSS = """
.gradio-container { width: 100%; max-width: 78rem !important; margin: 0 auto !important; }
.diagram img { width: 100%; height: 100%; object-fit: contain; }
.mm { font-size: var(--text-md); line-height: 1.5; color: var(--body-text-color); overflow-wrap: anywhere; }
.mm p { margin: .4rem 0; }
.mm .quiet, .mm .cosine, .mm thead th { opacity: .75; font-size: var(--text-sm); font-weight: 400; }
.mm .alert { margin: 0; padding: .6rem .8rem; border-left: 4px solid #c85000; background: #c8500022; }
.mm table { border-collapse: collapse; width: 100%; margin: .3rem 0; }
.mm table, .mm tr { border: 0 !important; }
.mm th, .mm td { padding: .35rem .5rem; border: 0; border-bottom: 1px solid var(--border-color-primary);
  text-align: left; vertical-align: middle; }
.mm td.bar { width: 15rem; white-space: nowrap; font-variant-numeric: tabular-nums; }
.mm table.two td.bar { width: 12rem; }
.mm .track { display: inline-block; width: 45%; height: .7rem; margin-right: .5rem; vertical-align: middle;
  background: var(--border-color-primary); border-radius: .2rem; overflow: hidden; }
.mm .fill { display: block; height: 100%; background: #8496c9; }
.mm .best .fill { background: #1f46d6; }
.mm .best { font-weight: 600; }
.mm .share { display: inline-block; width: 3.6rem; text-align: right; }
.mm .truth { white-space: nowrap; font-size: var(--text-sm); font-weight: 600; color: #187a3b; }
.mm .looks { display: flex; flex-wrap: wrap; gap: 1.2rem; }
.mm figure { margin: 0; flex: 1 1 15rem; max-width: 28rem; }
.mm img { display: block; width: 100%; height: auto; margin: 0; border: 1px solid var(--border-color-primary);
  background: #fff; }
.mm .seen img { image-rendering: pixelated; }
.mm .swatch { display: inline-block; width: .9rem; height: .9rem; vertical-align: -.1rem; border-radius: .15rem; }
.mm .blue { background: rgb(15, 60, 200); } .mm .orange { background: rgb(200, 80, 0); }
.mm .cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: 1.2rem; }
.mm .positive { display: grid; grid-template-columns: minmax(12rem, 18rem) 1fr; gap: 1.2rem; margin-bottom: 1rem; }
.mm ins, .mm del { padding: 0 .15em; border-radius: .2rem; }
.mm ins { color: #0f3cc8; background: #dfe8ff; text-decoration: underline 2px; text-underline-offset: .2em; }
.mm del { color: #a33c00; background: #ffe6d3; text-decoration: line-through 1.5px; margin-right: .2em; }
.dark .mm ins { color: #a9c3ff; background: #1b2c5c; } .dark .mm del { color: #ffb07a; background: #432613; }
.dark .mm .truth { color: #6fd697; } .dark .mm .best .fill { background: #8fabff; }
.program textarea, .candidates textarea { line-height: 1.6 !important; }
.program textarea { font-family: var(--font-mono) !important; }
@media (max-width: 40rem) {
  .mm .positive { grid-template-columns: 1fr; }
  .mm table, .mm tbody, .mm tr, .mm td { display: block; width: auto !important; border: 0; }
  .mm tr { border-bottom: 1px solid var(--border-color-primary); padding: .3rem 0; }
  .mm thead { display: none; }
  .mm td[data-of]::before { content: attr(data-of) " "; display: block; font-size: var(--text-sm); font-weight: 400; }
}
"""


def block(*parts: Markup | str) -> str:
    """Parts as one piece of the page."""
    return Markup('<div class="mm">{}</div>').format(Markup("").join(parts))


def alert(problem: object) -> str:
    """What went wrong, in a sentence; empty for an empty one."""
    return block(Markup('<p class="alert" role="alert">{}</p>').format(str(problem)))


def note(*sentences: str) -> Markup:
    """Sentences in small print."""
    return Markup("").join(Markup('<p class="quiet">{}</p>').format(sentence) for sentence in sentences)


def score_table(encoders: list[Encoder], scores: list[Scores], candidates: list[str], truth: str | None) -> Markup:
    """Candidates with each encoder's share as a bar and its cosine; the best one of each is emphasised."""
    heads = Markup("").join(Markup("<th>{}: share, cosine</th>").format(encoder.name) for encoder in encoders)
    rows = []
    for place, candidate in enumerate(candidates):
        known = Markup(' <span class="truth">✓ true</span>') if candidate == truth else ""
        cells = [_bar(encoder.name, made, place) for encoder, made in zip(encoders, scores, strict=True)]
        rows.append(Markup("<tr><td>{}{}</td>{}</tr>").format(candidate, known, Markup("").join(cells)))
    table = '<table class="{}"><thead><tr><th>Candidate</th>{}</tr></thead><tbody>{}</tbody></table>'
    return Markup(table).format("two" if len(encoders) > 1 else "one", heads, Markup("").join(rows))


def _bar(name: str, scores: Scores, place: int) -> Markup:
    percent = 100 * float(scores.shares[place])
    cell = (
        '<td class="bar{}" data-of="{}"><span class="track"><span class="fill" style="width:{}%"></span></span>'
        '<span class="share">{}%</span> <span class="cosine">{}</span></td>'
    )
    best = " best" if scores.shares[place] == scores.shares.max() else ""
    return Markup(cell).format(best, name, f"{percent:.1f}", f"{percent:.1f}", _number(scores.cosines[place]))


def _number(value: float, sign: str = "") -> str:
    return f"{float(value):{sign}.3f}".replace("-", "−")


def verdict(encoders: list[Encoder], scores: list[Scores], candidates: list[str], truth: str | None) -> Markup:
    """Which candidate each encoder prefers and, where it is known, whether that is the true one."""
    lines = []
    for encoder, made in zip(encoders, scores, strict=True):
        chosen = candidates[int(made.cosines.argmax())]
        line = Markup("<b>{}</b> prefers “{}”").format(encoder.name, chosen)
        if truth in candidates:
            rank = 1 + int((made.cosines > made.cosines[candidates.index(truth)]).sum())
            place = "level with it" if rank == 1 else f"in place {rank} of {len(candidates)}"
            line += ", which is true." if chosen == truth else f"; the true caption is {place}."
        else:
            line += "."
        lines.append(Markup("<p>{}</p>").format(line))
    return Markup("").join(lines)


def look(encoder: Encoder, attribution: Attribution, of: str) -> Markup:
    """The picture with tinted patches, and what they add up to. `of` names the score."""
    patches, gain = attribution.patches, attribution.score - attribution.blank
    sentence = (
        f"{encoder.name}: {of} is {_number(attribution.score)}; blank paper has {_number(attribution.blank)}. The "
        f"squares share out the difference, {_number(gain, '+')} (together {_number(patches.sum(), '+')}); the "
        f"strongest takes {_number(patches.flat[np.abs(patches).argmax()], '+')}."
    )
    picture = painted(attribution)
    return Markup(
        '<figure class="seen"><img src="{}" alt="The picture as {} sees it, its squares tinted by what they add to '
        'the score"><figcaption class="quiet">{}</figcaption></figure>'
    ).format(data_uri(picture), encoder.name, sentence)


LOOK_KEY = Markup(
    '<p class="quiet"><span class="swatch blue"></span> raises the score &nbsp; <span class="swatch orange"></span> '
    "lowers it; the stronger the colour, the more.</p>"
)
STROKE_KEY = Markup(
    '<p class="quiet"><span class="swatch blue"></span> strokes and words that the negative adds &nbsp; '
    '<span class="swatch orange"></span> those of the positive that it lacks</p>'
)


def words(comparison: Comparison) -> Markup:
    """A negative caption with its changed words marked against the positive's."""
    tags = {"delete": "<del>{}</del>", "insert": "<ins>{}</ins>", "skip": "<em>{}</em>", "equal": "{}"}
    parts = []
    for part in comparison.parts:
        pieces = [Markup("<b>{}</b>" if changed else "{}").format(text) for text, changed in part.pieces]
        parts.append(Markup(tags[part.change]).format(Markup("").join(pieces)))
    return Markup("").join(parts)
