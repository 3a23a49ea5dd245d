"""The list of chats, its menus, and the search."""

import re

from playwright.sync_api import expect


def seed(chat, *titles):
    """Makes chats by the API, oldest first."""
    ids = [chat.api("POST", "/api/conversations", {"title": title, "model": "scripted-echo"})["id"] for title in titles]
    chat.open()
    return ids


def test_chats_stand_by_day_newest_first(chat):
    seed(chat, "Oldest", "Middle", "Newest")
    expect(chat.page.get_by_role("heading", name="Today")).to_be_visible()
    expect(chat.titles).to_have_text(["Newest", "Middle", "Oldest"])


def test_rename_in_place(chat):
    seed(chat, "Old name")
    chat.menu("Old name", "Rename")
    box = chat.page.get_by_role("textbox", name="Title")
    expect(box).to_be_focused()
    box.fill("New name")
    box.press("Enter")
    expect(chat.titles).to_have_text(["New name"])
    chat.page.reload()
    expect(chat.titles).to_have_text(["New name"])


def test_a_rename_can_be_given_up(chat):
    seed(chat, "Old name")
    chat.menu("Old name", "Rename")
    box = chat.page.get_by_role("textbox", name="Title")
    box.fill("Nonsense")
    box.press("Escape")
    expect(chat.titles).to_have_text(["Old name"])


def test_a_pinned_chat_stands_on_top(chat):
    seed(chat, "First", "Second")
    chat.menu("First", "Pin")
    expect(chat.page.get_by_role("heading", name="Pinned")).to_be_visible()
    expect(chat.titles).to_have_text(["First", "Second"])
    chat.page.reload()
    expect(chat.titles).to_have_text(["First", "Second"])
    chat.menu("First", "Unpin")
    expect(chat.page.get_by_role("heading", name="Pinned")).to_have_count(0)


def test_an_archived_chat_leaves_the_list_and_can_be_taken_back(chat):
    seed(chat, "Keep", "Shelve")
    chat.menu("Shelve", "Archive")
    expect(chat.titles).to_have_text(["Keep"])
    chat.page.reload()
    expect(chat.titles).to_have_text(["Keep"])
    chat.page.get_by_role("button", name="Settings").click()
    chat.page.locator(".row", has_text="Archived chats").get_by_role("button", name="Show").click()
    chat.page.get_by_role("button", name="Take “Shelve” out of the archive").click()
    expect(chat.page.get_by_text("No chat is archived.")).to_be_visible()
    chat.page.keyboard.press("Escape")
    expect(chat.titles).to_contain_text(["Shelve", "Keep"])


def test_a_deleted_chat_can_be_brought_back(chat):
    (identity,) = seed(chat, "Gone")
    chat.open(f"/c/{identity}")
    chat.menu("Gone", "Delete")
    expect(chat.titles).to_have_count(0)
    expect(chat.page).to_have_url(re.compile("/$"))
    chat.page.get_by_role("button", name="Undo").click()
    expect(chat.titles).to_have_text(["Gone"])
    chat.page.reload()
    expect(chat.titles).to_have_text(["Gone"])


def test_a_change_that_the_server_refuses_is_taken_back_and_said(chat):
    seed(chat, "Stays")
    chat.watch.allows_errors = True
    problem = {"title": "Not available now", "detail": "The database is locked.", "status": 503}
    chat.page.route("**/api/conversations/*", lambda route: route.fulfill(status=503, json=problem))
    chat.menu("Stays", "Delete")
    expect(chat.page.locator(".toast")).to_contain_text("The database is locked.")
    expect(chat.titles).to_have_text(["Stays"])
    chat.menu("Stays", "Pin")
    expect(chat.page.get_by_role("heading", name="Pinned")).to_have_count(0)


def test_the_palette_finds_chats_and_places_in_messages(chat):
    seed(chat, "Holidays in Norway")
    chat.titles.first.click()
    chat.ask("The fjord is deep")
    chat.ask("And the lake is wide")
    chat.page.get_by_role("link", name="New chat").click()
    options = chat.search("norway")
    expect(options.first).to_contain_text("Holidays in Norway")
    chat.page.get_by_role("combobox").fill("fjord")
    place = chat.page.get_by_role("option").filter(has=chat.page.locator("mark", has_text="fjord")).first
    expect(place).to_be_visible()
    place.click()
    expect(chat.page.locator(".message[data-found]")).to_contain_text("fjord")
    expect(chat.page).to_have_url(re.compile("/c/.+#m-"))


def test_the_palette_works_by_keys_and_gives_the_focus_back(chat):
    seed(chat, "Alpha", "Beta")
    chat.box.focus()
    chat.page.keyboard.press("ControlOrMeta+k")
    box = chat.page.get_by_role("combobox")
    expect(box).to_be_focused()
    expect(chat.page.locator("[role=option][aria-selected=true]")).to_contain_text("Beta")
    chat.page.keyboard.press("ArrowDown")
    expect(chat.page.locator("[role=option][aria-selected=true]")).to_contain_text("Alpha")
    chat.page.keyboard.press("Escape")
    expect(chat.box).to_be_focused()
    chat.page.keyboard.press("ControlOrMeta+k")
    chat.page.keyboard.press("ArrowDown")
    chat.page.keyboard.press("Enter")
    expect(chat.page).to_have_title("Alpha – Parley")


def test_nothing_found_is_said(chat):
    chat.search("zzzzqqqq")
    expect(chat.page.get_by_text("Nothing found.")).to_be_visible()


def test_back_and_forward_go_between_chats(chat):
    seed(chat, "One", "Two")
    chat.titles.filter(has_text="One").click()
    expect(chat.page).to_have_title("One – Parley")
    chat.titles.filter(has_text="Two").click()
    expect(chat.page).to_have_title("Two – Parley")
    chat.page.go_back()
    expect(chat.page).to_have_title("One – Parley")
    chat.page.go_forward()
    expect(chat.page).to_have_title("Two – Parley")


def test_a_chat_that_is_not_there_is_said_kindly(chat):
    chat.watch.allows_errors = True
    chat.open("/c/01900000-0000-7000-8000-000000000000")
    expect(chat.page.get_by_text("This chat is not here")).to_be_visible()
    chat.page.locator("#thread").get_by_role("button", name="New chat").click()
    expect(chat.page).to_have_url(re.compile("/$"))


def test_a_title_that_the_model_makes_arrives(open_page, serve):
    server = serve(model="scripted-len4", env={"PARLEY_MAKE_TITLES": "true"})
    chat = open_page(server.url)
    chat.open()
    chat.ask("My own first words")
    expect(chat.titles).not_to_have_text(["My own first words"])


def test_a_long_list_is_read_as_it_is_scrolled(chat):
    for number in range(60):
        chat.api("POST", "/api/conversations", {"title": f"Chat {number}"})
    chat.open()
    expect(chat.titles.first).to_have_text("Chat 59")
    chat.page.locator("#chat-list").evaluate("list => list.scrollTo(0, list.scrollHeight)")
    expect(chat.titles).to_have_count(60)
