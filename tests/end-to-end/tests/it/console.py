"""Opens the console in Chromium and prints as JSON what is seen there.

With made-up answers:

    console.py look ORIGIN AXE   every view, with answers of a bad and of a good day, in both languages and appearances,
                                 wide and narrow: what axe-core objects to, what the browser complains of, who was asked
    console.py steer ORIGIN      every act, by keyboard alone: what is shown and what is sent
    console.py limits ORIGIN     what somebody sees who may only look
    console.py loses ORIGIN      what is shown when the gateway cannot be reached any more, and then again

With what the gateway itself answers:

    console.py read ORIGIN       everything that its pages hold
    console.py walk ORIGIN       finds out why deliveries stopped, and resumes them: by keyboard alone
"""

import json
import sys
from shutil import which
from urllib.parse import parse_qsl, urlsplit

from console_scenes import Scene
from playwright.sync_api import sync_playwright

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WAIT_MS = 20_000
TABS_MAX = 150
API = "/admin/v1/"


class Console:
    """A browser that has the console open, and everything it complained of. With a scene, that answers for the API."""

    def __init__(self, browser, origin, scene=None, language="en", appearance="light", width=1280):
        self.origin = origin
        self.scene = scene
        self.complaints = []
        self.elsewhere = []
        viewport = {"width": width, "height": 800}
        self.page = browser.new_page(locale=language, color_scheme=appearance, viewport=viewport)
        self.page.set_default_timeout(WAIT_MS)
        self.page.on("console", self.heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self.asked)
        if scene:
            self.page.route(f"{origin}{API}**", self.answered)
        self.open("")

    def heard(self, message):
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def asked(self, request):
        if not request.url.startswith((self.origin + "/", "data:")):
            self.elsewhere.append(request.url)

    def answered(self, route):
        address, request = urlsplit(route.request.url), route.request
        path = address.path.removeprefix(API)
        if self.scene.gone:
            return route.abort()
        if path == "events":
            # One event, and the stream ends: the page goes on by looking every few seconds.
            return route.fulfill(content_type="text/event-stream", body="event: trouble\ndata: {}\n\n")
        if request.method == "GET":
            status, document = self.scene.answer(path, dict(parse_qsl(address.query)))
        else:
            assert request.headers["content-type"] == "application/json"
            status, document = self.scene.act(path, request.post_data_json)
        return route.fulfill(status=status, content_type="application/json", body=json.dumps(document))

    def open(self, view):
        # Another fragment alone would leave the view before it there for a moment.
        self.page.goto("about:blank")
        self.page.goto(f"{self.origin}/{view and 'console/' + view}")
        self.page.wait_for_selector(".view[aria-busy=false] #heading")

    def text(self, selector):
        return " ".join(self.page.inner_text(selector).split())

    def says(self, selector, text):
        """Waits until one such element says this."""
        self.page.locator(selector, has_text=text).first.wait_for()

    def tab_to(self, name, key="Tab"):
        """Presses Tab until what has the focus is called so. What has the focus must be seen to have it."""
        for _ in range(TABS_MAX):
            self.page.keyboard.press(key)
            focus = self.page.evaluate(FOCUS)
            if focus and focus["name"].startswith(name):
                assert focus["seen"], f"`{name}` has the focus, and it is not seen"
                return
        raise AssertionError(f"no way to `{name}` by keyboard")

    def press(self, name, key="Tab"):
        self.tab_to(name, key)
        self.page.keyboard.press("Enter")


FOCUS = """() => {
  const focus = document.activeElement;
  if (!focus || focus === document.body) return null;
  const { outlineStyle, outlineWidth } = getComputedStyle(focus);
  const { top, bottom, width, height } = focus.getBoundingClientRect();
  const name = (focus.labels?.[0]?.textContent ?? focus.textContent).trim().replace(/\\s+/g, " ");
  const outlined = outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
  return { name, seen: outlined && width > 0 && height > 0 && bottom > 0 && top < innerHeight };
}"""

REMEMBERED = "[document.documentElement.lang, getComputedStyle(document.body).colorScheme]"

AXE = "(tags) => axe.run(document, { runOnly: tags, resultTypes: ['violations'] })"

# Targets of 24 by 24, but for links within a sentence: WCAG 2.2, 2.5.8.
SMALL = """() => [...document.querySelectorAll("button, select, input, nav a, .acts a, td a")].filter((target) => {
  const { width, height } = target.getBoundingClientRect();
  return width > 0 && (width < 24 || height < 24);
}).map((target) => target.outerHTML)"""


def look(browser, origin, axe):
    """Each view as it is, and once more with the dialog of an act open."""
    found = {"violations": [], "complaints": [], "elsewhere": [], "wide": [], "small": [], "seen": 0}
    with open(axe, encoding="utf-8") as file:
        rules = file.read()
    troubled, well = Scene(), Scene(well=True, transfers=0)
    one = troubled.transfers[4]["transfer"]
    views = ["", "#/transfers", "#/transfers?destination=employer&state=unknown", f"#/transfers/{one}"]
    views += ["#/certificates", "#/ledger", "#/about", "#/runbook/clearanceundelivered", "dialog"]
    for scene, language, appearance, width, shown in (
        (troubled, "en", "light", 1280, views),
        (troubled, "et", "dark", 320, views),
        (troubled, "en", "dark", 768, ["", "dialog"]),
        (Scene(roles=["read"]), "et", "light", 1280, ["", "#/about"]),
        (well, "en", "light", 320, ["", "#/transfers"]),
    ):
        console = Console(browser, origin, scene, language, appearance, width)
        page = console.page
        for view in shown:
            console.open("" if view == "dialog" else view)
            if view == "dialog":
                page.locator(".destination button").first.click()
                page.locator("dialog .effect").wait_for()
            which = f"{view} {language} {appearance} {width}"
            page.evaluate(rules)
            result = page.evaluate(AXE, WCAG)
            found["violations"] += [
                f"{which}: {one['id']}: {node['target']} {node['html'][:200]}"
                for one in result["violations"]
                for node in one["nodes"][:1]
            ]
            found["small"] += [f"{which}: {target}" for target in page.evaluate(SMALL)]
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                found["wide"].append(which)
            assert page.evaluate("document.documentElement.lang") == language
            assert page.evaluate("document.querySelectorAll('h1').length") == 1, which
            found["seen"] += 1
        found["complaints"] += console.complaints
        found["elsewhere"] += console.elsewhere
        page.close()
    return found


def steer(browser, origin):
    scene = Scene()
    console = Console(browser, origin, scene)
    keyboard = console.page.keyboard
    seen = {}

    # A trouble that is mended goes, and does not take the focus with it.
    console.press("Resume… image-bank")
    console.says("dialog .effect", "Would affect")
    console.press("Resume")
    console.says("#notice", "image-bank is resumed")
    console.page.locator(".trouble", has_text="image-bank").wait_for(state="detached")
    seen["focus after resuming"] = console.page.evaluate("document.activeElement.id")

    # The dialog begins at its first field; Escape leaves without an act, and gives the focus back.
    console.press("Pause… employer")
    console.says("dialog .effect", "Would affect")
    seen["pause"] = console.text("dialog")
    keyboard.press("Escape")
    seen["after escape"] = console.page.evaluate(FOCUS)["name"]
    keyboard.press("Enter")
    console.says("dialog .effect", "Would affect")
    keyboard.type("their certificate")
    keyboard.press("Enter")
    console.says("#notice", "employer is paused.")
    console.says(".trouble", "employer: paused")

    console.open("#/transfers?destination=employer")
    console.press("Retry now… employer")
    console.says("dialog", "3 are skipped: under way")
    console.press("Retry now")
    console.says("#notice", "2 transfers are due now.")
    console.press("Discard… employer")
    console.says("dialog .effect", "Would affect 2 transfers.")
    console.tab_to("It is cleared up with the destination")
    keyboard.press("Space")
    console.says("dialog .effect", "Would affect 3 transfers.")
    console.tab_to("Reason")
    keyboard.type("sent again by the clinic")
    console.press("Discard")
    console.says("#notice", "3 transfers are discarded.")

    # A filter changes the address and leaves the focus where it was chosen.
    console.tab_to("State", "Shift+Tab")
    keyboard.press("ArrowDown")
    console.page.wait_for_function("location.hash.endsWith('state=accepted')")
    console.page.wait_for_selector(".view[aria-busy=false]")
    seen["focus after filter"] = console.page.evaluate("document.activeElement.id")
    seen["states"] = sorted(set(console.page.locator("td > .status:first-child").all_inner_texts()))
    console.open("#/transfers")
    console.press("Older")
    console.says("nav", "Newest")
    seen["page 2"] = console.page.locator("tbody tr").count()

    console.open("#/certificates")
    console.press("Reload")
    console.says("#notice", "One keeps its old files: employer: authority (holds no certificate)")
    console.open("#/ledger")
    seen["verified"] = console.text(".view dl")
    console.press("Verify")
    console.says("dd", "1,200 entries, whole")
    console.open("#/about")
    console.tab_to("Filter of the log")
    keyboard.press("End")
    keyboard.type(",gateway::delivery=debug")
    keyboard.press("Enter")
    console.says("#notice", "it was info.")

    # What is chosen is remembered.
    console.page.select_option("#language", "et")
    console.page.select_option("#theme", "dark")
    console.says("h1", "Lüüs")
    console.open("")
    seen["remembered"] = console.page.evaluate(REMEMBERED)
    return {**seen, "acts": scene.acts, "complaints": console.complaints}


def limits(browser, origin):
    console = Console(browser, origin, Scene(roles=["read"]))
    buttons = console.page.locator("main button")
    seen = {"buttons": buttons.count(), "enabled": sum(one.is_enabled() for one in buttons.all())}
    seen["note"] = console.text("section > .note")
    needed = {"transfers?destination=employer": "ops", "certificates": "certs", "ledger": "dpo", "about": "ops"}
    for view, role in needed.items():
        console.open(f"#/{view}")
        console.says("main .note", f"This needs the role {role}")
        seen["buttons"] += buttons.count()
        seen["enabled"] += sum(one.is_enabled() for one in buttons.all())
    return seen


def loses(browser, origin):
    scene = Scene(well=True)
    console = Console(browser, origin, scene)
    states = console.page.locator(".destination .status")
    seen = {"before": console.text("h1"), "well": states.all_inner_texts()}
    scene.gone = True
    console.says(".trouble.lost", "No connection to the gateway")
    seen |= {"after": console.text("h1"), "trouble": console.text(".trouble.lost"), "was": states.all_inner_texts()}
    seen["good"] = console.page.locator(".icon.good").count()
    seen["enabled"] = sum(one.is_enabled() for one in console.page.locator("main button").all())
    seen["title"] = console.page.title()
    console.page.evaluate("location.hash = '#/certificates'")
    console.says("h1", "Certificates")
    seen["another view"] = console.text("main")
    scene.gone = False
    console.says("caption", "In force")
    seen["lost at the end"] = console.page.locator(".lost").count()
    return seen


def read(browser, origin):
    console = Console(browser, origin)
    listed = console.page.evaluate(f"fetch('{API}transfers').then((answer) => answer.json())")["transfers"]
    views = ["", "#/transfers", "#/certificates", "#/ledger", "#/about"]
    views += [f"#/transfers/{one['transfer']}" for one in listed]
    pages = []
    for view in views:
        console.open(view)
        pages.append({"view": view, "text": console.text("main"), "content": console.page.content()})
    return {"pages": pages, "complaints": console.complaints, "elsewhere": console.elsewhere}


def walk(browser, origin):
    """From "what is wrong" over its transfers to the act that mends it. The mouse is not touched."""
    console = Console(browser, origin)
    page = console.page
    seen = {"verdict": console.text("h1"), "title": page.title(), "trouble": console.text(".trouble")}

    console.press("Transfers employer")
    console.says("h1", "Transfers")
    seen["address"] = page.evaluate("location.hash")
    console.says("td", "accepted")
    console.press("Transfer …")
    console.says("h2", "History")
    seen["focus"] = page.evaluate("document.activeElement.id")
    seen["detail"] = console.text("main")

    # The focus is at the heading now; the views are above it.
    console.press("Now", "Shift+Tab")
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
    # The button went with its trouble. The focus did not.
    seen["focus at the end"] = page.evaluate("document.activeElement.id")
    seen["complaints"] = console.complaints
    return seen


STEPS = {"look": look, "steer": steer, "limits": limits, "loses": loses, "read": read, "walk": walk}

with sync_playwright() as playwright:
    step, *rest = sys.argv[1:]
    # The system's; Playwright would bring its own. Where tests run in a container there is no other sandbox.
    chromium = playwright.chromium.launch(executable_path=which("chromium"), args=["--no-sandbox"])
    print(json.dumps(STEPS[step](chromium, *rest)))
