"""What is kept: drafts, exports, imports, the theme."""

import json

from playwright.sync_api import expect


def test_each_chat_keeps_its_draft_over_a_reload(chat):
    chat.box.fill("A new thought")
    chat.conversation("scripted-len5")
    chat.box.fill("An old thought")
    chat.page.reload()
    expect(chat.box).to_have_value("An old thought")
    chat.page.get_by_role("link", name="New chat").click()
    expect(chat.box).to_have_value("A new thought")
    chat.ask("A new thought, sent")
    chat.page.get_by_role("link", name="New chat").click()
    expect(chat.box).to_have_value("")


def test_export_and_import(chat, tmp_path):
    chat.ask("What is kept?")
    with chat.page.expect_download() as markdown:
        chat.menu("What is kept?", "Export as Markdown")
    assert "What is kept?" in markdown.value.path().read_text()
    with chat.page.expect_download() as exported:
        chat.menu("What is kept?", "Export as JSON")
    assert exported.value.suggested_filename.endswith(".json")
    kept = json.loads(exported.value.path().read_text())
    assert len(kept["conversations"][0]["messages"]) == 2
    path = tmp_path / "export.json"
    exported.value.save_as(path)
    chat.page.get_by_role("button", name="Settings").click()
    chat.page.locator("input[type=file]").set_input_files(path)
    expect(chat.page.locator(".toast", has_text="Imported 1 chat")).to_be_visible()
    chat.page.keyboard.press("Escape")
    expect(chat.titles).to_have_count(2)


def test_chatgpts_export_is_understood(chat, tmp_path):
    def message(identity, role, text):
        return {
            "id": identity, "author": {"role": role}, "create_time": 1_700_000_000,
            "content": {"content_type": "text", "parts": [text]},
        }

    mapping = {
        "root": {"id": "root", "parent": None, "children": ["a"], "message": None},
        "a": {"id": "a", "parent": "root", "children": ["b"], "message": message("a", "user", "Hi from there")},
        "b": {"id": "b", "parent": "a", "children": [], "message": message("b", "assistant", "Hello **you**")},
    }
    conversations = [{
        "title": "Moved house", "create_time": 1_700_000_000, "update_time": 1_700_000_100, "mapping": mapping,
        "current_node": "b",
    }]
    path = tmp_path / "conversations.json"
    path.write_text(json.dumps(conversations))
    chat.page.get_by_role("button", name="Settings").click()
    chat.page.locator("input[type=file]").set_input_files(path)
    expect(chat.page.locator(".toast", has_text="Imported 1 chat")).to_be_visible()
    chat.page.keyboard.press("Escape")
    chat.titles.filter(has_text="Moved house").click()
    expect(chat.questions).to_contain_text("Hi from there")
    expect(chat.answers.locator("strong")).to_have_text("you")


def test_a_file_that_is_no_export_is_refused_with_the_reason(chat, tmp_path):
    chat.watch.allows_errors = True
    path = tmp_path / "wrong.json"
    path.write_text("{]")
    chat.page.get_by_role("button", name="Settings").click()
    chat.page.locator("input[type=file]").set_input_files(path)
    expect(chat.page.locator(".toast", has_text="Nothing was imported.")).to_be_visible()


def background(chat):
    return chat.page.evaluate("getComputedStyle(document.body).backgroundColor")


def test_the_theme_follows_the_system_until_one_is_chosen(chat):
    light = background(chat)
    chat.page.emulate_media(color_scheme="dark")
    expect(chat.page.locator("html")).to_have_attribute("data-theme", "dark")
    dark = background(chat)
    assert dark != light
    chat.page.get_by_role("button", name="Settings").click()
    chat.page.get_by_role("radio", name="Light").check(force=True)
    assert background(chat) == light
    chat.page.reload()
    expect(chat.page.locator("html")).to_have_attribute("data-theme", "light")


def test_a_dark_page_is_dark_from_its_first_frame(open_page, address):
    chat = open_page(address, color_scheme="dark")
    seen = []
    chat.page.expose_function("tell", lambda color: seen.append(color))
    chat.page.add_init_script("""addEventListener('DOMContentLoaded', () => tell(document.documentElement.dataset.theme));
        new PerformanceObserver(list => list.getEntries().forEach(() => tell(getComputedStyle(document.body).backgroundColor)))
            .observe({ type: 'paint', buffered: true });""")
    chat.open()
    chat.page.wait_for_timeout(300)
    assert set(seen) == {"dark", "rgb(27, 26, 24)"}


def test_send_with_modifier_can_be_chosen(chat):
    chat.page.get_by_role("button", name="Settings").click()
    chat.page.get_by_role("radio", name="Ctrl").check(force=True)
    chat.page.keyboard.press("Escape")
    chat.box.fill("one")
    chat.box.press("Enter")
    expect(chat.box).to_have_value("one\n")
    chat.box.press("ControlOrMeta+Enter")
    expect(chat.questions).to_have_count(1)
