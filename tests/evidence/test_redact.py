"""Redaction: what must go, what must stay, and that twice is the same as once."""

from __future__ import annotations

import base64
import gzip
import html
import io
import json
import zipfile
import zlib
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from repro.evidence.redact import Redactor

SECRET = 'pass/word "é" + more'


def redactor() -> Redactor:
    """One of made-up people and places."""
    return Redactor(
        [SECRET, "s3cr3t"],
        users=["alice", "al", "root"],
        hosts=["wonderbox", "localhost", "vm"],
        places={"/srv/kit/": "<repo>", "/home/alice/.cache/kit": "<cache>", "/mnt/people/alice": "~", "/": "~"},
    )


TOKEN = "hf_" + "aB3" * 11
ROOT = "/" + "root"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        # folders
        ('File "/home/alice/x.py", line 3', 'File "~/x.py", line 3'),
        ("/Users/bob.jones/Library and /home/bob", "~/Library and ~"),
        (f"{ROOT} {ROOT}/.cache", "~ ~/.cache"),
        ("/mnt/people/alice/data", "~/data"),
        ("/tmp/repro-x1/scratch and /tmp", "<tmp>/repro-x1/scratch and <tmp>"),
        ("/var/tmp/a /private/tmp/b", "<tmp>/a <tmp>/b"),
        ("/var/folders/zz/zyx_123/T/repro", "<tmp>/repro"),
        ("/private/var/folders/zz/zyx_123/T/repro", "<tmp>/repro"),
        ("/srv/kit/repro/cli.py", "<repo>/repro/cli.py"),
        ("/home/alice/.cache/kit/inputs", "<cache>/inputs"),
        # folders where the text around them hides where they begin
        (r'{"log": "a\n/home/bob/x"}', r'{"log": "a\n~/x"}'),
        (r'{"log": "\/home\/bob\/x"}', r'{"log": "~\/x"}'),
        ("\x1b[0;32m/srv/kit/a.py\x1b[0m", "\x1b[0;32m<repo>/a.py\x1b[0m"),
        ("file:///home/bob/x", "file://~/x"),
        ("?path=%2Fhome%2Fbob%2Fx", "?path=~%2Fx"),
        ("<td>/home/bob/x</td>", "<td>~/x</td>"),
        ("cc -I/home/bob/include >/home/bob/log", "cc -I~/include >~/log"),
        # people and machines
        ("by alice_1, alice and pytest-of-alice", "by <user>_1, <user> and pytest-of-<user>"),
        (r"one\nalice", r"one\n<user>"),
        ("on wonderbox and wonderbox.corp.example.com:", "on <host> and <host>:"),
        ("mail First.Last+x@mail.example.org now", "mail <email> now"),
        (r"a\nfirst@example.org", r"a\n<email>"),
        # secrets
        (f"logged in with {TOKEN}.", "logged in with <token>."),
        ("ghp_" + "a1" * 18, "<token>"),
        ("github_pat_" + "a1_" * 18, "<token>"),
        ("sk-proj-" + "a1" * 18, "<token>"),
        ("AKIA" + "A1" * 8, "<token>"),
        ("Authorization: Bearer abc.def-123", "Authorization: Bearer <token>"),
        ("Authorization: Basic YWxpY2U6cGFzcw==", "Authorization: Basic <token>"),
        ("https://me:pw@example.org/simple", "https://<user>@example.org/simple"),
        (r"https:\/\/me:pw@example.org", r"https:\/\/<user>@example.org"),
        ("https%3A%2F%2Fme%3Apw%40example.org", "https%3A%2F%2F<user>%40example.org"),
        ("get?a=1&token=abc123&b=2", "get?a=1&token=<token>&b=2"),
        ("HF_TOKEN=abcdef1 API_KEY: 'abcdef1'", "HF_TOKEN=<token> API_KEY: '<token>'"),
        ("login --token abcdef1", "login --token <token>"),
        ("x?X-Amz-Credential=me%2F1&X-Amz-Signature=ab12", "x?X-Amz-Credential=<token>&X-Amz-Signature=<token>"),
        ("x?X-Amz-Security-Token=ab12", "x?X-Amz-Security-Token=<token>"),
        ("x?se=2026-11-21&sig=aB%2F1%3D&sp=r", "x?se=2026-11-21&sig=<token>&sp=r"),
        ("x?Policy=ab1&Signature=ab2&Key-Pair-Id=K3", "x?Policy=<token>&Signature=<token>&Key-Pair-Id=<token>"),
        ("the s3cr3t is out", "the <secret> is out"),
    ],
)
def test_what_must_go(text, clean):
    assert redactor().text(text) == clean
    assert redactor().find(text.encode()) != []
    assert redactor().find(clean.encode()) == []


@pytest.mark.parametrize(
    "text",
    [
        "datasets 5.1.0, pyarrow 24.0.0, Python 3.11.7, numpy 2.3.0rc1",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "huggingface-hub pandas nibabel fsspec s3fs sk-learn hf_transfer hf_hub_download hf_xet",
        "The malice of alicer, a basic understanding, the bearer of news.",
        "Uploading the dataset shards:   0%|          | 0/902 [00:00<?, ?it/s]",
        "token=get_token(), use_auth_token=None, tokenizer=whatever, token: the word",
        "OOMPolicy=continue --policy=never key=lambda row: row",
        "https://huggingface.co/docs/home/page and docs/home/page.md and tmp/x and /tmpfs",
        "/srv/kit2 /srv/kit-old /srv/kit.bak",
        "git@github.com:huggingface/datasets.git",
        "@pytest.mark.parametrize and a @ b, datasets@5.1.0",
        "</root> http://127.0.0.1:8000/api on localhost",
        "python -c 'print(1)' --timeout 120s --memory 2GiB",
        "s3cr3t0",
        "<tmp>/x <repo>/y ~/z <user>@<host> <email> <token> <secret> <cache>",
    ],
)
def test_what_must_stay(text):
    assert redactor().text(text) == text
    assert redactor().find(text.encode()) == []


@pytest.mark.parametrize(
    "form",
    [
        str,
        html.escape,
        quote,
        quote_plus,
        lambda s: quote(s, safe=""),
        lambda s: json.dumps(s)[1:-1],
        lambda s: json.dumps(s, ensure_ascii=False)[1:-1],
        lambda s: s.replace("/", "\\/"),
    ],
)
def test_a_secret_goes_in_every_written_form(form):
    assert redactor().text(f"a {form(SECRET)} b") == "a <secret> b"
    assert redactor().find(form(SECRET).encode()) == [SECRET]


@settings(deadline=None)
@given(st.binary(max_size=40), st.binary(max_size=40), st.booleans())
def test_a_secret_goes_from_base64_which_stays_base64(before, after, urlsafe):
    coded = (base64.urlsafe_b64encode if urlsafe else base64.b64encode)(before + SECRET.encode() + after).decode()
    clean = redactor().text(coded)
    decoded = base64.b64decode(clean, altchars=b"-_" if urlsafe else None, validate=True)
    assert len(decoded) == len(before + SECRET.encode() + after)
    assert SECRET.encode() not in decoded
    assert decoded.startswith(before)
    inner = slice(len(before) + 1, len(before) + len(SECRET.encode()) - 1)  # a byte at each end shares its character
    assert set(decoded[inner]) <= set(b"x")


_words = (
    "/home/ alice bob /tmp /srv/kit s3cr3t wonderbox . @ example.org :// token= <tmp> <user> ~ \\n %2F - _ é \" ' &gt;"
)
_pieces = [*_words.split(), " ", "\n", SECRET, TOKEN, ROOT, "Bearer ", "\x1b[0m", "/private/var/folders/a/b/T"]
_texts = st.lists(st.sampled_from(_pieces), max_size=12).map("".join) | st.text()


@settings(deadline=None)
@given(_texts)
def test_twice_is_the_same_as_once(text):
    once = redactor().text(text)
    assert redactor().text(once) == once
    assert redactor().find(once.encode(errors="replace")) == []


@settings(deadline=None)
@given(_texts)
def test_twice_is_the_same_as_once_in_html_too(text):
    once = redactor().html(text)
    assert redactor().html(once) == once
    assert redactor().find(once.encode(errors="replace")) == []


@settings(deadline=None)
@given(st.lists(st.text("abc<>/ ", min_size=1, max_size=12), max_size=4), st.text("abcdehiknorstu<>/ ", max_size=60))
def test_twice_is_the_same_as_once_whatever_the_secrets(secrets, text):
    made = Redactor(secrets, users=secrets, hosts=secrets, places={f"/{s}": "<tmp>" for s in secrets})
    once = made.text(text)
    assert made.text(once) == once


@settings(deadline=None)
@given(st.text(min_size=12), _texts, _texts)
def test_no_long_secret_is_left_in_any_text(secret, before, after):
    # A secret made of the placeholders' own letters cannot be told from them.
    assume(not any(secret in f"{a}{b}" for a in ("<secret>", "<token>") for b in ("<secret>", "<token>", "~")))
    assert secret not in Redactor([secret]).text(before + secret + after)


def test_data_is_redacted_with_its_keys_and_no_entry_is_lost():
    data = {
        "sha256": {"/home/alice/a": 1, "/home/bob/a": 2},
        "list": ["/tmp/x", 3, None, True],
        "pair": ("s3cr3t", 1.5),
    }
    assert redactor().data(data) == {
        "sha256": {"~/a": 1, "~/a (2)": 2},
        "list": ["<tmp>/x", 3, None, True],
        "pair": ["<secret>", 1.5],
    }
    assert redactor().data(redactor().data(data)) == redactor().data(data)


def test_a_value_under_a_secret_looking_key_goes_whole():
    data = {"hf_token": "x y", "password": "p", "api_key": "k", "tokenizer": "bert", "key": "id", "token": None}
    clean = dict.fromkeys(("hf_token", "password", "api_key"), "<secret>")
    assert redactor().data(data) == data | clean


def test_a_secret_that_is_no_utf8_is_a_secret_too():
    secret = "open sesame \udc80\udcff"
    assert (
        Redactor([secret], places={f"/srv/{secret}": "~"}).text(f"say {secret} in /srv/{secret}") == "say <secret> in ~"
    )


def test_short_and_common_words_are_no_secrets():
    text = "12345 default al test vm1 localhost"
    assert Redactor(["12345", "default"], users=["al", "test"], hosts=["vm1", "localhost"]).text(text) == text
    assert Redactor(["123456"], users=["ann"], hosts=["vm12"]).text("123456 ann vm12") == "<secret> <user> <host>"


def environment(**variables: str) -> Redactor:
    return Redactor.from_environment({"HOME": "/srv/people/zoe", **variables})


@pytest.mark.parametrize(
    "name", ["HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "DB_PASSWORD", "apikey", "MY_CREDENTIALS", "KEY"]
)
def test_variables_whose_names_look_secret_give_secrets(name):
    made = environment(**{name: "open-sesame", "OTHER_TOKEN": "close-sesame"})
    assert made.text("say open-sesame, or close-sesame!") == "say <secret>, or <secret>!"


@pytest.mark.parametrize(
    ("name", "value"), [("TOKENIZERS_PARALLELISM", "turned-off"), ("KEYBOARD", "us-intl"), ("SDK_KEY", "24.0.0")]
)
def test_other_variables_do_not(name, value):
    assert environment(**{name: value}).text(f"it is {value}") == f"it is {value}"


@pytest.mark.parametrize("name", ["USER", "LOGNAME", "SUDO_USER"])
def test_each_variable_that_names_a_user_gives_one(name):
    assert environment(**{name: "walter"}).text("run by walter") == "run by <user>"


@pytest.mark.parametrize(
    ("home", "text"), [("/home/walter", "<user>"), ("/Users/walter", "<user>"), ("/srv/walter", "walter")]
)
def test_a_home_folder_is_named_after_its_user_where_systems_do_so(home, text):
    assert environment(HOME=home).text(f"walter in {home}") == f"{text} in ~"


def test_the_user_of_the_process_goes_though_no_variable_names_them(monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "walter")
    assert environment().text("run by walter") == "run by <user>"


def test_a_process_of_a_user_without_a_name_is_no_error(monkeypatch):
    def nameless() -> str:
        raise OSError("no username set in the environment")

    monkeypatch.setattr("getpass.getuser", nameless)
    assert environment(USER="walter").text("run by walter") == "run by <user>"


@pytest.mark.parametrize(("name", "label"), [("HOME", "~"), ("TMPDIR", "<tmp>")])
def test_a_folder_that_is_a_link_goes_under_both_its_names(tmp_path, name, label):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    made = environment(**{name: str(tmp_path / "link")})
    assert made.text(f"{tmp_path}/link/x {tmp_path}/real/x") == f"{label}/x {label}/x"


def test_the_host_goes_with_and_without_its_domain(monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "teapot.corp-net.example")
    assert environment().text("on teapot.corp-net.example, teapot.local, teapot") == "on <host>, <host>, <host>"


def test_the_hosts_of_private_indexes_and_proxies_go():
    variables = {
        "UV_INDEX_URL": "https://me:pw@pkg.corp.example.net/simple",
        "PIP_EXTRA_INDEX_URL": "https://one.example.net/simple https://two.example.net:8443/simple",
        "HTTPS_PROXY": "proxy.corp.example.net:3128",
    }
    text = "via pkg.corp.example.net, one.example.net, two.example.net, proxy.corp.example.net"
    assert environment(**variables).text(text) == "via <host>, <host>, <host>, <host>"


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:3128", "squid:3128", "http://[broken", ""])
def test_a_proxy_of_this_machine_or_without_a_domain_reveals_nothing(proxy):
    text = "127.0.0.1 squid broken"
    assert environment(HTTP_PROXY=proxy).text(text) == text


def test_the_processes_own_environment_is_the_default(monkeypatch):
    monkeypatch.setenv("HOME", "/srv/people/zoe")
    monkeypatch.setenv("HF_TOKEN", "open-sesame")
    assert Redactor.from_environment().text("open-sesame in /srv/people/zoe") == "<secret> in ~"


def test_every_line_of_a_secret_of_many_lines_goes():
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nxyz\n-----END KEY-----"
    made = environment(SIGNING_KEY=key)
    assert made.text("got MIIEvQIBADANBgkq there") == "got <secret> there"
    assert made.text(f"all: {key}.") == "all: <secret>."
    assert made.text("xyz") == "xyz", "too short to be a part that tells anything"


def test_the_checkout_and_the_cache_are_named(tmp_path):
    made = Redactor.from_environment({}, cache=tmp_path / "kit-cache", repo=tmp_path / "kit")
    assert made.text(f"{tmp_path}/kit/a {tmp_path}/kit-cache/b") == "<repo>/a <cache>/b"


def test_of_names_that_begin_alike_the_longest_goes_whole():
    assert Redactor(users=["ann", "ann-marie"]).text("ann-marie and ann") == "<user> and <user>"
    places = {"/srv/data": "<repo>", "/srv/data/cache": "<cache>", "/srv": "~"}
    assert Redactor(places=places).text("/srv/data/cache/x /srv/data/x /srv/x") == "<cache>/x <repo>/x ~/x"


@pytest.mark.parametrize("form", [str, quote, lambda s: quote(s, safe=""), lambda s: s.replace("/", "\\/")])
def test_a_folder_goes_in_every_written_form(form):
    made = Redactor(places={"/srv/my data/": "<repo>"})
    assert made.text(f"in {form('/srv/my data')}") == "in <repo>"
    assert made.find(f"in {form('/srv/my data')}".encode()) == ["/srv/my data"]


PLANTED = b"x = 1\npath = '/home/alice/x'\n"


def _zipped(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.txt", data)
    return buffer.getvalue()


def _chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


def _png(kind: bytes, body: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", bytes(13)) + _chunk(kind, body) + _chunk(b"IEND", b"")


def _notebook(data: bytes) -> bytes:
    return json.dumps(
        {"image/png": base64.encodebytes(_png(b"zTXt", b"Comment\0\0" + zlib.compress(data))).decode()}
    ).encode()


@pytest.mark.parametrize(
    "pack",
    [
        bytes,
        gzip.compress,
        zlib.compress,
        _zipped,
        base64.b64encode,
        lambda data: b"junk \xff" + gzip.compress(data) + b"junk",
        lambda data: gzip.compress(data)[:-8],
        lambda data: _zipped(gzip.compress(base64.b64encode(data))),
        lambda data: _png(b"tEXt", b"Comment\0" + data),
        lambda data: _png(b"zTXt", b"Comment\0\0" + zlib.compress(data)),
        lambda data: _png(b"iTXt", b"Comment\0\0\0\0\0" + data),
        lambda data: _png(b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(data)),
        _notebook,
        lambda data: b"\xff\xfe\x00" + data + b"\xff",
    ],
)
def test_find_looks_inside(pack):
    assert redactor().find(pack(PLANTED)) == ["/home/alice", "alice"]
    assert redactor().find(pack(PLANTED.replace(b"/home/alice", b"~"))) == []


def test_find_searches_the_printable_runs_of_noise_but_for_no_mail():
    noise = b"\xff\x00 short \x00text before\x00/home/bob/x\x00 first@example.org \xff"
    assert redactor().find(noise) == ["/home/bob"]
    assert redactor().find(noise.replace(b"\xff", b"")) == ["/home/bob", "first@example.org"]


@settings(deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"", b"PK\x03\x04", b"\x1f\x8b\x08", b"x\x9c", b"\x89PNG\r\n\x1a\n"]))
def test_find_bears_any_bytes(data, head):
    redactor().find(head + data)
