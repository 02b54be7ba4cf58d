"""Which of the options a response settles on, where vertex names look like option letters.

"Since ∠A = 110°, ∠BOC = 145°. Thus, the answer is C (145°)."        "C"
"So angle BOC is 145 degrees."  (options 135°, 140°, 145°, 150°)      "C"
"In triangle ABC, B is the right angle."                               none
"""

import re
from collections.abc import Sequence
from functools import partial

from .answer_equality import equal_at_sight, is_value
from .answer_statements import (
    REFUSAL,
    Statement,
    bare,
    end_of,
    sentences,
    statements,
    value_at_start,
    value_in,
    without_restated_choices,
)
from .answer_text import half_width, plain_spelling

UNKNOWN_CHOICES = 10  # letters that may be meant where the choices are not known: A to J
SENTENCES_BACK = 4  # of these last sentences one may hold the answer, if nothing says what the answer is

UNDETERMINED = re.compile(
    r"(?:can ?not|can't|could not|not possible to|impossible to|unable to) ?(?:be )?"
    r"(?:determined?|tell|predict|calculated?)"
    r"|not enough information|无法(?:确定|计算|判断)|不能(?:确定|计算|判断)",
    re.IGNORECASE,
)
WRAPPERS = re.compile(r"\\(?:text(?:bf|it|rm)?|math(?:rm|bf|it|sf)|boxed|fbox|bm)\s*\{|\\[()\[\]]|[*_$`\"“”<>{}]|\\,")
LEADING = re.compile(
    r"(?:(?:the|correct|right|option|choice|letter|answer|is|either|选项|选择|选|项|为|是)\b\s*|[\s:=,]+|选项|选择?|为|是)+",
    re.I,
)
FIRST_LETTER = re.compile(r"(\(\s*)?([A-Za-z])\s?(\)?)(?![A-Za-z0-9'°²_^∠])")
SEVERAL_LETTERS = re.compile(
    r"\(?[A-Z]\)?(?:\s*\([^()]{0,40}\)|\s)?\s*(?:,|/|&|、|\band\b|\bor\b|,\s*(?:and|or)\b|和|或|与)\s*(?:option\s*)?\(?[A-Z]\)?(?![A-Za-z0-9'])"
)
REASON = re.compile(
    r"(?:because|since|as|which|given|due|based|so|therefore|according"
    r"|is (?:the )?(?:correct|right|answer)|with|因为|由于|正确)(?![a-z])",
    re.I,
)
NEGATED = re.compile(r"\b(?:not|no|never|cannot|false|incorrect|wrong|neither|nor)\b|n't\b|不|没有|错误|否", re.I)
TAKEN_BACK = re.compile(
    r"\b(?:but|wait|however|actually|no|not|instead|rather|first|initially|mistake|wrong|incorrect|correction|re-?check"
    r"|sorry|if|assum\w+)\b|n't\b|\?|但|不|错|重新|更正|如果",
    re.IGNORECASE,
)
CONCLUSION = re.compile(r"(?:thus|therefore|so|hence|consequently|in conclusion|because of this|因此|所以|故)\b", re.I)
STATED_AFTER = re.compile(r"=|≈|\b(?:is|are|equals|becomes|has an? \w+ of)\b|equal to|等于|约为|[为是]", re.I)


def read_choice(response: str, choices: Sequence[str]) -> str | None:
    """The letter, from "A" on, of the option that a response settles on; `None` if it settles on none.

    The last statement of what the answer is decides: a box, `Answer: C`, "the correct option is (C)", 故选C, a last
    line with a letter only. It may name a letter or state an option's text or value, without its unit; a letter counts
    more than a text beside it, or after it. Failing that, the last sentences decide if what they end on, or all that
    they name, is one option. Vertex names, the article "a" and lists of all options are not taken for letters.

    Args:
        response (`str`): free text, of which the last 8,000 characters are read.
        choices (`Sequence[str]`): texts of the options; empty texts, or no options at all, where they are not known.
    """
    texts = [half_width(str(choice)).strip()[:300] for choice in choices]
    count = len(texts) or UNKNOWN_CHOICES
    text = end_of(response)
    place = _same_choice(text, texts) if len(text) <= 200 else None
    if place is not None:
        return _letter(place)
    told = without_restated_choices(text, count)
    lines = [line.strip() for line in told.splitlines() if line.strip(" *_#$-")]
    found = statements(told)
    if lines and not lines[-1].endswith("?"):
        found = sorted([*found, Statement(told.rfind(lines[-1]), lines[-1], line=True)], reverse=True)
    for number, statement in enumerate(found):
        if _names_several(statement):
            return None
        place = _choice_in(statement, texts, count)
        if place is not None:
            named = _letter_stated_before(statement, found[number + 1 :], told, texts, count)
            return _letter(place if named is None else named)
        if not statement.line and REFUSAL.search(statement.content):  # takes back what was said before
            place = _choice_by_last_sentences(told, texts)
            return None if place is None else _letter(place)
    if lines and len(lines) > 1 and (place := _leading_letter(lines[0], texts, count)) is not None:
        return _letter(place)
    place = _choice_by_last_sentences(told, texts)
    return None if place is None else _letter(place)


def _letter(place: int) -> str:
    return chr(ord("A") + place)


def _choice_in(statement: Statement, texts: Sequence[str], count: int) -> int | None:
    """The option that a statement names, by letter or by text."""
    if statement.letter:
        place = ord(statement.content) - ord("A")
        return place if place < count else None
    place = _leading_letter(statement.content, texts, count)
    if place is None:
        place = _same_choice(statement.content, texts)
    if place is None and len(statement.content) <= 120 and not statement.line:
        place = None if REFUSAL.search(statement.content) else _only_choice_named(statement.content, texts)
    return place


def _letter_stated_before(
    last: Statement, before: Sequence[Statement], text: str, texts: Sequence[str], count: int
) -> int | None:
    """The letter that a response calls its answer before it ends on a value, if it does not take the letter back.

    "The correct option is B. … we conclude that the answer is 40°" says B, as it is a letter that was asked for
    (VLMEvalKit, too, looks for letters first). A value in a box is the answer all the same.
    """
    if last.box or last.letter or _leading_letter(last.content, texts, count) is not None:
        return None
    for statement in before:
        place = _choice_in(statement, [], count)  # letters only
        if place is not None:
            return None if TAKEN_BACK.search(text[max(0, statement.start - 60) : last.start]) else place
    return None


def _leading_letter(content: str, texts: Sequence[str], count: int) -> int | None:
    """The option whose letter a text starts with: `C`, `(C) 145°`, `option C, since ...`; not `C is a point`."""
    plain = _without_leading_words(content)
    match = FIRST_LETTER.match(plain)
    if not match:
        return None
    opened, letter, closed = match.groups()
    rest = plain[match.end() :]
    place = ord(letter.upper()) - ord("A")
    alone = not re.search(r"\w", rest)
    if place >= count or (letter.islower() and not (opened or alone)):
        return None
    if alone and not re.search(r"[=+<>]", rest):
        return place
    following = rest.lstrip(" .:,)、。-–—=(").strip()
    if texts and texts[place] and _starts_with(following, texts[place]):
        return place
    if re.match(r"\s*[=+*/^<>∥⊥]|\s*-\s*[A-Z\d]", rest):  # A = 40°: a vertex or a variable
        return None
    if opened or closed or re.match(r"\s?[.:,、。(]", rest) or REASON.match(following):
        return place
    return None


def _names_several(statement: Statement) -> bool:
    """`B and C`, `A or B`, `B (13) and C (26)`: an answer that is not one of the options."""
    return not statement.letter and bool(SEVERAL_LETTERS.match(_without_leading_words(statement.content)))


def _without_leading_words(content: str) -> str:
    """`C` of `**option** C`."""
    plain = WRAPPERS.sub("", content).strip()
    if plain.startswith("'"):
        plain = plain.replace("'", "")
    leading = LEADING.match(plain)
    return plain[leading.end() :] if leading else plain


def _starts_with(text: str, choice: str) -> bool:
    text, choice = _folded(text), _folded(choice)
    return bool(choice) and text.startswith(choice) and not text[len(choice) : len(choice) + 1].isalnum()


def _folded(text: str) -> str:
    """For comparison of wordings: one spelling, lower case, no blanks, no braces, no signs of degree."""
    return re.sub(r"[\s{}°]", "", plain_spelling(text)).casefold().strip(".,:;!?'\"")


def _same_choice(text: str, texts: Sequence[str]) -> int | None:
    """The one option that a text equals, by wording or else by value."""
    answer = bare(WRAPPERS.sub(" ", text) if "\\frac" not in text and "√" not in text and "sqrt" not in text else text)
    if not answer or len(answer) > 300:
        return None
    # √119/2 rounds to 5.5: the option that is equal within the smallest tolerance is meant
    for same in (
        _wording_equal,
        equal_at_sight,
        partial(equal_at_sight, tolerance=1e-3),
        partial(equal_at_sight, tolerance=0),
    ):
        places = [place for place, choice in enumerate(texts) if choice and same(choice, answer)]
        if len(places) == 1:
            return places[0]
    return None


def _wording_equal(choice: str, answer: str) -> bool:
    return _folded(choice) == _folded(answer) != ""


def _only_choice_named(text: str, texts: Sequence[str]) -> int | None:
    """The option whose value the text ends on, else the only one that it names."""
    value = value_in(text)
    place = _same_choice(value, texts) if value else None
    if place is not None:
        return place
    said = _spaced(text)
    named = {i: f" {_spaced(choice)} " for i, choice in enumerate(texts) if _spaced(choice)}
    named = {i: choice for i, choice in named.items() if choice in f" {said} "}
    # "owl" is not named by naming "barn owl", if both are options
    longest = [i for i in named if not any(named[i] in other and named[i] != other for other in named.values())]
    if not named:  # "the letter has been flipped" names "flip"
        longest = [i for i, text in enumerate(texts) if re.fullmatch("[a-z]{4,}", text) and _inflected(text, said)]
    return longest[0] if len(longest) == 1 else None


def _inflected(word: str, said: str) -> bool:
    return bool(re.search(rf"\b{word}{word[-1]}?(?:s|es|d|ed|ing)\b", said))


def _spaced(text: str) -> str:
    """Words and numbers between single blanks."""
    text = re.sub(r"(?<=\d)(?=[a-zA-Z°])", " ", plain_spelling(text)).casefold()
    text = re.sub(r"\b(?:an?|the)\b ", " ", text)
    return " ".join(re.sub(r"[^\w√π%\\/+\-*^=().\[\],]|[.,()](?!\d)|(?<!\d)[.,)]|°|degrees?|[{}]", " ", text).split())


def _choice_by_last_sentences(text: str, texts: Sequence[str]) -> int | None:
    """The option that the last sentences come to, if they do not say that there is none."""
    last = sentences(text)[:SENTENCES_BACK]
    if any(REFUSAL.search(sentence) for sentence in last[:2]):
        undetermined = [place for place, choice in enumerate(texts) if UNDETERMINED.search(choice)]
        said = any(UNDETERMINED.search(sentence) for sentence in last[:2])
        return undetermined[0] if said and len(undetermined) == 1 else None
    if _are_yes_and_no(texts):
        return _yes_or_no(sentences(text), texts)
    for sentence in last:
        if sentence.endswith("?") or re.search(r"\(\s*\)$|_{2,}", sentence):  # the question, once more
            continue
        value = value_in(sentence)
        place = _same_choice(value, texts) if value else None
        if place is None:
            place = _same_coordinate(sentence, texts)
        if place is None and all(map(is_value, texts)) and _states_another_value(sentence):
            return None
        if place is None:
            place = _only_choice_named(sentence, texts)
        if place is not None:
            return place
    return _closing_letter(last[0], len(texts) or UNKNOWN_CHOICES) if last else None


def _same_coordinate(sentence: str, texts: Sequence[str]) -> int | None:
    """The one point among the options that has the coordinate on which a sentence ends: (-1, 0) of "at x = -1"."""
    stated = re.findall(r"\b([xy])\s*=\s*([^=]{1,30})", sentence[-200:])
    points = [re.fullmatch(r"\(([^,()]+),([^,()]+)\)", text) for text in texts]
    if len(stated) != 1 or not texts or not all(points):
        return None
    axis = "xy".index(stated[0][0]) + 1
    places = [place for place, point in enumerate(points) if equal_at_sight(point[axis], stated[0][1])]
    return places[0] if len(places) == 1 else None


def _states_another_value(sentence: str) -> bool:
    """Whether it says that something is some number: as that is no option, what stands before it does not matter."""
    sentence = sentence[-400:]
    return any(value_at_start(sentence[match.end() :]) for match in STATED_AFTER.finditer(sentence))


def _closing_letter(sentence: str, count: int) -> int | None:
    """ "The area is C.": a letter where a value is due, and not the name of a point."""
    match = re.search(r"(?:\b(?:is|be|equals)|'s) ([A-Z])\W*$", sentence)
    if not match or re.search(
        r"point|verte|cent(?:er|re)|foot|angle|corner|intersect|circle|line|letter", sentence, re.I
    ):
        return None
    place = ord(match[1]) - ord("A")
    return place if place < count else None


def _are_yes_and_no(texts: Sequence[str]) -> bool:
    return {text.casefold() for text in texts} in ({"yes", "no"}, {"true", "false"}, {"是", "否"}, {"正确", "错误"})


def _yes_or_no(last: list[str], texts: Sequence[str]) -> int | None:
    """Yes or no where neither word is said to be the answer: by the conclusion, else by how the response starts.

    Questions ask whether something is so. A response that says that it is not so says no.
    """
    if not last:
        return None
    said = last[0] if CONCLUSION.match(last[0]) else last[-1]
    word = re.match(r"\W*(yes|no|true|false)\b", said, re.I)
    no = word[1].casefold() in ("no", "false") if word else bool(NEGATED.search(said))
    return next(place for place, text in enumerate(texts) if (text.casefold() in ("no", "false", "否", "错误")) == no)
