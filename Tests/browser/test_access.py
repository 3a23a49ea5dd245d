"""Keyboard only, screen readers, and signing in."""

import re

from playwright.sync_api import expect


def press_tab_until(chat, locator, limit=40):
    for _ in range(limit):
        chat.page.keyboard.press("Tab")
        if locator.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError("not reached with the Tab key")


def test_a_whole_chat_by_keys_alone(chat):
    page = chat.page
    expect(chat.box).to_be_focused()
    page.keyboard.type("Hello keys")
    page.keyboard.press("Enter")
    expect(chat.finished).to_have_count(1)
    expect(chat.box).to_be_focused()
    again = chat.finished.get_by_role("button", name="Regenerate")
    page.keyboard.press("Alt+ArrowUp")
    expect(chat.answers.last).to_be_focused()
    press_tab_until(chat, again)
    page.keyboard.press("Enter")
    expect(page.get_by_role("group", name="Versions")).to_contain_text("2/2")
    expect(chat.finished).to_have_count(1)
    page.keyboard.press("F2")
    page.keyboard.type("By keys")
    page.keyboard.press("Enter")
    expect(chat.titles).to_have_text(["By keys"])
    page.keyboard.press("ControlOrMeta+Shift+o")
    expect(page).to_have_url(re.compile("/$"))
    expect(chat.box).to_be_focused()
    page.keyboard.press("ControlOrMeta+k")
    page.keyboard.type("by keys")
    page.keyboard.press("Enter")
    expect(page).to_have_title("By keys – Parley")
    page.keyboard.press("ControlOrMeta+Shift+Backspace")
    expect(chat.titles).to_have_count(0)


def test_the_first_tab_leads_past_the_list(chat):
    first = "[...document.querySelectorAll('a[href], button, input, textarea')].find(each => each.checkVisibility())"
    assert chat.page.evaluate(f"{first}.textContent") == "Skip to the message box"
    chat.page.get_by_role("link", name="Skip to the message box").focus()
    chat.page.keyboard.press("Enter")
    expect(chat.box).to_be_focused()


def test_the_help_sheet_opens_with_a_question_mark_outside_the_box(chat):
    chat.box.press("?")
    expect(chat.box).to_have_value("?")
    chat.page.evaluate("document.activeElement.blur()")
    chat.page.keyboard.press("?")
    sheet = chat.page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(sheet).to_contain_text("Search chats and commands")
    chat.page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)


def test_the_list_folds_and_stays_folded(chat):
    chat.page.keyboard.press("ControlOrMeta+b")
    expect(chat.page.locator("#sidebar")).to_be_hidden()
    chat.page.reload()
    expect(chat.page.locator("#sidebar")).to_be_hidden()
    chat.page.get_by_role("button", name="Show the list of chats").click()
    expect(chat.page.locator("#sidebar")).to_be_visible()


def test_a_menu_works_by_keys(chat):
    chat.ask("Hello")
    button = chat.page.get_by_role("button", name="This chat")
    button.focus()
    chat.page.keyboard.press("Enter")
    expect(chat.page.get_by_role("menuitem", name="Rename")).to_be_focused()
    chat.page.keyboard.press("ArrowUp")
    expect(chat.page.get_by_role("menuitem", name="Delete")).to_be_focused()
    chat.page.keyboard.press("p")
    expect(chat.page.get_by_role("menuitem", name="Pin")).to_be_focused()
    chat.page.keyboard.press("Escape")
    expect(button).to_be_focused()


def test_a_finished_answer_is_announced_once_and_its_parts_are_not(chat):
    chat.page.evaluate("""() => {
        window.said = [];
        new MutationObserver(() => {
            const text = document.getElementById('announcements').textContent;
            if (text) said.push(text);
        }).observe(document.getElementById('announcements'), { childList: true, characterData: true, subtree: true });
    }""")
    chat.ask("Hello")
    expect(chat.live).to_contain_text("Parley answered:")
    chat.page.wait_for_timeout(300)
    assert len(chat.page.evaluate("said")) == 1
    assert chat.page.locator("[aria-live]:not(#announcements), [role=log]").count() == 0


def test_everything_has_a_name_and_a_role(chat):
    chat.ask("Hello")
    nameless = chat.page.evaluate("""() => [...document.querySelectorAll('button, a[href], input, textarea, select')]
        .filter(element => element.checkVisibility())
        .filter(element => !(element.ariaLabel || element.textContent.trim() || element.labels?.length))
        .map(element => element.outerHTML)""")
    assert nameless == []
    assert chat.page.locator("main, nav").count() == 2
    expect(chat.page.get_by_role("heading", name="Parley")).to_have_count(1)
    expect(chat.page.get_by_role("heading", name="You")).to_have_count(1)


def test_reduced_motion_is_heeded(open_page, address):
    chat = open_page(address, reduced_motion="reduce")
    chat.open()
    chat.ask("Hello")
    moving = chat.page.evaluate("""() => document.getAnimations().filter(
        animation => animation.effect.getComputedTiming().duration > 5).length""")
    assert moving == 0


def test_accounts(open_page, serve):
    server = serve(flags=("--host", "0.0.0.0"))
    chat = open_page(f"http://127.0.0.1:{server.port}")
    chat.watch.allows_errors = True
    page = chat.page
    page.goto(chat.url)
    expect(page.get_by_role("heading", name="Welcome to Parley")).to_be_visible()
    page.get_by_label("Your name").fill("Ada")
    page.get_by_label("E-mail address").fill("ada@example.org")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Create the account").click()
    page.locator('#app[data-session="signedIn"]').wait_for()
    chat.ask("Mine alone")
    page.get_by_role("button", name="Ada").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in to Parley")).to_be_visible()
    expect(chat.titles).to_have_count(0)
    page.get_by_label("E-mail address").fill("ada@example.org")
    page.get_by_label("Password").fill("wrong password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("wrong")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Sign in").click()
    expect(chat.titles).to_have_text(["Mine alone"])


def test_a_session_that_ends_leads_to_the_gate(open_page, serve):
    server = serve(flags=("--host", "0.0.0.0"))
    chat = open_page(f"http://127.0.0.1:{server.port}")
    chat.watch.allows_errors = True
    page = chat.page
    page.request.post(
        chat.url + "/api/accounts",
        data={
            "name": "Ada",
            "email": "ada@example.org",
            "password": "correct horse battery",
        },
    )
    chat.open()
    page.context.clear_cookies()
    chat.send("Who am I?")
    expect(page.get_by_role("heading", name="Sign in to Parley")).to_be_visible()
    page.get_by_label("E-mail address").fill("ada@example.org")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Sign in").click()
    expect(chat.finished).to_have_count(1)
    expect(chat.questions).to_contain_text("Who am I?")


def test_another_browser_is_signed_out_from_the_list_of_devices(open_page, serve):
    server = serve(flags=("--host", "0.0.0.0"))
    address = f"http://127.0.0.1:{server.port}"
    ada = {"name": "Ada", "email": "ada@example.org", "password": "correct horse battery"}
    here, there = open_page(address), open_page(address)
    here.page.request.post(address + "/api/accounts", data=ada)
    there.page.request.post(address + "/api/session", data=ada)
    here.watch.allows_errors = there.watch.allows_errors = True
    here.open()
    there.open()
    here.page.get_by_role("button", name="Ada").click()
    here.page.get_by_role("button", name="Devices").click()
    sheet = here.page.get_by_role("dialog", name="Devices")
    expect(sheet.get_by_role("listitem")).to_have_count(2)
    expect(sheet.get_by_role("listitem").filter(has_text="This browser")).to_have_count(1)
    sheet.get_by_role("listitem").get_by_role("button", name="Sign out").click()
    expect(sheet.get_by_role("listitem")).to_have_count(1)
    expect(sheet.get_by_role("button", name="Sign out everywhere else")).to_be_hidden()
    there.send("Am I still here?")
    expect(there.page.get_by_role("heading", name="Sign in to Parley")).to_be_visible()
    here.page.keyboard.press("Escape")
    here.ask("I am")


def test_in_open_mode_a_lost_session_is_had_again(chat):
    chat.watch.allows_errors = True
    chat.ask("First")
    chat.page.context.clear_cookies()
    chat.page.wait_for_timeout(100)
    chat.send("Second")
    expect(chat.finished).to_have_count(2)
    expect(chat.page.locator(".gate")).to_have_count(0)


def test_an_error_page_speaks_plainly(chat):
    chat.watch.allows_errors = True
    chat.page.goto(chat.url + "/no/such/page")
    expect(chat.page.get_by_role("heading", name="Not found")).to_be_visible()
    chat.page.get_by_role("button", name="To the chat").click()
    expect(chat.box).to_be_visible()
