"""Settings of the real program: where they come from, who wins, what is refused, what is never shown."""

import json
import os
import shutil
import subprocess
import time

import pytest
from parley_process import free_port


def doctor(folder, *flags, **variables):
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PARLEY_", "OPENAI_", "REDIS_")) or name == "PARLEY_BIN"
    }
    return subprocess.run(
        [os.environ["PARLEY_BIN"], "doctor", *flags],
        cwd=folder,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=30,
    )


def shown(result):
    lines = result.stdout.split("Settings\n")[1].split("\n\n")[0].splitlines()
    return {line.split()[0]: line.split(None, 1)[1].strip() for line in lines}


def test_defaults(tmp_path):
    result = doctor(tmp_path)
    assert result.returncode == 0, result.stderr
    settings = shown(result)
    assert settings["host"] == "127.0.0.1" and settings["port"] == "8080" and settings["mode"] == "open"
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_precedence(tmp_path):
    """Flags before environment before .env before the file."""
    (tmp_path / "c.json").write_text(json.dumps({"port": 1, "model": "file", "nodeID": "file", "host": "127.0.0.4"}))
    (tmp_path / ".env").write_text("PARLEY_PORT=2\nPARLEY_MODEL=dotenv\nPARLEY_NODE_ID=dotenv\n")
    settings = shown(
        doctor(tmp_path, "--config", "c.json", "--port", "4", PARLEY_PORT="3", PARLEY_MODEL="environment")
    )
    assert settings["port"] == "4"
    assert settings["model"] == "environment"
    assert settings["nodeID"] == "dotenv"
    assert settings["host"] == "127.0.0.4"


def test_dot_env_as_people_write_it(tmp_path):
    (tmp_path / ".env").write_text(
        "# a comment\nexport PARLEY_NODE_ID=\"quoted name\"\nPARLEY_MODEL='single'\nPARLEY_PORT=99 # behind\n\nnonsense\n"
        "OPENAI_API_KEY=\"sk-secret-1\"\nOPENAI_BASE_URL=http://127.0.0.1:9/v1\n"
    )
    result = doctor(tmp_path)
    settings = shown(result)
    assert settings["nodeID"] == "quoted name"
    assert settings["model"] == "single"
    assert settings["port"] == "99"
    assert settings["openai.apiKey"] == "1 set"
    assert "sk-secret-1" not in result.stdout + result.stderr
    assert result.returncode == 1 and "model server" in result.stdout


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"colour": "red"}, "unknown keys: colour"),
        ({"log": {"levle": "info"}}, "unknown keys: log.levle"),
        ({"port": 99999}, "from 0 to 65535"),
        ({"log": {"level": "loud"}}, "log.level"),
        ([1], "not a JSON object"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, content, reason):
    (tmp_path / "c.json").write_text(json.dumps(content))
    result = doctor(tmp_path, "--config", "c.json")
    assert result.returncode != 0
    assert reason in result.stderr


def test_another_address_needs_accounts(tmp_path):
    assert shown(doctor(tmp_path, "--host", "0.0.0.0"))["mode"] == "accounts"
    assert shown(doctor(tmp_path, "--public-origin", "https://chat.example.org"))["mode"] == "accounts"


def test_a_damaged_database_is_said(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "parley.db").write_bytes(b"not a database" * 1000)
    result = doctor(tmp_path)
    assert result.returncode == 1 and "FAILED" in result.stdout
    serve = subprocess.run(
        [os.environ["PARLEY_BIN"], "serve", "--port", "0"], cwd=tmp_path, capture_output=True, text=True, timeout=30
    )
    assert serve.returncode != 0 and "data folder" in serve.stderr


def test_every_limit_is_shown(tmp_path):
    limits = doctor(tmp_path, "--limits").stdout.split("Limits\n")[1].splitlines()
    assert any("CoreLimits" not in line and "ParleyCore.messageBytes" in line for line in limits)
    assert len(limits) > 100


@pytest.mark.parametrize("command", [[], ["serve"], ["doctor"]])
def test_help_reads_well(command):
    result = subprocess.run([os.environ["PARLEY_BIN"], *command, "--help"], capture_output=True, text=True, timeout=10)
    assert result.returncode == 0 and "USAGE" in result.stdout
    assert max(map(len, result.stdout.splitlines())) < 400


def test_a_redis_that_is_away_is_told_of_without_its_password(tmp_path):
    url = f"redis://user:hunter2secret@127.0.0.1:{free_port()}/0"
    result = doctor(tmp_path, REDIS_URL=url, REDIS_PASSWORD="another-secret")
    assert result.returncode == 1
    assert "FAILED   Redis at redis://127.0.0.1:" in result.stdout
    assert "secret" not in result.stdout + result.stderr


@pytest.mark.skipif(not shutil.which("redis-server"), reason="redis-server is not installed")
def test_a_redis_that_may_evict_is_refused(tmp_path):
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--maxmemory", "50mb"]
    for policy, code in [("allkeys-lru", 1), ("volatile-ttl", 1), ("noeviction", 0)]:
        redis = subprocess.Popen(
            [*command, "--maxmemory-policy", policy], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            result = doctor(tmp_path, "--redis-url", f"redis://127.0.0.1:{port}")
            for _ in range(20):
                if "Redis cannot be reached" not in result.stdout:
                    break
                time.sleep(0.2)
                result = doctor(tmp_path, "--redis-url", f"redis://127.0.0.1:{port}")
            assert result.returncode == code, result.stdout
            assert ("maxmemory-policy" in result.stdout) == (code == 1)
        finally:
            redis.kill()
            redis.wait(timeout=10)


def test_a_debug_log_shows_no_secret(tmp_path):
    """What runs is named in the log, its settings are not."""
    process = subprocess.Popen(
        [os.environ["PARLEY_BIN"], "serve", "--port", "0", "--log-level", "trace"], cwd=tmp_path, text=True,
        env={**os.environ, "OPENAI_API_KEY": "sk-hunter2", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )
    for line in process.stdout:
        assert "hunter2" not in line
        if "Parley is at" in line:
            break
    process.terminate()
    rest, _ = process.communicate(timeout=30)
    assert process.returncode == 0 and "hunter2" not in rest and "Service finished" in rest
