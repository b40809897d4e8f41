"""Opens the console in Chromium and prints as JSON what is seen there.

    console.py look ORIGIN AXE     every view in both languages and appearances, wide and narrow: what axe-core objects to,
                                   what the browser complains of, who else was asked, and everything that the pages hold
    console.py walk ORIGIN         finds out why deliveries stopped, and resumes them: by keyboard alone
    console.py limits ORIGIN       what somebody sees who may only look
    console.py loses ORIGIN        says `open` and waits for a line; says what is shown when the gateway has gone meanwhile
"""

import json
import sys

from playwright.sync_api import sync_playwright

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WAIT_MS = 20_000
TABS_MAX = 150


class Console:
    """A browser that has the console open, and everything it complained of."""

    def __init__(self, playwright, origin, language="en", appearance="light", width=1280):
        self.origin = origin
        self.complaints = []
        self.elsewhere = []
        self.browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        context = self.browser.new_context(
            locale=language, color_scheme=appearance, viewport={"width": width, "height": 800}
        )
        self.page = context.new_page()
        self.page.set_default_timeout(WAIT_MS)
        self.page.on("console", self.heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self.asked)
        self.open("")

    def heard(self, message):
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def asked(self, request):
        if not request.url.startswith((self.origin + "/", "data:")):
            self.elsewhere.append(request.url)

    def open(self, view):
        # Another fragment alone would leave the view before it there for a moment.
        self.page.goto("about:blank")
        self.page.goto(f"{self.origin}/{view and 'console/' + view}")
        self.page.wait_for_selector("#heading")

    def text(self, selector):
        return " ".join(self.page.inner_text(selector).split())

    def says(self, selector, text):
        """Waits until the first such element says this."""
        self.page.locator(selector, has_text=text).first.wait_for()

    def tab_to(self, name):
        """Presses Tab until what has the focus is called so. What has the focus must be seen to have it."""
        for _ in range(TABS_MAX):
            self.page.keyboard.press("Tab")
            focus = self.page.evaluate(FOCUS)
            if focus and focus["name"].startswith(name):
                assert focus["seen"], f"`{name}` has the focus, and it is not seen"
                return
        raise AssertionError(f"no way to `{name}` by keyboard")

    def press(self, name):
        self.tab_to(name)
        self.page.keyboard.press("Enter")


FOCUS = """() => {
  const focus = document.activeElement;
  if (!focus || focus === document.body) return null;
  const { outlineStyle, outlineWidth } = getComputedStyle(focus);
  const { top, bottom, width, height } = focus.getBoundingClientRect();
  const name = (focus.getAttribute("aria-label") ?? focus.textContent ?? "").trim().replace(/\\s+/g, " ");
  const outlined = outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
  return { name, seen: outlined && width > 0 && height > 0 && bottom > 0 && top < innerHeight };
}"""

# Targets of 24 by 24, but for links within a sentence: WCAG 2.2, 2.5.8.
SMALL = """() => [...document.querySelectorAll("button, select, input, nav a, .acts a, td a")].filter((target) => {
  const { width, height } = target.getBoundingClientRect();
  return width > 0 && (width < 24 || height < 24);
}).map((target) => target.outerHTML)"""


def look(playwright, origin, axe):
    """Each view as it is, and once more with the dialog of an act open."""
    found = {"violations": [], "complaints": [], "elsewhere": [], "wide": [], "small": [], "pages": []}
    rules = open(axe, encoding="utf-8").read()
    for language, appearance, width in (("en", "light", 1280), ("et", "dark", 320), ("en", "dark", 768)):
        console = Console(playwright, origin, language, appearance, width)
        page = console.page
        transfer = page.evaluate("fetch('/admin/v1/transfers').then((answer) => answer.json())")["transfers"][0]
        views = ["", "#/transfers", "#/transfers?destination=employer", f"#/transfers/{transfer['transfer']}"]
        views += ["#/certificates", "#/ledger", "#/about", "#/runbook/clearanceundelivered", "#/transfers/none"]
        for view in [*views, "dialog"]:
            if view == "dialog":
                console.open("")
                page.locator(".destination button").first.click()
                page.locator("dialog .effect").wait_for()
            else:
                console.open(view)
            page.evaluate(rules)
            result = page.evaluate("(tags) => axe.run(document, { runOnly: tags })", WCAG)
            found["violations"] += [
                f"{view} {language} {appearance}: {one['id']} at {one['nodes'][0]['target']}: {one['nodes'][0]['html'][:200]}"
                for one in result["violations"]
            ]
            found["small"] += [f"{view} {language}: {target}" for target in page.evaluate(SMALL)]
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                found["wide"].append(f"{view} {language} {width}")
            assert page.evaluate("document.documentElement.lang") == language
            assert page.evaluate("document.querySelectorAll('h1').length") == 1, view
            found["pages"].append({"view": view, "title": page.title(), "content": page.content()})
        found["complaints"] += console.complaints
        found["elsewhere"] += console.elsewhere
        console.browser.close()
    # The detail of a transfer that is not there is refused; the browser says so, and it may.
    found["complaints"] = [said for said in found["complaints"] if "404" not in said]
    return found


def walk(playwright, origin):
    """From "what is wrong" over its transfers to the act that mends it. The mouse is not touched."""
    console = Console(playwright, origin)
    page = console.page
    seen = {"verdict": console.text("h1"), "title": page.title(), "trouble": console.text(".trouble")}

    console.press("Transfers employer")
    console.says("h1", "Transfers")
    seen["address"] = page.evaluate("location.hash")
    console.says("td", "accepted")
    console.press("Transfer ")
    console.says("h2", "History")
    seen["focus"] = page.evaluate("document.activeElement.id")
    seen["detail"] = console.text("main")

    # The focus is at the heading now; Shift+Tab leads back up to the views.
    for _ in range(20):
        page.keyboard.press("Shift+Tab")
        if page.evaluate(FOCUS)["name"].startswith("Now"):
            break
    page.keyboard.press("Enter")
    console.says("h2", "Destinations")
    console.press("Resume… employer")
    console.says("dialog .effect", "Would affect")
    seen["dialog"] = console.text("dialog")
    console.press("Resume")
    console.says("#notice", "resumed")
    assert page.locator("dialog[open]").count() == 0
    seen["notice"] = console.text("#notice")
    console.says("h1", "Nothing is wrong")
    seen["end"] = console.text("h1")
    seen["complaints"] = console.complaints
    return seen


def limits(playwright, origin):
    console = Console(playwright, origin)
    buttons = console.page.locator(".destination button")
    seen = {"buttons": buttons.count(), "enabled": sum(one.is_enabled() for one in buttons.all())}
    seen["note"] = console.text("section > .note")
    for view, role in (("certificates", "certs"), ("ledger", "dpo"), ("about", "ops")):
        console.open(f"#/{view}")
        console.says("main .note", role)
        seen["enabled"] += sum(one.is_enabled() for one in console.page.locator("main button").all())
    return seen


def loses(playwright, origin):
    console = Console(playwright, origin)
    seen = {"before": console.text("h1"), "pulse": console.text(".pulse")}
    print("open", flush=True)
    sys.stdin.readline()
    console.says(".trouble.lost", "No connection to the gateway")
    seen["after"] = console.text("h1")
    seen["trouble"] = console.text(".trouble.lost")
    seen["states"] = console.page.locator(".destination .status").all_inner_texts()
    seen["good"] = console.page.locator("main .icon.good").count()
    seen["enabled"] = sum(one.is_enabled() for one in console.page.locator("main button").all())
    seen["title"] = console.page.title()
    return seen


with sync_playwright() as started:
    step, *rest = sys.argv[1:]
    print(json.dumps({"look": look, "walk": walk, "limits": limits, "loses": loses}[step](started, *rest)))
