"""Where a response says what its answer is: boxes, `Answer:`, "the answer is", 故选, and, failing that, its end.

"Since AB = CD, angle A is 40°. Therefore, the answer is option C.\\nAnswer:C" has two statements: `option C` and `C`.
"""

import re
from typing import NamedTuple

from .answer_equality import is_value
from .answer_text import half_width

READ_LAST = 8000  # characters of a response that are read: answers stand at the end
CONTENT = 200  # characters of a statement that are read
MAX_STATEMENTS = 40
MAX_SENTENCES = 60

BOX = re.compile(r"\\f?boxed\s*\{")
BETWEEN_BOXES = re.compile(
    r"[\s$,;.、]*(?:and|or|和|或者?|\\text\s*\{\s*(?:and|or)\s*\})?[\s$,;、]*(?:[a-zA-Z]\w{0,5}\s*=\s*)?[\s$]*"
)
VERB = r"(?:is|are|was|would be|should be|will be|must be|has to be|can only be|becomes|equals|=)"
GAP = r"[\s*_#>$]{0,12}"
OPENERS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"<\s*answer\s*>{GAP}:?{GAP}|<\|begin_of_box\|>|\banswer\s+[-–—]\s+",
        rf"\bans(?:wer)?{GAP}(?:\([^()\n]{{0,20}}\){GAP})?:{GAP}",
        r"\banswer\s+(?=can(?:not| not|'t) be )",
        rf"\b(?:my|final|chosen|selected|correct) (?:choice|option){GAP}:{GAP}",
        rf"\banswer{GAP}\]{GAP}:?{GAP}(?=\(?[A-Z]\b)",
        r"\b(?:answer|(?:correct|right|best|matching|closest) (?:choice|option|statement)|(?:choice|option) letter"
        r"|correct letter)"
        rf"(?: (?:choice|option|letter|value))?(?: (?:to|for|of|here|from) [^.:\n]{{0,80}}?)?,?"
        rf"(?: therefore| thus| hence)?(?:'s|\s+{VERB})(?: therefore| thus| simply| indeed| clearly)?{GAP}:?{GAP}",
        rf"(?:答案|结果)(?:应该|应当|应)?(?:选择?|是|为)?{GAP}[::]?{GAP}[】\]]?{GAP}(?:选项?)?{GAP}",
        rf"(?:故|因此|所以|因而|应该|应|则|综上所述|综上)[,:\s]{{0,3}}(?:答案)?(?:应该|应)?选择?(?:项)?(?:是|为)?{GAP}[::]?{GAP}",
        rf"正确的?(?:选项|答案|结论)(?:是|为){GAP}[::]?{GAP}",
    )
]
# Statements that name a letter themselves. A bare letter after "choose" may be a vertex: it must end its sentence.
LETTER = r"\(?([A-Z])\)?(?![A-Za-z0-9'°])"
NAMED = [
    re.compile(pattern)
    for pattern in (
        rf"(?i:\b(?:option|choice|answer))\s*[*_\"']{{0,3}}{LETTER}[*_\"']{{0,3}},?\s+(?:[^.\n]{{0,40}}?,\s*)?"
        r"(?i:is|would be|must be|should be)\s+(?i:the\s+)?"
        r"(?i:correct|right|selected|chosen|answer|true|best|closest)",
        r"\(([A-Z])\)(?:\s+is|正确|是正确)\s*(?i:(?:the\s+)?(?:correct|right|selected|answer))",
        r"(?i:\b(?:is|be|are|to|with|select|selected|choose|chose|pick|so|thus|therefore|hence|matches|i\.e\.),?)\s+"
        rf"(?i:the\s+)?(?i:correct\s+)?(?i:option|choice)\s*[*_\"']{{0,3}}{LETTER}",
        r"(?i:(?:\b(?:is|be|are|select|choose|pick)|'s))\s*:?\s*[*_\"']{0,3}\(([A-Z])\)",
        rf"(?i:\b(?:select|choose|pick|left with))\s+{LETTER}(?=[*_\"']{{0,3}}\s*(?:[.。]|$))",
        rf"(?:^|[^不])选(?:择|项)?\s*(?:是|为)?[:\s]{{0,3}}{LETTER}(?!\s*(?:错误|不|点|项错误|是错))",
        r"(?:^|[^∠△A-Za-z] ?|(?i:therefore|thus|so|hence|and),? )\b([A-Z]) is (?:the )?"
        r"(?:correct|right (?:answer|option|choice))",
        rf"{LETTER}(?:选项|项)?(?:是)?正确(?:的|答案|选项)?[.。]?\s*$",
        rf"(?:(?m:^)[\s*_]{{0,6}}|[.!?] +)(?i:therefore|thus|so|hence),?\s+{LETTER}(?=[*_]{{0,3}}\s*[.。]?\s*$)",
    )
]
SENTENCE_END = re.compile(r"(?<=[.!?])[\s*_]+|\n|[。;]|</|<\|")
RESTATED = re.compile(r"(?<![A-Za-z0-9(∠△])\(?([A-Z])\s?(?:\)|\.(?!\w\.)|:|、)\s*")

REFUSAL = re.compile(
    r"cannot be (?:determined|answered|solved|provided|given|made|calculated|found|concluded|accurately)"
    r"|(?:can ?not|can't|could not|unable to) (?:determine|provide|answer|see|view|tell|solve|accurately)|n/a\b"
    r"|(?:not|isn't|impossible|never) (?:possible )?to (?:determine|answer|say|provide|find|solve|calculate|give)"
    r"|not possible|impossible|insufficient|not (?:enough|sufficient)|(?:i'm|i am|we are) (?:sorry|unable)"
    r"|none of (?:the|these) (?:above|given|provided|options?|choices?|answers?)"
    r"|no (?:correct|matching|valid|suitable|specific) (?:answer|option|choice|solution)"
    r"|not (?:an? |one of |among |in |any of |listed|available|given|provided)(?:the |as )?(?:\w+ )?"
    r"(?:option|choice|answer|in)|(?:mistake|error|typo) (?:in|with) the"
    r"|(?:do(?:es)? not|doesn't|don't) (?:include|match|contain|provide|have a correct)"
    r"|need (?:more|to know|additional|further)|please provide|missing (?:some )?information"
    r"|without (?:\w+ ){0,4}(?:information|details?|figures?|diagram|image|function|data|context|knowing)"
    r"|would depend on|无法(?:确定|计算|判断|得出)|不能(?:确定|计算|判断)|没有(?:正确|选项)|不在(?:给定)?选|有误"
    r"|出错|缺少",
    re.IGNORECASE,
)
VALUE_AFTER = re.compile(
    r"=|≈|\b(?:is|are|was|be|equals|becomes|remains|obtain|get|gives|have|need|takes|cost|about|approximately|therefore"
    r"|thus|hence|so)\b(?: equal to| approximately| about| exactly| also| only| therefore| thus| still| simply)*"
    r"|equal to|等于|约为|[为是得有]|:(?=\s)",
    re.IGNORECASE,
)
REASONS_BEGIN = re.compile(
    r",? (?:as|since|because|given that|due to|so that|which (?!is|equals|gives|means)|where|by the)(?![a-z])", re.I
)
SEVERAL_VALUES = re.compile(r"\b([a-z])_?\d?\s*=[^=]{1,30}?(?:,|\bor\b|\band\b|或|和)\s*\1_?\d?\s*=[^=]{1,30}$")
NUMBER = re.compile(
    r"(?<![\w.\\])-?(?:\d+(?:\.\d+)?|\.\d+)?"
    r"(?: ?(?:\\frac\{[^{}]{1,40}\}\{[^{}]{1,40}\}|√\{?[\d.]{1,20}\}?|π|/ ?\d+))*"
    r"(?: ?°|%| ?[a-z]{1,3}[23]?(?![a-z\d]))?"
)


class Statement(NamedTuple):
    """What a response says its answer is, and where: `start` is the place of the content in the text.

    `box`: the content is what a `\\boxed{}` holds; `letter`: it is a letter that the wording calls an option; `line`:
    it is the last line of the text.
    """

    start: int
    content: str
    box: bool = False
    letter: bool = False
    line: bool = False


def end_of(response: str) -> str:
    """The part of a response that is read: its last 8,000 characters, after `</think>` if anything is there."""
    text = half_width(str(response or "")[-READ_LAST:])
    thought, _, said = text.rpartition("</think>")
    return said if said.strip() else thought or text


def boxes(text: str) -> list[tuple[int, int, str]]:
    r"""Start, end and content of every `\boxed{...}` whose braces are balanced, outermost ones only."""
    found, closed = [], 0
    for match in BOX.finditer(text):
        if match.start() < closed:
            continue
        depth, place = 1, match.end()
        while place < len(text) and depth:
            if text[place] == "\\":
                place += 1  # `\{` is no brace
            else:
                depth += (text[place] == "{") - (text[place] == "}")
            place += 1
        if depth:
            break  # what is not closed here is not closed further on either
        found.append((match.start(), place, text[match.end() : place - 1].strip()))
        closed = place
    return found


def last_boxes(text: str) -> Statement | None:
    """The last box; boxes with no more than "and", "or", a comma or `x=` between them are one answer."""
    found = boxes(text)
    if not found:
        return None
    contents = [found[-1][2]]
    for before, after in zip(reversed(found[:-1]), reversed(found), strict=False):
        between = text[before[1] : after[0]]
        if len(between) > 40 or "\n\n" in between or not BETWEEN_BOXES.fullmatch(between):
            break
        contents.insert(0, before[2])
    return Statement(found[-1][0], ", ".join(contents), box=True)


def statements(text: str) -> list[Statement]:
    """All statements, the last first."""
    found = {}
    for opener in OPENERS:
        for match in opener.finditer(text):
            content = first_sentence(text[match.end() : match.end() + CONTENT])
            found[match.end()] = Statement(match.end(), content)
    for pattern in NAMED:
        for match in pattern.finditer(text):
            found[match.start(1)] = Statement(match.start(1), match[1], letter=True)
    ordered = sorted(found.values(), reverse=True)[:MAX_STATEMENTS]
    box = last_boxes(text)
    return sorted([*ordered, box], reverse=True) if box else ordered


def first_sentence(text: str) -> str:
    """Up to the end of the sentence or line; `A. 5` and `(B). 7` are not ended by their full stop."""
    for match in SENTENCE_END.finditer(text):
        before = text[: match.start()]
        if before.strip(" *_") and not re.fullmatch(r"[\s*_]*\(?[A-Za-z]\)?[.]", before):
            return before.strip()
    return text.strip()


def sentences(text: str) -> list[str]:
    """The last sentences, the last first."""
    parts = SENTENCE_END.split(text[-READ_LAST // 2 :])
    return [part.strip(" *_#>\t").rstrip(".! ") for part in reversed(parts) if part.strip(" .*_#>$\t\\")][
        :MAX_SENTENCES
    ]


def without_restated_choices(text: str, count: int) -> str:
    """The text with lists such as "Choices: A: 40° B: 60° C: 80°" left out: labels from A on, close together.

    Blanks of the same length take their place.
    """
    labels, run, spans = list(RESTATED.finditer(text)), [], []
    for label in [*labels, None]:
        expected = chr(ord("A") + len(run))
        if label and run and label[1] == expected and label.start() - run[-1].end() <= 60 and len(run) < count:
            run.append(label)
            continue
        if len(run) >= min(3, max(count, 2)):
            last = text[run[-1].end() : run[-1].end() + 60]
            end = run[-1].end() + len(re.split(r"\n|[.。](?!\d)|(?<=[^\s:]) (?=[A-Z][a-z])", last)[0])
            spans.append((run[0].start(), end))
        run = [label] if label and label[1] == "A" else []
    for start, end in spans:
        text = text[:start] + " " * (end - start) + text[end:]
    return text


def value_in(sentence: str) -> str | None:
    """The value that a sentence ends on: after its last "=" or "is", else its last number; `None` without a number."""
    sentence = sentence[-400:]
    if (several := SEVERAL_VALUES.search(sentence)) and is_value(bare(several[0])):  # "x = 3 or x = -2"
        return bare(several[0])
    reasons = REASONS_BEGIN.search(sentence)
    if reasons and (value := value_in(sentence[: reasons.start()])):  # "AB is 10, as CD is 5"
        return value
    for match in reversed(list(VALUE_AFTER.finditer(sentence))[-8:]):
        if value := value_at_start(sentence[match.end() :]):
            return value
    numbers = [match[0].strip() for match in NUMBER.finditer(sentence)]
    numbers = [number for number in numbers if re.search(r"[\dπ]", number) and is_value(number)]
    return numbers[-1] if numbers else None


def value_at_start(text: str) -> str | None:
    """The longest value that a text starts with: `145 degrees` of "145 degrees, as AB = CD"."""
    words = bare(text).split(" ")[:12]
    for length in range(len(words), 0, -1):
        candidate = bare(" ".join(words[:length]))
        if re.search(r"[\dπ√½]|\\pi", candidate) and is_value(candidate):
            return candidate
    return None


def bare(text: str) -> str:
    r"""Without dollars, markdown, `\(`, `<<`, quotes, and without punctuation at the end."""
    text = re.sub(r"\\[()\[\]]|\*\*|\$|`|<<|>>|</?answer>|^[#>*\s]+", " ", text)
    text = re.sub(r"\s+", " ", text).strip(' "').rstrip(" .,;:!?。、")
    text = text.strip("' ") if text.startswith("'") else text  # else it says minutes, as in 50° 30'
    whole = re.fullmatch(r"\\(?:text|boxed|mathrm|textbf|mathbf)\s*\{([^{}]*)\}", text)
    return whole[1].strip() if whole else text
