"""Long chats, and a page that does not jump."""

import json
import uuid

import pytest
from playwright.sync_api import expect

MESSAGES = 5000
SHIFTS = """() => {
    window.shifts = [];
    new PerformanceObserver(list => {
        for (const entry of list.getEntries()) {
            const moved = entry.sources.map(source => source.node?.className ?? '?').join();
            if (!entry.hadRecentInput) shifts.push([entry.value, moved]);
        }
    }).observe({ type: 'layout-shift', buffered: false });
}"""


def long_export(count):
    identity = str(uuid.uuid4())
    ids = [str(uuid.uuid4()) for _ in range(count)]
    messages = []
    for number, message in enumerate(ids):
        is_user = number % 2 == 0
        text = (
            f"Question {number}"
            if is_user
            else (
                f"Answer **{number}**.\n\n- one\n- two\n\n"
                + "A line of words that wraps on a phone. " * (number % 9)
                + ("\n\n```js\nlet x = 1;\n```" if number % 5 == 0 else "")
            )
        )
        messages.append(
            {
                "id": message,
                "conversationID": identity,
                "parentID": ids[number - 1] if number else None,
                "role": "user" if is_user else "assistant",
                "content": text,
                "state": "completed",
                "model": None if is_user else "m",
                "sources": [],
                "turnID": None,
                "createdAt": f"2026-01-01T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}.000Z",
            }
        )
    time = "2026-01-01T00:00:00.000Z"
    conversation = {
        "id": identity,
        "title": "A long one",
        "titleIsAutomatic": False,
        "systemPrompt": None,
        "model": "scripted-itl10-len80",
        "pinned": False,
        "archived": False,
        "temporary": False,
        "createdAt": time,
        "updatedAt": time,
        "messages": messages,
    }
    return json.dumps({"format": "parley", "version": 1, "conversations": [conversation]})


@pytest.fixture
def long_chat(chat):
    response = chat.page.request.post(
        chat.url + "/api/import",
        data=long_export(MESSAGES),
        headers={"Content-Type": "application/json"},
        timeout=60_000,
    )
    assert response.ok, response.text()
    chat.open(f"/c/{response.json()['conversationIDs'][0]}")
    expect(chat.answers.last).to_contain_text(f"Answer {MESSAGES - 1}")
    return chat


def place(chat, text):
    return chat.page.locator(".message", has_text=text).first.bounding_box()["y"]


def test_a_long_chat_opens_at_its_end(long_chat):
    expect(long_chat.answers.last).to_be_in_viewport()
    assert long_chat.page.locator(".message").count() <= 150


def test_older_messages_come_without_a_jump(long_chat):
    page = long_chat.page
    thread = page.locator("#thread")
    thread.hover()
    for _ in range(30):
        count = page.locator(".message").count()
        page.mouse.wheel(0, -1500)
        page.wait_for_timeout(60)
        if page.locator(".message").count() > count >= 100:
            break
    page.wait_for_timeout(400)
    count = page.locator(".message").count()
    assert count > 100
    # What is in sight stays where it is while another page comes in above it.
    thread.evaluate("box => box.scrollTo(0, 0)")
    page.wait_for_timeout(50)
    seen = page.evaluate("""() => {
        const box = document.querySelector('#thread').getBoundingClientRect();
        const message = document.elementFromPoint(box.left + box.width / 2, box.top + 200).closest('.message');
        return [message.id, message.getBoundingClientRect().top];
    }""")
    page.wait_for_function("count => document.querySelectorAll('.message').length > count", arg=count)
    page.wait_for_timeout(300)
    top = page.evaluate("id => document.getElementById(id).getBoundingClientRect().top", seen[0])
    assert abs(top - seen[1]) < 4


def test_five_thousand_messages_scroll_smoothly(long_chat):
    page = long_chat.page
    thread = page.locator("#thread")
    for _ in range(400):
        if page.locator(".message").count() >= MESSAGES:
            break
        thread.evaluate("box => box.scrollTo(0, 0)")
        page.wait_for_timeout(40)
    expect(page.locator(".message")).to_have_count(MESSAGES)
    frames = page.evaluate("""() => new Promise(resolve => {
        const box = document.querySelector('#thread');
        const times = [];
        let last = performance.now();
        const step = now => {
            times.push(now - last);
            last = now;
            box.scrollBy(0, 400);
            if (times.length < 120) requestAnimationFrame(step);
            else resolve(times.slice(5).sort((a, b) => a - b));
        };
        requestAnimationFrame(step);
    })""")
    assert frames[len(frames) // 2] < 34, "half of the frames take longer than a thirtieth of a second"
    long_chat.send("Still quick?")
    expect(long_chat.answers.last.locator(".block")).to_have_count(1)
    expect(long_chat.page.locator(".message[data-state=completed][data-role=assistant][data-last]")).to_be_visible()


def test_a_growing_answer_moves_nothing_that_stands(chat):
    chat.conversation("scripted-echo-itl5")
    text = (
        "## Head\n\nWords " * 6
        + "\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```js\nlet a;\nlet b;\n```\n\n"
        + "- item\n" * 6
    )
    chat.ask("Short")
    chat.page.evaluate(SHIFTS)
    chat.ask(text * 2)
    shifts = [shift for shift in chat.page.evaluate("shifts") if shift[0] > 0.001]
    assert sum(shift[0] for shift in shifts) < 0.02, shifts


def test_the_question_goes_to_the_top_and_the_page_stays_still(chat):
    chat.conversation("scripted-itl8-len900")
    chat.send("Question")
    expect(chat.answers.locator(".block")).to_have_count(1)
    chat.page.wait_for_timeout(700)
    top = chat.questions.bounding_box()["y"]
    assert top < 160
    expect(chat.page.get_by_role("button", name="Jump to the latest")).to_be_visible()
    assert chat.questions.bounding_box()["y"] == top
    chat.page.get_by_role("button", name="Jump to the latest").click()
    chat.page.wait_for_timeout(800)
    rest = "() => { const b = document.querySelector('#thread'); return b.scrollHeight - b.clientHeight - b.scrollTop }"
    for _ in range(4):
        assert chat.page.evaluate(rest) < 60, "who went to the end follows it"
        chat.page.wait_for_timeout(150)
    chat.page.locator("#thread").hover()
    chat.page.mouse.wheel(0, -300)
    chat.page.wait_for_timeout(300)
    kept = chat.page.evaluate("document.querySelector('#thread').scrollTop")
    chat.page.wait_for_timeout(500)
    assert chat.page.evaluate("document.querySelector('#thread').scrollTop") == kept, "who went away is left alone"


def test_a_page_in_the_background_of_a_long_answer_stays_usable(chat):
    chat.conversation("scripted-itl0-len8000")
    chat.send("All of it")
    expect(chat.finished).to_have_count(1, timeout=30_000)
    assert len(chat.text(chat.finished).split()) > 7000
