"""A narrow screen and a finger."""

import re

import pytest
from playwright.sync_api import expect

PHONE = {"width": 390, "height": 844, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}


@pytest.fixture
def chat(open_page, address):
    chat = open_page(address, **PHONE)
    chat.open()
    return chat


def overflows(chat):
    return chat.page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_the_list_is_a_drawer(chat):
    page = chat.page
    expect(page.locator("#sidebar")).to_be_hidden()
    page.get_by_role("button", name="Show the list of chats").tap()
    expect(page.get_by_role("link", name="New chat")).to_be_in_viewport(ratio=1)
    assert page.locator("#chat").evaluate("chat => chat.inert")
    page.locator("#scrim").tap(position={"x": 370, "y": 400})
    expect(page.locator("#sidebar")).to_be_hidden()
    assert not page.locator("#chat").evaluate("chat => chat.inert")


def test_choosing_a_chat_closes_the_drawer(chat):
    chat.ask("Hello there")
    chat.page.get_by_role("button", name="Show the list of chats").tap()
    chat.titles.first.tap()
    expect(chat.page.locator("#sidebar")).to_be_hidden()
    expect(chat.finished).to_be_visible()


def test_nothing_is_wider_than_the_screen(chat):
    chat.conversation("scripted-echo")
    assert not overflows(chat)
    chat.ask("```\n" + "x" * 300 + "\n```\n\n| " + " | ".join(["column"] * 12) + " |\n" + "|---" * 12 + "|\n\n"
             + "https://example.org/" + "a" * 200 + "\n\n" + "w" * 200 + "\n\n$$\n" + "a + " * 60 + "b\n$$")
    expect(chat.finished.locator(".katex")).to_have_count(1)
    assert not overflows(chat)
    column = chat.page.locator("#thread").bounding_box()
    for box in chat.finished.locator(".block").all():
        bounds = box.bounding_box()
        assert bounds["x"] >= column["x"] and bounds["x"] + bounds["width"] <= column["x"] + column["width"] + 1


def test_the_smallest_screen_still_fits(open_page, address):
    chat = open_page(address, **{**PHONE, "width": 320, "height": 568})
    chat.open()
    chat.ask("Hello")
    assert not overflows(chat)
    expect(chat.box).to_be_in_viewport()
    expect(chat.page.get_by_role("button", name="Send")).to_be_in_viewport()


def test_what_is_touched_is_large_enough(chat):
    chat.conversation("scripted-echo")
    chat.ask("```js\nlet a;\n```")
    chat.page.locator(".message").last.get_by_role("button", name="Regenerate").tap()
    expect(chat.page.get_by_role("group", name="Versions")).to_contain_text("2/2")
    expect(chat.finished).to_have_count(1)
    chat.page.get_by_role("button", name="Show the list of chats").tap()
    chat.page.wait_for_timeout(400)
    small = chat.page.evaluate("""() => [...document.querySelectorAll('button, .side-action, .chat-link')]
        .filter(element => element.checkVisibility({ visibilityProperty: true, opacityProperty: true }))
        .map(element => [element.ariaLabel || element.textContent, element.getBoundingClientRect()])
        .filter(([, box]) => box.width > 0 && (box.width < 40 || box.height < 40))
        .map(([name, box]) => `${name} ${box.width}x${box.height}`)""")
    assert small == []


def test_no_keyboard_opens_by_itself(chat):
    expect(chat.box).not_to_be_focused()


def test_the_tools_of_messages_need_no_pointer(chat):
    chat.ask("Hello")
    expect(chat.finished.get_by_role("button", name="Copy", exact=True)).to_be_visible()
    expect(chat.finished.get_by_text(re.compile(r"\d:\d\d"))).to_be_visible()
