"""A browser for the tests of the page: Chromium without a window, one for each worker."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import minigrad as mg


class Page:
    """A page in the browser, and what the tests ask of it."""

    def __init__(self, driver: Any, folder: Path) -> None:
        self.driver, self.folder = driver, folder

    def open(self, drawing: mg.Drawing, *, width: int = 1280, height: int = 800, **media: str) -> Page:
        """Save a page and open it from disk, in a window of that size; ``prefers_color_scheme="dark"``."""
        drawing.save(self.folder / "page.html")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        features = [{"name": name.replace("_", "-"), "value": value} for name, value in media.items()]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        self.driver.get((self.folder / "page.html").as_uri())
        return self

    def run(self, script: str, *arguments: Any) -> Any:
        """What a piece of JavaScript returns."""
        return self.driver.execute_script(script, *arguments)

    def wait(self, script: str, *arguments: Any) -> Any:
        """What a piece of JavaScript gives to the function ``done``, later."""
        return self.driver.execute_async_script(
            f"const done = arguments[arguments.length - 1]; {script}", *arguments
        )

    def press(self, *keys: str) -> None:
        """Press keys, as somebody at the keyboard does: on whatever has the focus."""
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def text(self, selector: str) -> str:
        """The text of the first element that a selector finds."""
        found: str = self.run("return document.querySelector(arguments[0]).textContent", selector)
        return found

    def number(self, node: int, kind: str) -> float | None:
        """The ``"value"`` or the ``"gradient"`` that stands on a card, or None while it is empty."""
        shown = self.run(
            """const card = document.querySelector(`.card[data-key="n${arguments[0]}"]`);
            const cells = [...card.querySelectorAll(".cell")];
            const cell = cells.find((cell) => cell.classList.contains("back") === (arguments[1] === "gradient"));
            return cell?.querySelector(".number")?.textContent ?? null;""",
            node,
            kind,
        )
        return None if shown is None else float(shown.replace("\N{MINUS SIGN}", "-"))

    def busy(self) -> float:
        """The seconds of processor time that the page has taken: other processes do not disturb them."""
        self.driver.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
        metrics = self.driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
        return float(next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration"))

    def errors(self) -> list[str]:
        """What the browser has complained about since it was asked last."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The browser."""
    webdriver = pytest.importorskip("selenium.webdriver")
    programs = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    missing = [name for name, path in programs.items() if path is None]
    assert not missing, f"the tests marked browser need the programs {missing}"
    options = webdriver.ChromeOptions()
    options.binary_location = programs["chromium"]
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(programs["chromedriver"]))
    driver.set_script_timeout(60)
    yield driver
    driver.quit()


@pytest.fixture
def page(chromium: Any, tmp_path: Path) -> Iterator[Page]:
    """A page, which must not have made the browser complain by the end of the test."""
    found = Page(chromium, tmp_path)
    found.errors()
    with mg.use_kernels("reference"):  # nothing here is about the kernels
        yield found
    assert found.errors() == []
