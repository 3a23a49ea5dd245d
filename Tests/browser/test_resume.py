"""A reload, a lost network or a dead server in mid-answer: it continues where it was."""

import re

import pytest
from conftest import Cable
from playwright.sync_api import expect


@pytest.fixture
def cable(serve):
    """A server behind a cable; `cable.server` is the server."""
    server = serve()
    cable = Cable(server.port)
    cable.server = server
    yield cable
    try:
        cable.cut()
    except OSError:
        pass


@pytest.fixture
def chat(open_page, cable):
    chat = open_page(f"http://127.0.0.1:{cable.port}")
    chat.watch.allows_errors = True
    chat.cable = cable
    return chat


def words_of(chat):
    """What the answer says, as the page shows it."""
    return chat.text(chat.answers.last).split()


def stored(chat, identity):
    messages = chat.api("GET", f"/api/conversations/{identity}/messages?branch=latest")["messages"]
    return messages[-1]["content"].split()


def test_a_reload_in_mid_answer_goes_on(chat):
    identity = chat.conversation("scripted-itl40-len100")
    chat.send("Go on")
    expect(chat.answers.locator(".block")).to_have_count(1)
    chat.page.wait_for_timeout(600)
    before = words_of(chat)
    chat.page.reload()
    expect(chat.answers).to_contain_text(" ".join(before[:-1]))
    expect(chat.stop_button).to_be_visible()
    expect(chat.finished).to_have_count(1)
    assert words_of(chat) == stored(chat, identity)
    expect(chat.stop_button).to_be_hidden()


def test_an_answer_goes_on_while_another_chat_is_open(chat):
    chat.conversation("scripted-itl40-len60")
    chat.send("Go on")
    expect(chat.answers.locator(".block")).to_have_count(1)
    chat.page.get_by_role("link", name="New chat").click()
    expect(chat.page.locator(".chat-list").get_by_label("Answering")).to_be_visible()
    chat.titles.first.click()
    expect(chat.answers.locator(".block")).to_have_count(1)
    expect(chat.finished).to_have_count(1)
    expect(chat.page.locator(".chat-list").get_by_label("Answering")).to_be_hidden()


def test_a_lost_network_in_mid_answer_is_told_and_made_good(chat):
    identity = chat.conversation("scripted-itl40-len150")
    chat.send("Go on")
    expect(chat.answers.locator(".block")).to_have_count(1)
    chat.cable.cut()
    status = chat.page.locator("#status")
    expect(status).to_contain_text("Connecting again…")
    before = words_of(chat)
    chat.cable.mend()
    expect(status).to_contain_text("Connected again. The answer goes on.")
    expect(chat.finished).to_have_count(1)
    after = words_of(chat)
    assert after[: len(before) - 1] == before[:-1]
    assert after == stored(chat, identity)
    expect(status).to_be_hidden()


def test_an_answer_that_ended_while_the_network_was_lost_is_there_afterwards(chat):
    identity = chat.conversation("scripted-itl20-len60")
    chat.send("Go on")
    expect(chat.answers.locator(".block")).to_have_count(1)
    chat.cable.cut()
    chat.page.wait_for_timeout(2500)
    chat.cable.mend()
    expect(chat.finished).to_have_count(1)
    assert words_of(chat) == stored(chat, identity)


def test_a_message_without_network_goes_out_once_when_it_is_back(chat):
    identity = chat.conversation("scripted-len10")
    chat.ask("First")
    chat.cable.cut()
    chat.send("Second")
    notice = chat.questions.last.locator(".notice")
    expect(notice).to_contain_text("Not sent yet")
    expect(notice).to_be_in_viewport()
    expect(chat.page.get_by_label("Parley is thinking")).to_have_count(0)
    chat.cable.mend()
    expect(chat.finished).to_have_count(2)
    expect(notice).to_have_count(0)
    messages = chat.api("GET", f"/api/conversations/{identity}/messages")["messages"]
    assert [message["content"] for message in messages if message["role"] == "user"] == ["First", "Second"]


def test_a_message_that_was_not_sent_survives_a_closed_page(chat):
    chat.conversation("scripted-len10")
    chat.ask("First")
    chat.page.route("**/messages", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    chat.send("Second")
    expect(chat.questions.last.locator(".notice")).to_contain_text("Not sent yet")
    chat.page.unroute("**/messages")
    chat.page.reload()
    expect(chat.finished).to_have_count(2)
    expect(chat.questions.last).to_contain_text("Second")
    chat.page.reload()
    expect(chat.questions).to_have_count(2)


def test_the_first_message_of_a_chat_survives_too(chat):
    chat.open()
    chat.page.route(
        "**/api/conversations", lambda route: (route.abort() if route.request.method == "POST" else route.continue_())
    )
    chat.send("The very first")
    expect(chat.questions.last.locator(".notice")).to_contain_text("Not sent yet")
    chat.page.unroute("**/api/conversations")
    chat.page.reload()
    expect(chat.finished).to_have_count(1)
    expect(chat.questions).to_contain_text("The very first")
    assert len(chat.api("GET", "/api/conversations")["conversations"]) == 1


def test_a_lost_acknowledgement_makes_no_second_message(chat):
    identity = chat.conversation("scripted-len10")
    lost = []

    def lose(route):
        if route.request.method == "POST" and not lost:
            lost.append(route.fetch())
            route.abort()
        else:
            route.continue_()

    chat.page.route("**/messages", lose)
    chat.ask("Only once")
    messages = chat.api("GET", f"/api/conversations/{identity}/messages")["messages"]
    assert len(lost) == 1
    assert [message["role"] for message in messages] == ["user", "assistant"]


def test_a_refused_message_keeps_its_text_and_can_be_discarded(chat):
    chat.conversation("scripted-len10")
    problem = {"title": "No room left", "detail": "The disk is full.", "status": 507}
    chat.page.route(
        "**/messages",
        lambda route: (
            route.fulfill(status=507, json=problem) if route.request.method == "POST" else route.continue_()
        ),
    )
    chat.send("Precious words")
    notice = chat.questions.locator(".notice")
    expect(notice).to_contain_text("Not sent. The disk is full.")
    notice.get_by_role("button", name="Discard").click()
    expect(chat.questions).to_have_count(0)
    expect(chat.box).to_have_value("Precious words")


def test_a_killed_server_continues_the_answer_after_its_restart(chat):
    identity = chat.conversation("scripted-itl40-len150")
    chat.send("Go on")
    expect(chat.answers.locator(".block")).to_have_count(1)
    chat.page.wait_for_timeout(800)
    before = words_of(chat)
    chat.cable.server.kill()
    expect(chat.page.locator("#status")).to_contain_text("Connecting again…")
    chat.cable.server.start()
    expect(chat.finished).to_have_count(1, timeout=60_000)
    after = words_of(chat)
    assert after == stored(chat, identity)
    # The scripted model says the same words again, so nothing that was shown may have changed.
    assert after[: len(before) - 1] == before[:-1]
    expect(chat.answers.last).to_contain_text("This answer was interrupted and went on by itself.")


def test_a_server_that_shuts_down_in_order_loses_nothing(chat):
    identity = chat.conversation("scripted-itl40-len60")
    chat.send("Go on")
    expect(chat.answers.locator(".block")).to_have_count(1)
    chat.cable.server.end()
    chat.cable.server.start()
    expect(chat.finished).to_have_count(1, timeout=60_000)
    assert words_of(chat) == stored(chat, identity)


def test_where_websockets_do_not_get_through_server_sent_events_do(chat):
    chat.page.route_web_socket(re.compile("/api/ws"), lambda socket: socket.close())
    identity = chat.conversation("scripted-itl30-len150")
    chat.send("Go on")
    expect(chat.answers.locator(".block")).to_have_count(1)
    expect(chat.finished).to_have_count(1, timeout=30_000)
    assert words_of(chat) == stored(chat, identity)


def test_offline_is_said_in_words(chat):
    chat.conversation("scripted-itl40-len150")
    chat.send("Go on")
    expect(chat.answers.locator(".block")).to_have_count(1)
    chat.page.context.set_offline(True)
    expect(chat.page.locator("#status")).to_contain_text("You are offline")
    chat.page.context.set_offline(False)
    expect(chat.page.locator("#status")).to_contain_text("Connected again")
    expect(chat.finished).to_have_count(1)
