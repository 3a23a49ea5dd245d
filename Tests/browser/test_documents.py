"""Documents and memory on the page: upload, ask with citations, share a choice, delete; facts that can be changed."""

import base64

import pytest
from playwright.sync_api import expect

HANDBOOK = """# Handbook of the Kestrel office

## Leave

Parents may take fourteen weeks of paid leave. It is asked for with form K-77, at the latest six weeks before.

## Keys

The grey key opens the cellar; the brass key opens the roof terrace. Lost keys are told to Mrs Vandermeer.
"""


@pytest.fixture
def local(serve, open_page):
    """A page whose server has no model: answers quote documents."""
    chat = open_page(serve(model_port=None).url)
    chat.open()
    return chat


def upload(chat, name, text):
    chat.page.locator("#files").set_input_files({"name": name, "mimeType": "text/plain", "buffer": text.encode()})


def add_files(chat, name="handbook.md", text=HANDBOOK):
    """Chooses a file with the plus button and waits until it can be asked about."""
    chat.page.get_by_role("button", name="Documents and files").click()
    with chat.page.expect_file_chooser() as chooser:
        chat.page.get_by_role("menuitem", name="Upload files").click()
    chooser.value.set_files({"name": name, "mimeType": "text/markdown", "buffer": text.encode()})
    expect(chat.page.locator(".upload[data-phase=ready]", has_text=name)).to_be_visible()


def test_an_uploaded_file_is_quoted_with_its_source(local):
    add_files(local)
    answer = local.ask("Which form do parents need for paid leave?")
    assert "K-77" in local.text(answer)
    chip = answer.locator(".source-chip").first
    expect(chip).to_contain_text("Handbook")
    chip.click()
    note = local.page.get_by_role("dialog", name="Source")
    expect(note).to_contain_text("fourteen weeks")
    local.page.keyboard.press("Escape")
    answer.locator(".cite").first.click()
    expect(local.page.get_by_role("dialog", name="Source")).to_contain_text("fourteen weeks")


def test_a_file_is_dropped_and_one_that_cannot_be_read_says_why(local):
    local.page.evaluate(
        """(bytes) => {
          const transfer = new DataTransfer();
          const data = Uint8Array.from(atob(bytes), (character) => character.charCodeAt(0));
          transfer.items.add(new File([data], "noise.bin"));
          const event = (name) => new DragEvent(name, { dataTransfer: transfer, bubbles: true, cancelable: true });
          window.dispatchEvent(event("dragover"));
          window.dispatchEvent(event("drop"));
        }""",
        base64.b64encode(bytes(range(256)) * 64).decode(),
    )
    failed = local.page.locator(".upload[data-phase=failed]", has_text="noise.bin")
    expect(failed).to_be_visible()
    assert len(failed.locator("small").inner_text()) > 10
    expect(local.page.locator(".curtain")).to_have_count(0)
    failed.get_by_role("button").click()
    expect(local.page.locator(".upload")).to_have_count(0)


def test_a_deleted_document_is_not_quoted_any_more(local):
    add_files(local)
    local.page.get_by_role("button", name="Documents", exact=True).click()
    sheet = local.page.get_by_role("dialog", name="Documents")
    row = sheet.get_by_role("listitem").filter(has_text="Handbook")
    expect(row).to_contain_text("passage")
    row.get_by_role("button", name="Delete").click()
    local.page.get_by_role("button", name="Delete", exact=True).click()
    expect(row).to_have_count(0)
    local.page.keyboard.press("Escape")
    answer = local.ask("Which key opens the roof terrace?")
    assert "brass" not in local.text(answer)


def test_answers_look_where_they_are_told(local):
    local.page.get_by_role("button", name="Documents", exact=True).click()
    local.page.get_by_role("button", name="New collection").click()
    local.page.get_by_label("Name").fill("Keys")
    local.page.get_by_role("button", name="Create").click()
    expect(local.page.get_by_role("combobox", name="Collection")).to_contain_text("Keys")
    local.page.keyboard.press("Escape")
    local.page.get_by_role("button", name="Documents and files").click()
    local.page.get_by_role("menuitemradio", name="Keys").click()
    chip = local.page.get_by_role("button", name="Documents: Keys")
    expect(chip).to_be_visible()
    add_files(local)
    assert "brass" in local.text(local.ask("Which key opens the roof terrace?"))
    chip.click()
    local.page.get_by_role("menuitemradio", name="Without documents").click()
    local.page.get_by_role("link", name="New chat").click()
    assert "brass" not in local.text(local.ask("Which key opens the roof terrace?"))
    local.page.reload()
    expect(local.page.get_by_role("button", name="Documents: Without documents")).to_be_visible()


def test_memories_are_seen_changed_and_forgotten(local):
    page = local.page
    page.keyboard.press("ControlOrMeta+,")
    page.locator(".row", has_text="Memory").get_by_role("button").click()
    sheet = page.get_by_role("dialog", name="Memory")
    sheet.get_by_label("Something to remember").fill("I work in the Berlin office")
    sheet.get_by_role("button", name="Add").click()
    row = sheet.get_by_role("listitem").filter(has_text="Berlin")
    expect(row).to_be_visible()
    row.get_by_role("button", name="Change").click()
    sheet.get_by_label("Fact", exact=True).fill("I work in the Lisbon office")
    page.keyboard.press("Enter")
    expect(sheet.get_by_role("listitem")).to_contain_text("Lisbon")
    switch = sheet.get_by_role("switch", name="Learn from chats")
    expect(switch).to_be_checked()
    switch.click()
    page.keyboard.press("Escape")
    page.reload()
    local.page.locator('#app[data-session="signedIn"]').wait_for()
    page.keyboard.press("ControlOrMeta+,")
    page.locator(".row", has_text="Memory").get_by_role("button").click()
    expect(page.get_by_role("switch", name="Learn from chats")).not_to_be_checked()
    sheet.get_by_role("button", name="Forget “").click()
    expect(sheet.get_by_role("listitem")).to_have_count(0)


@pytest.mark.parametrize("width", [390, 1280])
def test_the_sheet_of_documents_fits(serve, open_page, width):
    chat = open_page(serve(model_port=None).url, width=width)
    chat.open()
    upload_input = chat.page.get_by_role("button", name="Documents and files")
    upload_input.click()
    chat.page.keyboard.press("Escape")
    upload(chat, "a-very-long-name-" + "x" * 80 + ".md", HANDBOOK)
    expect(chat.page.locator(".upload[data-phase=ready]")).to_be_visible()
    if width < 800:
        chat.page.get_by_role("button", name="Show the list of chats").click()
    chat.page.get_by_role("button", name="Documents", exact=True).click()
    sheet = chat.page.get_by_role("dialog", name="Documents")
    expect(sheet.get_by_role("listitem")).to_have_count(1)
    assert chat.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    box = sheet.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= width
