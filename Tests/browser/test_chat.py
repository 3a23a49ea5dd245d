"""Asking and being answered."""

import re

from playwright.sync_api import expect

RICH = """## A heading

Some **bold**, *italic*, ~~struck~~ and `code`.

| left | right |
|:--|--:|
| a | 1 |

- [x] done
- [ ] open

1. one
   - inner

```python
def f(x):
    return x + 1
```

Inline $e^{i\\pi} = -1$, but a lunch is $5 to $10.

$$
\\int_0^1 x^2 \\, dx
$$

> A quote

[A link](https://example.org/a?b=1&c=2)
"""


def test_the_first_paint_is_small(open_page, address):
    chat = open_page(address)
    responses = []
    chat.page.on("response", lambda response: responses.append(response))
    chat.open()
    chat.page.locator(".suggestion").first.wait_for()
    chat.page.wait_for_load_state("networkidle")
    sizes = [len(response.body()) for response in responses if response.status == 200 or response.status == 201]
    assert len(responses) < 20, [response.url for response in responses]
    assert sum(sizes) < 200_000


def test_a_message_is_answered_word_by_word(chat):
    chat.conversation("scripted-ttft300-itl40-len60")
    chat.send("Hello")
    expect(chat.questions).to_have_text(re.compile("Hello"))
    expect(chat.page.get_by_label("Parley is thinking")).to_be_visible()
    expect(chat.stop_button).to_be_visible()
    body = chat.answers.locator(".message-body")
    expect(body.locator(".block")).to_have_count(1)
    early = body.inner_text()
    expect(chat.finished).to_have_count(1)
    whole = body.inner_text()
    assert whole.startswith(early.strip()[:20])
    assert len(whole) > len(early)
    expect(chat.stop_button).to_be_hidden()
    expect(chat.box).to_be_focused()


def test_a_new_chat_gets_its_address_and_its_place_in_the_list(chat):
    expect(chat.page.get_by_role("heading", name="What would you like to know?")).to_be_visible()
    chat.ask("What is a monad?")
    assert re.fullmatch(r"/c/[0-9a-f-]{36}", chat.page.evaluate("location.pathname"))
    expect(chat.titles).to_have_text(["What is a monad?"])
    expect(chat.page).to_have_title("What is a monad? – Parley")
    expect(chat.page.get_by_role("heading", name="What would you like to know?")).to_be_hidden()


def test_a_suggestion_is_a_question_that_can_be_asked(chat):
    suggestion = chat.page.locator(".suggestion").first
    text = suggestion.inner_text()
    suggestion.click()
    expect(chat.questions).to_contain_text(text)
    expect(chat.finished).to_have_count(1)


def test_enter_sends_and_shift_enter_makes_a_line(chat):
    chat.box.press_sequentially("one")
    height = chat.box.bounding_box()["height"]
    for _ in range(4):
        chat.box.press("Shift+Enter")
    chat.box.press_sequentially("two")
    assert chat.box.bounding_box()["height"] > height + 60
    chat.box.press("Enter")
    expect(chat.questions).to_contain_text("two")
    expect(chat.box).to_have_value("")


def test_enter_of_an_input_method_does_not_send(chat):
    chat.box.fill("にほん")
    chat.box.evaluate("""box => box.dispatchEvent(new KeyboardEvent('keydown', {
        key: 'Enter', isComposing: true, bubbles: true, cancelable: true }))""")
    chat.box.evaluate("""box => box.dispatchEvent(new KeyboardEvent('keydown', {
        key: 'Enter', keyCode: 229, bubbles: true, cancelable: true }))""")
    expect(chat.box).to_have_value("にほん")
    expect(chat.questions).to_have_count(0)


def test_an_answer_can_be_stopped_and_what_came_is_kept(chat):
    chat.conversation("scripted-itl50-len500")
    chat.send("Go on for ever")
    expect(chat.answers.locator(".block")).to_have_count(1)
    chat.stop_button.click()
    stopped = chat.page.locator(".message[data-state=stopped]")
    expect(stopped).to_have_count(1)
    expect(stopped).to_contain_text("Stopped.")
    kept = chat.text(stopped)
    assert len(kept) > 0
    chat.page.reload()
    expect(stopped).to_have_count(1)
    assert chat.text(stopped) == kept


def test_escape_stops_an_answer(chat):
    chat.conversation("scripted-itl50-len500")
    chat.send("Go on")
    expect(chat.answers.locator(".block")).to_have_count(1)
    chat.page.keyboard.press("Escape")
    expect(chat.page.locator(".message[data-state=stopped]")).to_have_count(1)


def test_while_an_answer_is_written_enter_does_not_send(chat):
    chat.conversation("scripted-itl50-len500")
    chat.send("First")
    expect(chat.stop_button).to_be_visible()
    chat.send("Second")
    expect(chat.page.locator("#status")).to_contain_text("still answering")
    expect(chat.box).to_have_value("Second")
    expect(chat.questions).to_have_count(1)
    chat.stop_button.click()
    expect(chat.page.locator("#status")).to_be_hidden()
    chat.box.press("Enter")
    expect(chat.questions).to_have_count(2)


def test_markdown_is_shown_as_it_is_meant(chat):
    chat.conversation("scripted-echo")
    answer = chat.ask(RICH)
    expect(answer.get_by_role("heading", name="A heading")).to_be_visible()
    expect(answer.locator("strong", has_text="bold")).to_be_visible()
    expect(answer.locator("del", has_text="struck")).to_be_visible()
    expect(answer.locator("td", has_text="1")).to_have_css("text-align", "end")
    expect(answer.get_by_role("checkbox")).to_have_count(2)
    expect(answer.get_by_role("checkbox").first).to_be_checked()
    expect(answer.locator("ol ul li", has_text="inner")).to_be_visible()
    expect(answer.locator(".code-head")).to_contain_text("Python")
    expect(answer.locator(".token.keyword", has_text="def")).to_be_visible()
    expect(answer.locator(".katex")).to_have_count(2)
    expect(answer.locator(".katex-display")).to_have_count(1)
    expect(answer).to_contain_text("a lunch is $5 to $10.")
    link = answer.get_by_role("link", name="A link")
    assert link.get_attribute("href") == "https://example.org/a?b=1&c=2"
    assert link.get_attribute("rel") == "noopener noreferrer nofollow"
    assert link.get_attribute("target") == "_blank"


FORMULAS = [
    "\\left(\\begin{matrix}a\\\\b\\\\c\\\\d\\\\e\\end{matrix}\\right)",
    "\\sqrt[3]{\\frac{a}{b}}",
    "\\widehat{abc}",
    "\\color{red}{x}",
    "\\overbrace{a+b}^{c}",
    "\\underline{x}",
    "\\xrightarrow{long}",
    "\\cancel{x}",
    "\\boxed{x}",
    "\\begin{cases}a & b\\\\c & d\\end{cases}",
    "\\sum_{i=0}^{n} i",
    "\\mathbb{R} \\mathcal{L} \\mathfrak{g}",
    "\\text{für}",
]


def test_formulas_of_all_kinds_keep_to_the_policy(chat):
    chat.conversation("scripted-echo")
    answer = chat.ask("\n\n".join(f"$$\n{formula}\n$$" for formula in FORMULAS) + "\n\n$\\nosuch{x}$")
    expect(answer.locator(".katex-display")).to_have_count(len(FORMULAS))
    expect(answer.locator("code.math-source")).to_have_text("$\\nosuch{x}$")


def test_streaming_ends_with_the_same_page_as_a_reload(chat):
    chat.conversation("scripted-echo-itl2")
    answer = chat.ask(RICH)
    expect(answer.locator(".katex")).to_have_count(2)
    expect(answer.locator(".token.keyword")).not_to_have_count(0)
    streamed = answer.locator(".prose").inner_html()
    chat.page.reload()
    expect(chat.finished.locator(".katex")).to_have_count(2)
    expect(chat.finished.locator(".token.keyword")).not_to_have_count(0)
    assert chat.finished.locator(".prose").inner_html() == streamed


def test_code_and_answers_can_be_copied(chat):
    chat.conversation("scripted-echo")
    answer = chat.ask("Take this:\n\n```js\nlet a = 1;\n\nlet b;\n```\n")
    answer.locator(".code-copy").click()
    expect(answer.locator(".code-copy")).to_contain_text("Copied")
    assert chat.page.evaluate("navigator.clipboard.readText()") == "let a = 1;\n\nlet b;"
    answer.hover()
    answer.get_by_role("button", name="Copy", exact=True).last.click()
    expect(chat.live).to_have_text("Copied")
    assert chat.page.evaluate("navigator.clipboard.readText()").startswith("Take this:")


def test_another_answer_stands_beside_the_first(chat):
    chat.conversation("scripted-len8")
    chat.ask("Question")
    chat.finished.get_by_role("button", name="Regenerate").click()
    versions = chat.answers.get_by_role("group", name="Versions")
    expect(versions).to_contain_text("2/2")
    expect(chat.finished).to_have_count(1)
    versions.get_by_role("button", name="Previous version").click()
    expect(versions).to_contain_text("1/2")
    expect(versions.get_by_role("button", name="Next version")).to_be_focused()
    versions.get_by_role("button", name="Next version").click()
    expect(versions).to_contain_text("2/2")
    expect(chat.questions).to_have_count(1)


def test_an_edited_question_begins_a_branch_and_the_old_one_stays(chat):
    chat.conversation("scripted-echo")
    chat.ask("First words")
    chat.ask("Second words")
    first = chat.questions.first
    first.hover()
    first.get_by_role("button", name="Edit").click()
    editor = chat.page.get_by_role("textbox", name="Edit the message")
    expect(editor).to_have_value("First words")
    editor.fill("Other words")
    editor.press("Enter")
    expect(chat.questions).to_have_count(1)
    expect(chat.finished).to_have_text(re.compile("Other words"))
    versions = chat.questions.get_by_role("group", name="Versions")
    expect(versions).to_contain_text("2/2")
    versions.get_by_role("button", name="Previous version").click()
    expect(chat.questions).to_have_count(2)
    expect(chat.finished.last).to_contain_text("Second words")
    chat.page.reload()
    expect(chat.questions).to_have_count(2)
    chat.ask("Third words")
    expect(chat.questions).to_have_count(3)


def test_an_edit_can_be_given_up(chat):
    chat.conversation("scripted-echo")
    chat.ask("First words")
    chat.box.press("ArrowUp")
    editor = chat.page.get_by_role("textbox", name="Edit the message")
    expect(editor).to_be_focused()
    editor.press("Escape")
    expect(editor).to_have_count(0)
    expect(chat.questions).to_contain_text("First words")


def test_a_failed_answer_keeps_its_text_and_can_be_asked_again(chat):
    chat.conversation("scripted-itl5-error9")
    chat.send("Will this work?")
    failed = chat.page.locator(".message[data-state=failed]")
    expect(failed.locator(".notice")).to_be_visible(timeout=40_000)
    reason = failed.locator(".notice p").inner_text()
    chat.page.reload()
    expect(failed.locator(".notice p")).to_have_text(reason)
    failed.get_by_role("button", name="Try again").click()
    expect(chat.page.get_by_role("group", name="Versions")).to_contain_text("2/2")


def test_the_model_can_be_changed(chat):
    chat.ask("Hello")
    chat.page.get_by_role("button", name=re.compile("^Model:")).click()
    entries = chat.page.get_by_role("menuitemradio")
    expect(entries.first).to_be_visible()
    expect(chat.page.locator("[role=menuitemradio][aria-checked=true]")).to_have_count(1)
    chat.page.keyboard.press("Escape")
    expect(entries).to_have_count(0)
    expect(chat.page.get_by_role("button", name=re.compile("^Model:"))).to_be_focused()


def test_instructions_and_presets(chat):
    page = chat.page
    button = page.get_by_role("button", name=re.compile("^Instructions"))
    button.click()
    page.get_by_label("Instructions", exact=True).fill("Answer in rhymes.")
    page.get_by_role("button", name="Save as preset…").click()
    page.get_by_label("Name of the preset").fill("Poet")
    page.get_by_role("button", name="Save preset").click()
    expect(page.get_by_label("Preset", exact=True)).to_contain_text("Poet")
    page.get_by_role("button", name="Use").click()
    expect(button).to_have_attribute("data-set", "")
    chat.ask("Hello")
    identity = page.evaluate("location.pathname.slice(3)")
    assert chat.api("GET", f"/api/conversations/{identity}")["systemPrompt"] == "Answer in rhymes."
    page.get_by_role("link", name="New chat").click()
    expect(button).not_to_have_attribute("data-set", "")
    button.click()
    page.get_by_label("Preset", exact=True).select_option(label="Poet")
    expect(page.get_by_label("Instructions", exact=True)).to_have_value("Answer in rhymes.")


def test_a_temporary_chat_is_not_in_the_list(chat):
    page = chat.page
    page.get_by_role("button", name="Temporary chat").click()
    expect(page.locator("#footnote")).to_contain_text("gone after 24 hours")
    chat.ask("A secret")
    expect(page.locator(".tag")).to_be_visible()
    expect(chat.titles).to_have_count(0)
    page.reload()
    expect(chat.finished).to_have_count(1)
    expect(chat.titles).to_have_count(0)
    assert chat.api("GET", "/api/conversations")["conversations"] == []


def test_the_local_model_quotes_its_sources(open_page, serve):
    chat = open_page(serve(model_port=None).url)
    chat.open()
    expect(chat.page.locator("#footnote")).to_contain_text("No language model is connected")
    answer = chat.ask("How do I connect a model server?")
    expect(answer.get_by_role("list", name="Sources")).to_be_visible()
    cite = answer.locator(".cite").first
    cite.click()
    note = chat.page.get_by_role("dialog", name=re.compile("^Source 1"))
    expect(note).to_be_visible()
    assert len(note.inner_text()) > 40
    chat.page.keyboard.press("Escape")
    expect(note).to_have_count(0)
    expect(cite).to_be_focused()
    chat.page.reload()
    expect(chat.answers.locator(".cite").first).to_be_visible()


def test_without_the_browser_libraries_the_page_is_plainer_and_works(open_page, serve, tmp_path):
    empty = tmp_path / "no-libraries"
    empty.mkdir()
    chat = open_page(serve(env={"PARLEY_VENDOR_DIR": str(empty)}).url)
    chat.watch.allows_errors = True
    chat.conversation("scripted-echo")
    answer = chat.ask(
        "## Head\n\n**bold** <b>raw</b>\n\n- a\n- b\n\n```js\nlet a;\n```\n\n[x](javascript:alert(1)) $x$"
    )
    expect(answer.get_by_role("heading", name="Head")).to_be_visible()
    expect(answer.locator("strong")).to_have_text("bold")
    expect(answer.locator("li")).to_have_count(2)
    expect(answer.locator("pre code")).to_have_text("let a;")
    expect(answer).to_contain_text("<b>raw</b>")
    expect(answer.locator("a")).to_have_count(0)
    expect(answer).to_contain_text("$x$")


def test_a_message_that_is_too_long_is_refused_before_it_is_sent(chat):
    chat.box.fill("x" * (256 * 1024 + 1))
    chat.box.press("Enter")
    expect(chat.page.locator("#status")).to_contain_text("256 KiB")
    expect(chat.questions).to_have_count(0)
