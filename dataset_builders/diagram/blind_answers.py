"""How often questions are answered right without their diagrams, form by form: what any model has to beat.

blind_accuracy(question_records(0, held_out=5_000)["questions"])
# {"parallel": {"count": 390, "chance": 0.5, "majority": 0.49, "text": 0.51}, …, "all": {…}}
"""

from collections import Counter

import numpy as np
from datasets import Dataset

# Letters of vertices one by one, words, numbers.
_TOKEN = r"[A-Z](?![a-z])|[A-Za-z][a-z]*|\d+|[^\s\w]"


def blind_accuracy(questions: Dataset, seed: int = 0) -> dict[str, dict[str, float]]:
    """Accuracy of two blind answers, learned on a random half of the questions and counted on the other.

    Args:
        questions: With the schema [`~dataset_builders.questions.QUESTIONS`]; the first category is the form.
        seed: Of the halves.

    Returns:
        By form, and for `all` of them together: `count` (questions counted), `chance` (1 over the number of different
        answers), `majority` (always the most frequent answer of the form), and `text` (what a classifier makes of the
        words, letters and pairs of these that a question has: logistic regression, or naive Bayes where there are
        more than ten different answers).
    """
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import MultinomialNB
    from sklearn.pipeline import make_pipeline

    forms = np.array([categories[0] for categories in questions["category"]])
    texts, answers = (np.array(questions[name], dtype=object) for name in ("question", "answer"))
    learned = np.random.default_rng(seed).permutation(len(forms)) < len(forms) // 2
    table: dict[str, dict[str, float]] = {}
    for form in sorted(set(forms.tolist())):
        known, unknown = learned & (forms == form), ~learned & (forms == form)
        if not known.any() or not unknown.any():
            continue
        most = Counter(answers[known]).most_common(1)[0][0]
        classifier = LogisticRegression(max_iter=500) if 2 <= len(set(answers[known])) <= 10 else MultinomialNB()
        words = CountVectorizer(token_pattern=_TOKEN, lowercase=False, ngram_range=(1, 2), binary=True)
        blind = make_pipeline(words, classifier).fit(texts[known].tolist(), answers[known].tolist())
        guessed = blind.predict(texts[unknown].tolist())
        table[form] = {
            "count": int(unknown.sum()),
            "chance": 1 / len(set(answers[forms == form])),
            "majority": float(np.mean(answers[unknown] == most)),
            "text": float(np.mean(answers[unknown] == guessed)),
        }
    total = sum(row["count"] for row in table.values())
    mean = {
        name: sum(row[name] * row["count"] for row in table.values()) / max(total, 1)
        for name in ("chance", "majority", "text")
    }
    return {**table, "all": {"count": total, **mean}}
