"""The page in a browser: it plays, shows the tensors' numbers, obeys the keyboard, and lets no text run."""

from __future__ import annotations

import inspect
import textwrap
from typing import TYPE_CHECKING, Any

import pytest

import minigrad as mg
from minigrad import nn
from minigrad.ops.activation import Tanh
from minigrad.ops.arithmetic import Mul
from viz.models import Perceptron

if TYPE_CHECKING:
    from viz.page.conftest import Page

pytestmark = pytest.mark.browser

HOSTILE = "</script><script>window.hit = 1</script><img src=x onerror='window.hit = 1'>\"'`${window.hit = 1}{{1}}"


def micrograd() -> tuple[mg.Play, dict[str, mg.Tensor]]:
    """The example of micrograd's README (https://github.com/karpathy/micrograd)."""
    a, b = mg.tensor(-4.0, requires_grad=True), mg.tensor(2.0, requires_grad=True)
    c = a + b
    d = a * b + b**3
    c = c + (c + 1)
    c = c + (1 + c + (-a))
    d = d + (d * 2 + (b + a).relu())
    d = d + (3 * d + (b - a).relu())
    e = c - d
    f = e**2
    g = f / 2.0
    g = g + 10.0 / f
    values = {"a": a, "b": b, "c": c, "d": d, "e": e, "f": f, "g": g}
    return mg.play(g, names=values), values


def small() -> mg.Play:
    """L = (a b + a) f: five cards, eleven moments."""
    a, b, f = (mg.tensor(number, requires_grad=True) for number in (2.0, -3.0, -2.0))
    e = a * b
    return mg.play((e + a) * f, names={"a": a, "b": b, "f": f, "e": e})


def perceptron() -> mg.Play:
    return mg.play(Perceptron(), mg.tensor([[0.5, -2.0], [1.0, 3.0]]), mg.tensor([[1.0], [0.0]]))


class Block(nn.Module):
    """Two layers around which the input is carried too."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(size, size), nn.Linear(size, size)

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        return x + self.down(self.up(x).relu())


def deep(blocks: int) -> mg.Play:
    """Eight nodes a block: two weights, two biases, four operations."""
    return mg.play(nn.Sequential(*[Block(3) for _ in range(blocks)]), mg.randn(2, 3), mg.randn(2, 3))


def node(play: mg.Drawing, **wanted: Any) -> int:
    """The id of the first node with these fields."""
    return next(n.id for n in play.graph.nodes if all(getattr(n, name) == value for name, value in wanted.items()))


# -- playing -------------------------------------------------------------------------------------------------


def test_it_steps_through_to_the_end_and_asks_for_nothing(page: Page) -> None:
    play, _ = micrograd()
    page.open(play).press("\ue011")  # Home
    assert "nothing is computed yet" in page.text("#story")
    operations = sum(n.kind == "operation" for n in play.graph.nodes)
    for moment in range(1, operations + len(play.steps) + 1):
        page.run("document.getElementById('next').click()")
        assert page.run("return app.timeline.now") == moment
    assert "Done: all 2 parameters have their gradients" in page.text("#story")
    assert page.text("#count") == f"backward {len(play.steps)} of {len(play.steps)}"
    assert page.run("return performance.getEntriesByType('resource').length") == 0


def test_it_opens_with_every_value_in_its_place_and_plays_from_the_start(page: Page) -> None:
    play = small()
    page.open(play)
    assert "Press play to see it from the start" in page.text("#story")
    assert page.run("return document.querySelectorAll('.card[data-state=waiting]').length") == 0
    assert [page.number(n.id, "value") for n in play.graph.nodes] == [
        n.value.numbers[0] for n in play.graph.nodes if n.value is not None
    ]
    page.run("app.player.toggle(); app.player.pause()")
    assert page.run("return app.timeline.now") == 1


def test_a_constant_that_is_nearly_1_does_not_read_1(page: Page) -> None:
    page.open(mg.draw(mg.tensor(-1.0001, requires_grad=True) + 0.1))
    numbers = (
        "return [...document.querySelectorAll('.card:not(.operation) .number')].map((text) => text.textContent)"
    )
    assert page.run(numbers) == ["\N{MINUS SIGN}1.0001", "0.1"]


def test_the_numbers_of_the_micrograd_readme_stand_on_the_cards(page: Page) -> None:
    play, values = micrograd()
    page.open(play).press("\ue010")  # End
    page.run("app.fit()")
    gradients = dict(zip(values, mg.grad(values["g"], list(values.values()), retain_graph=True), strict=True))
    for name, tensor in values.items():
        gradient = gradients[name]
        assert gradient is not None
        id = node(play, symbol=name, kind="parameter" if name in "ab" else "operation")
        page.run("app.scene.active = arguments[0]; app.scene.refresh()", f"n{id}")
        assert page.number(id, "value") == pytest.approx(tensor.item(), rel=5e-4)
        assert page.number(id, "gradient") == pytest.approx(gradient.item(), rel=5e-4)
    assert page.number(node(play, symbol="g"), "value") == pytest.approx(24.7041, rel=5e-4)
    for name, gradient in (("a", 138.8338), ("b", 645.5773)):
        id = node(play, symbol=name, kind="parameter")
        assert page.number(id, "gradient") == pytest.approx(gradient, rel=5e-4)


def test_a_value_appears_when_it_is_computed_and_a_gradient_when_it_arrives(page: Page) -> None:
    play = small()
    page.open(play).press("\ue011")  # Home
    a, e = node(play, symbol="a"), node(play, symbol="e")
    assert (page.number(a, "value"), page.number(e, "value")) == (2.0, None)
    page.press("\ue014")  # →
    assert page.number(e, "value") == -6.0
    page.run("app.player.go(5)")  # the Mul that makes the result has given its gradient to the Add
    assert page.number(a, "gradient") is None
    page.press("\ue014")
    assert page.number(a, "gradient") == -2.0  # from the Add
    page.press("\ue014")
    assert page.number(a, "gradient") == 4.0  # and from the Mul: they add up
    assert "together 4" in page.text("#story")
    page.press("\ue012")  # ←
    assert page.number(a, "gradient") == -2.0


def test_values_flow_forward_along_lines_and_gradients_back(page: Page) -> None:
    page.open(small()).press("\ue011", "\ue014")  # Home, →
    states = "return app.scene.lines.map((line) => [line.route.from, line.route.to, line.state])"
    assert [line[2] for line in page.run(states)] == [
        "flowing",
        "flowing",
        "waiting",
        "waiting",
        "waiting",
        "waiting",
    ]
    page.run("app.player.go(6)")
    assert [line[2] for line in page.run(states)] == ["done", "done", "returning", "returning", "walked", "walked"]
    carried = "return [...document.querySelectorAll('.carried')].map((text) => text.textContent)"
    assert page.run(carried) == ["−2", "−2"]


def test_play_goes_to_the_end_and_pause_stops(page: Page) -> None:
    page.open(small())
    page.run("document.getElementById('speed').value = '4'; app.player.toggle()")
    moment = page.wait("setTimeout(() => { app.player.pause(); done(app.timeline.now); }, 900)")
    assert 2 <= moment <= 5
    assert page.wait("setTimeout(() => done(app.timeline.now), 500)") == moment
    page.run("app.player.go(6); app.player.toggle()")
    assert page.wait("setTimeout(() => done([app.timeline.now, app.player.isPlaying]), 700)") == [7, False]


def test_the_slider_goes_anywhere(page: Page) -> None:
    page.open(small())
    page.run("const s = app.player.slider; s.value = '5'; s.dispatchEvent(new Event('input'))")
    assert page.run("return [app.timeline.now, app.player.slider.getAttribute('aria-valuetext')]") == [
        5,
        "backward 2 of 4",
    ]


def test_a_page_without_a_walk_says_so_and_plays_the_forward_pass(page: Page) -> None:
    x = mg.tensor(2.0, requires_grad=True)
    page.open(mg.draw(x.exp() * x)).press("\ue010")
    assert "forward only: mg.play(loss)" in page.text("#counts")
    assert "forward pass only" in page.text("#story")
    assert page.run("return app.timeline.now") == 2


def test_gradients_that_tensors_carry_are_shown_without_a_walk(page: Page) -> None:
    x = mg.tensor(3.0, requires_grad=True)
    y = x * x
    y.backward(retain_graph=True)
    drawing = mg.draw(y, names={"x": x})
    page.open(drawing)
    assert page.number(node(drawing, symbol="x"), "gradient") == 6.0


# -- the panel -----------------------------------------------------------------------------------------------


def test_a_click_opens_the_panel_with_the_formula_and_its_numbers(page: Page) -> None:
    play = small()
    page.open(play)
    page.driver.find_element("css selector", f'.card[data-key="n{node(play, symbol="e")}"]').click()
    assert page.text("#panel h2") == "Mul"
    assert page.text("#panel .formula") == "e = a · b"
    assert page.text("#panel .numbers") == "−6 = 2 · (−3)"
    assert "∂L/∂a = ∂L/∂e · ∂e/∂a = −2 · (−3) = 6" in page.text("#panel")
    assert "test_page.py, line" in page.text("#panel dl")


def test_the_panel_has_the_source_of_both_rules(page: Page) -> None:
    play = small()
    page.open(play).run(f"app.open('n{node(play, symbol='e')}')")
    shown = page.run("return [...document.querySelectorAll('#panel pre')].map((pre) => pre.textContent)")
    assert shown == [textwrap.dedent(inspect.getsource(rule)) for rule in (Mul.forward, Mul.backward)]


@pytest.mark.parametrize("symbol", ["z₁", "a₁"])
def test_the_table_has_the_numbers_of_the_tensor_exactly(symbol: str, page: Page) -> None:
    model, x = Perceptron(), mg.tensor([[0.5, -2.0], [1.0, 3.0]])
    z = model.layer1(x)
    wanted = {"z₁": z, "a₁": z.sigmoid()}[symbol].tolist()
    play = mg.play(model, x, mg.tensor([[1.0], [0.0]]))
    page.open(play).run(f"app.open('n{node(play, title='Sigmoid')}')")
    page.run("document.querySelector('input[value=table]').click()")
    numbers = page.run(
        """const figures = [...document.querySelectorAll("#panel .array")];
        const figure = figures.find((found) => found.querySelector("var").textContent === arguments[0]);
        const table = figure.querySelector("table");
        return [...table.querySelectorAll("tbody tr")].map((row) =>
          [...row.querySelectorAll("td")].map((cell) => Number(cell.title)));""",
        symbol,
    )
    assert numbers == wanted


def test_the_panel_shows_a_heat_map_and_a_histogram(page: Page) -> None:
    play = mg.play(nn.Sequential(nn.Linear(8, 8), nn.Tanh()), mg.randn(8, 8), mg.zeros(8, 8))
    page.open(play).run(f"app.open('n{node(play, title='Tanh')}')")
    count = "return document.querySelectorAll(arguments[0]).length"
    assert page.run(count, "#panel svg.map") >= 3  # z, a, and the gradient
    page.run("document.querySelector('input[value=histogram]').click()")
    assert page.run(count, "#panel svg.map") == 0
    assert page.run(count, "#panel svg.histogram rect") >= 3 * 16


def test_the_panel_says_when_a_node_acts_and_goes_there(page: Page) -> None:
    play = small()
    page.open(play).run(f"app.open('n{node(play, symbol='e')}')")
    page.run("[...document.querySelectorAll('.moment')].find((b) => b.textContent.startsWith('backward')).click()")
    assert page.run("return app.timeline.now") == 7


# -- the keyboard --------------------------------------------------------------------------------------------


def test_everything_can_be_done_by_keyboard(page: Page) -> None:
    page.open(perceptron())
    now, zoom = "return app.timeline.now", "return app.scene.camera.zoom"
    page.press("\ue011")  # Home
    assert page.run(now) == 0
    page.press("\ue014", "\ue014")
    assert page.run(now) == 2
    page.press("b")
    assert page.run(now) == page.run("return app.timeline.forwardEnd")
    page.press(" ")
    assert page.run("return app.player.isPlaying") is True
    page.press(" ")
    page.press("n", "\ue007")  # to a card, and Enter
    assert page.run("return app.panel.isOpen && document.activeElement.tagName") == "H2"
    page.press("\ue00c")  # Escape
    assert page.run("return app.panel.isOpen") is False
    assert page.run("return document.activeElement.dataset.key") == page.run("return app.scene.active")
    before = page.run("return app.scene.active")
    page.driver.switch_to.active_element.send_keys("\ue008", "\ue014")  # Shift →
    assert page.run("return app.scene.active") != before
    before = page.run(zoom)
    page.press("+")
    assert page.run(zoom) > before
    x = page.run("return app.scene.camera.x")
    page.press("d")
    assert page.run("return app.scene.camera.x") == x - 90
    page.press("r")
    assert page.run("return app.scene.layout.isDownwards") is True
    page.press("?")
    assert page.run("return app.help.open") is True
    page.press("\ue00c")
    assert page.run("return app.help.open") is False


def test_search_finds_a_node_in_a_folded_module_and_opens_it(page: Page) -> None:
    page.open(perceptron())
    page.driver.switch_to.active_element.send_keys("\ue008", "u")  # fold all
    assert page.run("return app.scene.folded.size") == 3
    page.press("/")
    page.press(*"layer2.weight", "\ue015", "\ue013", "\ue007")  # ↓ ↑ Enter
    assert page.text("#panel h2") == "layer2.weight"
    assert page.run("return [...app.scene.folded]") == [1]
    assert page.run("return document.getElementById('found').hidden") is True


def test_search_finds_nothing_and_says_so(page: Page) -> None:
    page.open(small()).press("/", *"zebra")
    assert page.text("#found") == "nothing found"


def test_every_control_has_a_name_and_the_focus_is_seen(page: Page) -> None:
    page.open(perceptron())
    nameless = page.run(
        """return [...document.querySelectorAll("button, input, select, [role=button]")].filter((element) =>
          !(element.getAttribute("aria-label") || element.textContent.trim() || element.labels?.length)).length"""
    )
    assert nameless == 0
    page.press("n")
    label = page.run("return document.activeElement.getAttribute('aria-label')")
    assert label.startswith("x, input, value")
    width = page.run("return getComputedStyle(document.activeElement.querySelector('.body')).strokeWidth")
    assert float(width.removesuffix("px")) >= 2.5


# -- layout --------------------------------------------------------------------------------------------------

OVERLAPS = """
const { boxes } = app.scene.layout;
const within = (a, b, x, width) => a[x] >= b[x] && a[x] + a[width] <= b[x] + b[width];
const inside = (a, b) => within(a, b, "x", "width") && within(a, b, "y", "height");
const before = (a, b, x, width) => a[x] + a[width] <= b[x];
const beside = (a, b) => before(a, b, "x", "width") || before(a, b, "y", "height");
const apart = (a, b) => beside(a, b) || beside(b, a);
const around = (key) => new Visibility(app.model, app.scene.folded).framesAround(key);
const wrong = [];
const all = [...boxes.values()].slice(0, 400);
for (const a of all) for (const b of all) {
  if (a === b || around(b.key).includes(a.key)) continue;
  if (around(a.key).includes(b.key) ? !inside(a, b) : !apart(a, b)) wrong.push([a.key, b.key]);
}
return wrong;
"""


@pytest.mark.parametrize("is_downwards", [False, True])
def test_nothing_overlaps_and_frames_hold_what_is_theirs(is_downwards: bool, page: Page) -> None:
    page.open(deep(6))
    page.run("app.scene.isDownwards = arguments[0]; app.scene.arrange()", is_downwards)
    assert page.run("return app.scene.layout.boxes.size") == 4 + 8 * 6 + 1 + 3 * 6 + 1
    assert page.run(OVERLAPS) == []


def test_lines_begin_and_end_at_their_cards(page: Page) -> None:
    page.open(deep(3))
    wrong = page.run(
        """const { boxes } = app.scene.layout;
        const isOff = ([x, y], box, side) =>
          Math.abs(x - side) > 0.6 || y < box.y || y > box.y + box.height;
        return app.scene.lines.filter(({ start, finish, route }) => {
          const [from, to] = [boxes.get(route.from), boxes.get(route.to)];
          return isOff(start, from, from.x + from.width) || isOff(finish, to, to.x);
        }).length"""
    )
    assert wrong == 0


def test_values_flow_in_one_direction(page: Page) -> None:
    page.open(micrograd()[0])
    backwards = page.run("return app.scene.lines.filter((line) => line.finish[0] <= line.start[0]).length")
    assert backwards == 0


def test_a_module_folds_into_a_card_and_unfolds_where_it_was(page: Page) -> None:
    play = perceptron()
    page.open(play)
    before = page.run("return app.scene.items.size")
    page.driver.find_element("css selector", '.handle[data-key="m1"]').click()
    assert page.run("return app.scene.items.size") == before - 4  # two operations, a weight and a bias
    assert page.run("return document.activeElement.getAttribute('aria-expanded')") == "false"
    page.press("\ue011", "\ue014")
    assert page.run("return app.timeline.now") == 2  # both operations of the module at once
    page.press("\ue007")
    assert page.run("return app.scene.items.size") == before


# -- size ----------------------------------------------------------------------------------------------------


def test_a_detached_value_comes_along_a_line_that_says_so_and_no_gradient_goes_back(page: Page) -> None:
    x = mg.tensor(1.0, requires_grad=True)
    a = (x * 2).tanh()
    page.open(mg.play(a.detach() * a))
    lines = "[...document.querySelectorAll('.line.detached')]"
    assert page.run(f"return {lines}.map((line) => line.querySelector('.operand').textContent)") == ["detached"]
    page.run("app.player.go(app.timeline.end)")
    assert page.run(f"return {lines}.map((line) => line.dataset.state)") == ["done"]


def test_a_gradient_is_called_after_what_the_formula_calls_its_value(page: Page) -> None:
    page.open(perceptron())
    page.run("app.player.go(app.timeline.end)")
    assert "∂loss/∂W₁ = ∂loss/∂z₁ · x" in page.text("#story")


def test_on_a_phone_the_title_and_what_a_search_finds_are_in_sight(page: Page) -> None:
    page.open(mg.draw(nn.Sequential(nn.Linear(2, 2)), mg.ones(1, 2)), width=390, height=844)
    page.run("document.querySelector('#title').textContent = 'TransformerEncoderLayer'")
    assert page.run("const t = document.querySelector('#title'); return t.scrollWidth <= t.clientWidth")
    page.run("document.querySelector('#search').focus()")
    page.press("l")
    rectangle = "document.querySelector('#found').getBoundingClientRect()"
    left, right = page.run(f"const {{ left, right }} = {rectangle}; return [left, right]")
    assert 0 <= left < right <= 390


STEP = """
document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
requestAnimationFrame(() => {
  const channel = new MessageChannel(); // its message comes after the frame
  channel.port1.onmessage = () => done();
  channel.port2.postMessage(null);
});
"""


def test_two_thousand_nodes_stay_responsive(page: Page) -> None:
    page.open(deep(250))
    assert page.run("return app.model.nodes.length") >= 2000
    assert page.run("return app.scene.items.size") <= 80  # folded, at first
    unfold = "const start = performance.now(); app.scene.setFolded(new Set()); return performance.now() - start"
    assert page.run(unfold) < 2000
    assert page.run("return app.scene.items.size") >= 2000
    for view in (
        "app.scene.lookFirst()",
        "app.scene.camera.fit(app.scene.extent(), false)",
    ):  # close, and all of it
        page.run(f"app.player.go(app.timeline.forwardEnd - 30); {view}")
        costs = []
        for _ in range(40):
            before = page.busy()
            page.wait(STEP)
            costs.append(page.busy() - before)
        assert sorted(costs)[36] < 0.05  # the 90th percentile: the machine may be busy with other tests


# -- security ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        HOSTILE,
        "a\nb\tc\0d",
        "{braces} %s $1 \\n",
        "\u202eright to left עברית",
        "👩‍👩‍👧 é \U0001f680",
        "x" * 10_000,
    ],
    ids=["script", "newline", "braces", "right-to-left", "emoji", "long"],
)
def test_names_are_text_wherever_they_stand(name: str, page: Page) -> None:
    x, y = mg.tensor(2.0, requires_grad=True), mg.tensor(3.0, requires_grad=True)
    product = x * y
    play = mg.play(product.tanh(), names={name: x, "y": y, name + "2": product})
    page.open(play)
    page.press("\ue010")
    for id in range(len(play.graph.nodes)):
        page.run("app.open(`n${arguments[0]}`)", id)
    page.press("\ue00c", "/")
    page.run("app.search.input.value = arguments[0]; app.search.find()", " ".join(name[:5].split()))
    assert "nothing found" not in page.text("#found")
    page.press("\ue00c")
    assert page.run("return window.hit") is None
    assert page.run("return document.querySelectorAll('script').length") == page.run(
        "return document.querySelectorAll('head ~ body > script').length"
    )
    assert page.run("return document.querySelectorAll('img').length") == 0
    heading = page.run("app.open(arguments[0]); return document.querySelector('#panel h2').textContent", f"n{2}")
    assert heading.startswith(name[:3].replace("\n", " ").replace("\u202e", "\ufffd"))
    assert page.run("return document.documentElement.scrollWidth <= innerWidth") is True
    titles = page.run(
        "return [...document.querySelectorAll('.card .title')].map((text) => text.getComputedTextLength())"
    )
    assert max(titles) < 400


def test_the_policy_is_in_force(page: Page) -> None:
    page.open(small())
    violations = page.wait(
        """const found = [];
        document.addEventListener("securitypolicyviolation", (event) => found.push(event.effectiveDirective));
        const attempt = (act) => { try { act(); } catch (error) { found.push(error.name); } };
        const script = document.createElement("script");
        attempt(() => script.append("window.hit = 1"));
        attempt(() => script.setAttribute("src", "data:text/javascript,window.hit = 1"));
        const style = document.createElement("style");
        style.append("body { display: none }");
        const image = document.createElement("img");
        image.src = "file:///favicon.png";
        attempt(() => document.body.append(script, style, image));
        attempt(() => (document.body.innerHTML = "<b onclick='1'></b>"));
        fetch("file:///page").catch(() => {});
        setTimeout(() => done([found, window.hit ?? null]), 300);"""
    )
    found, hit = violations
    assert hit is None
    assert {"style-src-elem", "img-src", "connect-src", "TypeError"} <= set(found)
    assert any(directive.startswith(("script-src", "require-trusted")) for directive in found)
    page.errors()  # the browser has said so in its console, as it should


# -- screens and people --------------------------------------------------------------------------------------


def test_it_is_readable_on_a_phone(page: Page) -> None:
    page.open(perceptron(), width=390, height=844)
    assert page.run("return document.documentElement.scrollWidth") == 390
    assert page.run("return app.scene.layout.isDownwards") is True
    sizes = page.run(
        "return [...document.querySelectorAll('.buttons button')].map((b) => b.getBoundingClientRect().height)"
    )
    assert min(sizes) >= 44
    page.run("app.open('n0')")
    box = page.run(
        """const { left, width, bottom } = document.getElementById("panel").getBoundingClientRect();
        return [left, width, bottom]"""
    )
    assert box == [0, 390, 844]
    assert page.run("return app.scene.camera.zoom") >= 0.7


def test_it_follows_the_theme_of_the_system_and_has_a_switch(page: Page) -> None:
    background = "return getComputedStyle(document.body).backgroundColor"
    page.open(small(), prefers_color_scheme="light")
    light = page.run(background)
    page.press("t")
    dark = page.run(background)
    assert dark != light
    page.open(small(), prefers_color_scheme="dark")
    assert page.run(background) == dark


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_is_legible_in_both_themes(theme: str, page: Page) -> None:
    page.open(small(), prefers_color_scheme=theme)
    page.run("app.player.go(6); app.open('n0')")
    ratios = page.run(
        """const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
        const light = (colour) => {
          canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
          const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((c) => c / 255)
            .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const probe = document.createElement("i");
        document.body.append(probe);
        const colour = (name) => { probe.style.color = `var(--${name})`; return getComputedStyle(probe).color; };
        return ["ink", "grey", "forward", "backward", "parameter", "warning"].flatMap((ink) =>
          ["ground", "surface", "frame"].map((ground) => {
            const [a, b] = [light(colour(ink)), light(colour(ground))].toSorted((x, y) => y - x);
            return [`${ink} on ${ground}`, (a + 0.05) / (b + 0.05)];
          }));"""
    )
    assert [pair for pair in ratios if pair[1] < 4.5] == []


def test_those_who_asked_for_less_motion_get_none(page: Page) -> None:
    page.open(small(), prefers_reduced_motion="reduce")
    page.press("\ue011", "\ue014")
    assert (
        page.run(
            "return getComputedStyle(document.querySelector('.line[data-state=flowing] .wire')).animationName"
        )
        == "none"
    )
    page.run("app.fit()")
    assert page.run("return app.scene.camera.fitted !== null")
    assert page.run("return document.getAnimations().length") == 0


def test_the_formula_of_an_operation_without_names_has_its_numbers_too(page: Page) -> None:
    x = mg.tensor([[1.0, 2.0]], requires_grad=True)
    play = mg.play(x.tanh().sum())
    page.open(play).run(f"app.open('n{node(play, title=Tanh.title)}')")
    cells = page.run(
        "return [...document.querySelectorAll('#panel .matrix span')].map((cell) => cell.textContent)"
    )
    assert cells == ["0.7616", "0.9640", "1", "2"]
