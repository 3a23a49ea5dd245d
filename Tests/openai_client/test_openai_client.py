#
# This source file is part of the Parley open source project
# SPDX-License-Identifier: Apache-2.0
#
"""The official `openai` client against the scripted model server: the script speaks the real protocol.

    swift build --product scripted-model
    python3 -m venv .venv && .venv/bin/pip install -r Tests/openai_client/requirements.txt
    SCRIPTED_MODEL_BIN=.build/debug/scripted-model .venv/bin/pytest Tests/openai_client
"""

import os
import subprocess

import openai
import pytest

QUESTION = [{"role": "user", "content": "Grüße, 世界 😀"}]


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    text = tmp_path_factory.mktemp("scripted") / "text"
    text.write_text("# Titel\n\n<b>ä</b> 😀\n", encoding="utf-8")
    server = subprocess.Popen(
        [os.environ["SCRIPTED_MODEL_BIN"], "--port", "0", "--text-file", str(text)],
        stdout=subprocess.PIPE, text=True)
    try:
        line = server.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:")
        base = line.split()[-1]
        with openai.OpenAI(base_url=f"{base}/v1", api_key="sk-test", max_retries=0, timeout=20) as client:
            yield client
    finally:
        server.terminate()
        server.wait(timeout=10)
        server.stdout.close()


def stream(client, model, **options):
    return client.chat.completions.create(model=model, messages=QUESTION, stream=True, **options)


def text_of(chunks):
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def test_models_are_listed(client):
    names = [model.id for model in client.models.list()]
    assert "scripted" in names


def test_a_whole_answer(client):
    answer = client.chat.completions.create(model="scripted-echo", messages=QUESTION)
    assert answer.object == "chat.completion"
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].message.content == QUESTION[0]["content"]
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_a_stream(client):
    chunks = list(stream(client, "scripted-len30"))
    assert chunks[0].choices[0].delta.role == "assistant"
    assert all(chunk.object == "chat.completion.chunk" for chunk in chunks)
    assert len(text_of(chunks).split(" ")) == 30
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert all(chunk.usage is None for chunk in chunks)


def test_a_stream_with_usage(client):
    chunks = list(stream(client, "scripted-len3", stream_options={"include_usage": True}))
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == 3


def test_stream_and_whole_agree(client):
    whole = client.chat.completions.create(model="scripted-text", messages=QUESTION)
    assert text_of(stream(client, "scripted-text")) == whole.choices[0].message.content
    assert whole.choices[0].message.content == "# Titel\n\n<b>ä</b> 😀\n"


@pytest.mark.parametrize("model", [
    "scripted-frag1-len5", "scripted-crlf-len5", "scripted-cr-len5", "scripted-comments-len5",
    "scripted-ttft20-itl5-len5", "scripted-nodone-len5"])
def test_streams_written_otherwise(client, model):
    assert len(text_of(stream(client, model)).split(" ")) == 5


def test_parts_of_content_are_echoed(client):
    content = [{"type": "text", "text": "one "}, {"type": "text", "text": "two"}]
    answer = client.chat.completions.create(
        model="scripted-echo", messages=[{"role": "user", "content": content}])
    assert answer.choices[0].message.content == "one two"


def test_a_cut_stream_breaks(client):
    chunks = stream(client, "scripted-cut3-itl5")
    with pytest.raises(Exception):
        list(chunks)


@pytest.mark.parametrize(("model", "error"), [
    ("scripted-s400", openai.BadRequestError), ("scripted-s429-ra1", openai.RateLimitError),
    ("scripted-s500", openai.InternalServerError), ("scripted-unheard", openai.NotFoundError)])
def test_refusals(client, model, error):
    with pytest.raises(error) as caught:
        client.chat.completions.create(model=model, messages=QUESTION)
    assert caught.value.body["message"]
    if "ra1" in model:
        assert caught.value.response.headers["retry-after"] == "1"


def test_an_error_in_the_stream(client):
    with pytest.raises(openai.APIError):
        list(stream(client, "scripted-error2"))
