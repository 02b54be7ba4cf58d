"""The demo's page in a browser: upload, click, read the result. Needs Gradio, selenium, Chromium and its driver."""

import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_llms import tiny_lmm
from tiny_models import noise_image, tiny_mmclip

pytest.importorskip("gradio", reason="the demo's page needs Gradio")
from mmgeolm.answering import answer
from mmgeolm.demo.app import build_page, serve
from mmgeolm.demo.ask import MOST_TOKENS, AskTab
from mmgeolm.demo.diagrams import names_for
from mmgeolm.demo.encoder import Encoder, score
from mmgeolm.demo.inputs import checked, needed
from mmgeolm.scripts.demo import main

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
PATIENCE = 30  # seconds, on a loaded machine
CONNECTED: list[str] = []


def note_connections(event: str, arguments: tuple) -> None:
    """Keeps the hosts that this process connects to."""
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        CONNECTED.append(str(arguments[1][0]))


@pytest.fixture(scope="module")
def encoders() -> list[Encoder]:
    return [Encoder(f"encoder-{seed}", *tiny_mmclip("clip", seed)) for seed in (0, 1)]


@pytest.fixture(scope="module")
def lmm(tmp_path_factory) -> AskTab:
    folder = tmp_path_factory.mktemp("models") / "tiny-lmm"
    for part in tiny_lmm():
        part.save_pretrained(folder)
    return AskTab(str(folder), device="cpu")


@pytest.fixture(scope="module")
def address(encoders, lmm):
    sys.addaudithook(note_connections)
    page = build_page(*encoders, lmm)
    yield serve(page, port=0)
    page.close(verbose=False)


@pytest.fixture(scope="module")
def browser():
    webdriver = pytest.importorskip("selenium.webdriver", reason="the page is driven by selenium")
    if not (CHROMIUM and DRIVER):
        pytest.skip("there is no chromium, or no chromedriver, to open the page in")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--no-proxy-server"):
        options.add_argument(flag)
    options.add_argument("--window-size=1300,1400")
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


class Page:
    """The page as somebody sees it: only what is displayed counts."""

    def __init__(self, browser):
        self.browser = browser

    def all(self, selector: str) -> list:
        return [element for element in self.browser.find_elements("css selector", selector) if element.is_displayed()]

    def wait(self, condition):
        """What a condition gives once it is true of the page."""
        from selenium.common.exceptions import StaleElementReferenceException
        from selenium.webdriver.support.ui import WebDriverWait

        patient = WebDriverWait(
            self.browser, PATIENCE, poll_frequency=0.1, ignored_exceptions=[StaleElementReferenceException]
        )
        return patient.until(lambda _: condition())

    def one(self, selector: str):
        return self.wait(lambda: self.all(selector))[0]

    def text(self, selector: str) -> str:
        return " ".join(element.text for element in self.all(selector))

    def tab(self, name: str) -> None:
        button = next(button for button in self.all("button[role=tab]") if button.text == name)
        button.click()
        self.wait(lambda: button.get_attribute("aria-selected") == "true")

    def write(self, selector: str, text: str) -> None:
        box = self.one(selector)
        box.clear()
        box.send_keys(text)

    def upload(self, path: Path) -> None:
        """Puts a file into the displayed tab's diagram, in place of the one there."""
        for button in self.all(".diagram button[aria-label='Remove Image']"):
            button.click()
        self.wait(lambda: not self.all(".diagram img"))
        field = next(
            field
            for field in self.browser.find_elements("css selector", ".diagram input[type=file]")
            if field.find_element("xpath", "./ancestor::*[contains(@class, 'diagram')]").is_displayed()
        )
        field.send_keys(str(path))


@pytest.fixture
def page(browser, address) -> Page:
    """The page, opened anew, with its first diagram scored."""
    browser.get(address)
    page = Page(browser)
    page.wait(lambda: page.all(".scores table") and page.all(".looks img"))
    return page


@pytest.fixture
def diagram(tmp_path) -> Path:
    noise_image(3, (40, 24)).save(tmp_path / "diagram.png")
    return tmp_path / "diagram.png"


def shares_in(page: Page, column: int = 0) -> list[str]:
    rows = [row.find_elements("css selector", ".share") for row in page.all(".scores tbody tr")]
    return [row[column].text for row in rows]


def percents(encoder: Encoder, path: Path, candidates: list[str]) -> list[str]:
    with Image.open(path) as picture:
        return [f"{100 * share:.1f}%" for share in score(encoder, picture, candidates).shares]


def test_the_page_opens_with_a_scored_diagram_and_loads_nothing_from_elsewhere(page, address, browser):
    assert len(shares_in(page)) == 6 and page.text(".truth") == "✓ true"
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    urls = {m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"}
    assert len(urls) > 10
    assert {url for url in urls if not url.startswith((address, "data:", "blob:"))} == set()
    assert CONNECTED and set(CONNECTED) <= {"127.0.0.1", "::1", "localhost"}
    assert address.startswith("http://127.0.0.1:")


def test_an_uploaded_diagram_is_matched_with_written_captions(page, diagram, encoders):
    page.upload(diagram)
    page.one(".diagram img")
    candidates = ["AB is 5 & CD is <b>6</b>", "AB is parallel to CD", "ABC is a triangle"]
    page.write(".candidates textarea", "\n".join(candidates))
    expected = percents(encoders[0], diagram, candidates)
    first = page.one(".looks img").get_attribute("src")
    page.one("button.score").click()
    page.wait(lambda: shares_in(page) == expected)
    assert "✓ true" not in page.text(".scores") and "CD is <b>6</b>" in page.text(".scores")
    best = candidates[int(np.argmax([float(share[:-1]) for share in expected]))]
    assert f"encoder-0 prefers “{best}”" in page.text(".scores")
    page.wait(lambda: page.one(".looks img").get_attribute("src") != first)
    seen = page.one(".looks img").get_attribute("src")
    next(label for label in page.all(".what label") if "lead" in label.text).click()
    page.wait(lambda: "the lead is" in page.text(".looks"))
    assert page.one(".looks img").get_attribute("src") != seen


def test_an_upload_that_is_no_picture_or_is_huge_gets_a_sentence(page, tmp_path):
    (tmp_path / "text.png").write_text("not a picture")
    Image.new("1", (4_100, 50)).save(tmp_path / "wide.png")
    (tmp_path / "large.png").write_bytes(bytes(11 * 2**20))
    for name, sentence in {"text.png": "text.png is no picture", "wide.png": "wide.png has 4,100 × 50 pixels"}.items():
        page.upload(tmp_path / name)
        page.wait(lambda sentence=sentence: sentence in page.text(".alert"))
        page.wait(lambda: not page.all(".diagram img"))
    page.one("button.score").click()
    page.wait(lambda: "Upload a diagram first" in page.text(".alert"))
    page.upload(tmp_path / "large.png")
    page.wait(lambda: "maximum allowed size of 10" in page.text(".toast-body"))


def test_a_written_program_gets_its_figure_caption_and_verified_negatives(page):
    page.tab("Negatives")
    assert len(page.all(".card img")) == 6
    page.write(".program textarea", "square(A, B, C, D)\nmark_length(A, B, 7)")
    page.one("button.make").click()
    page.wait(lambda: "ABCD is a square" in page.text(".own") or "square ABCD" in page.text(".own").lower())
    cards = page.all(".card")
    assert len(cards) == 6 and all("False of the positive:" in card.text for card in cards)
    assert all(card.find_elements("css selector", "ins, del") for card in cards)
    page.write(".program textarea", "square(A, B, C, D)\nimport os")
    page.one("button.make").click()
    page.wait(lambda: re.search(r"line 2, column 1: Import is not part of the language", page.text(".alert")))


def test_a_question_about_a_diagram_is_answered(page, diagram, lmm):
    page.tab("Ask")
    page.one("button.ask").click()
    page.wait(lambda: "Upload a diagram first" in page.text(".alert"))
    page.upload(diagram)
    page.one(".diagram img")
    page.write(".question textarea", "Is AB 5?")
    page.one("button.ask").click()
    with Image.open(diagram) as picture:
        (expected,) = answer(lmm.model, lmm.processor, [picture], ["Is AB 5?"], max_new_tokens=MOST_TOKENS)
    page.wait(lambda: page.all(".chat .bot") and page.one(".question textarea").get_attribute("value") == "")
    words = set(re.findall("[a-z]{4,}", expected))
    assert page.text(".chat .user").strip().startswith("Is AB 5?")
    assert words and words <= set(re.findall("[a-z]{4,}", page.text(".chat .bot")))


def test_a_picked_or_a_random_diagram_comes_with_an_empty_chat(lmm):
    name = names_for(lmm.drawing)[0]
    picture, shown, kept = lmm.drawn(name)
    assert picture.tobytes() == lmm.drawn(name)[0].tobytes()
    assert lmm.drawn(None)[0].size == picture.size
    assert shown == kept == []


def test_two_encoders_are_compared_on_the_same_candidates(page, diagram, encoders):
    page.tab("Compare")
    page.upload(diagram)
    page.one(".diagram img")
    page.write(".candidates textarea", "AB is 5\nAB is 6")
    page.one("button.score").click()
    page.wait(lambda: page.all(".scores table") and len(page.all(".looks img")) == 2)
    for column, encoder in enumerate(encoders):
        assert shares_in(page, column) == percents(encoder, diagram, ["AB is 5", "AB is 6"])
    assert shares_in(page, 0) != shares_in(page, 1)


@pytest.mark.parametrize("payload", [{"path": "{}"}, {"path": "/etc/passwd"}, {"path": None}, {}, "{}"])
def test_only_what_was_uploaded_is_opened(payload, diagram):
    """Who does not use the page can send anything."""
    payload = json.loads(json.dumps(payload).replace("{}", str(diagram))) if payload else payload
    with pytest.raises(ValueError, match="This is no upload"):
        needed(payload)
    assert "This is no upload" in checked(payload)[1]


def test_tabs_whose_model_is_absent_say_how_to_get_it(encoders):
    texts = [str(part["props"].get("value")) for part in build_page(encoders[0]).get_config_file()["components"]]
    for option in ("--lmm FOLDER", "--compare_with FOLDER"):
        assert sum(f"start the page with `mmgeolm demo {option}`" in text for text in texts) == 1


def test_a_port_that_is_taken_is_named(address, encoders):
    port = int(address.rstrip("/").rsplit(":", 1)[1])
    with pytest.raises(ValueError, match=f"Port {port} of 127.0.0.1 cannot be listened on"):
        serve(build_page(encoders[0]), port=port)


def test_without_a_checkpoint_the_command_names_the_quickstart(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="There is no encoder in runs/quickstart/grouped-0: `make quickstart`"):
        main([])
