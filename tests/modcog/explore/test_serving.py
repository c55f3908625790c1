"""The playground's server: whom it serves, what, and what it refuses."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from modcog.cli import main
from modcog.errors import ModcogError
from modcog.explore import PAGE, site
from modcog.explore.answers import view
from modcog.explore.serving import LocalServer, Site, serve


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer(site(), port=0) as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def ask(
    server: LocalServer, target: str, method: str = "GET", **headers: str
) -> tuple[int, bytes, dict[str, str]]:
    """Send a request as it is, without what a client would mend; return status, body, headers."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=20)
    try:
        connection.putrequest(method, target, skip_host="Host" in headers)
        for name, value in headers.items():
            if value:
                connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        response = connection.getresponse()
        return response.status, response.read(), dict(response.getheaders())
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"task": "DlyGoo"}, "Did you mean DlyGo"),
        ({"task": "RTGo_IntL"}, "no interval to time"),
        ({"task": "DlyGo_IntL_IntR"}, "each modifier applies once"),
        ({"compare": "x" * 500}, "the name of a task"),
        ({"seed": "-1"}, "seed must be a whole number from 0"),
        ({"seed": "1e3"}, "seed must be a whole number; got '1e3'"),
        ({"seed": "9" * 3000}, "seed must be a whole number"),
        ({"seed": "٣"}, "seed must be a whole number"),
        ({"seed": str(2**53)}, "seed must be"),
        ({"dt": "0"}, "dt must be a number of ms above 0"),
        ({"dt": "nan"}, "dt must be a number of ms above 0"),
        ({"dt": "1e-300"}, "at least 1 ms on this page"),
        ({"dt": "600"}, "the shortest duration"),
        ({"dt": "1", "interval": "9999"}, "would have"),
        ({"dim_ring": "17"}, "a multiple of 4"),
        ({"dim_ring": "1000000000"}, "at most 128"),
        ({"noise": "-1"}, "noise must be"),
        ({"noise": "inf"}, "noise must be"),
        ({"noise": "1e9"}, "at most 100"),
        ({"interval": "1e12"}, "at most 10000 ms"),
        ({"interval": "-5"}, "not negative"),
        ({"task": "DM1", "coherence": "2"}, "coherences must be"),
        ({"task": "DM1", "coherence": "nan"}, "coherences must be"),
        ({"task": "DlyGo_IntL", "int_velocity": "0"}, "degrees per second above 0"),
        ({"task": "DlyGo_SeqL", "seq_velocity": "nan"}, "degrees per second above 0"),
        ({"noise": "__import__('os')"}, "noise must be a number"),
        ({"sigma": "1"}, "field must be the name of a field of this page"),
    ],
    ids=lambda value: None if isinstance(value, str) else str(value)[:40],
)
def test_bad_values_are_refused_in_words(
    server: LocalServer, query: dict[str, str], words: str
) -> None:
    with pytest.raises(ModcogError) as refusal:
        view(query)
    assert words in str(refusal.value)
    status, body, _ = ask(server, "/api/view?" + urlencode(query))
    assert status == 400
    assert json.loads(body)["error"] == str(refusal.value)


def test_serves_the_page_and_what_it_needs(server: LocalServer) -> None:
    status, body, headers = ask(server, "/")
    assert status == 200
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert body == (PAGE / "index.html").read_bytes()
    for path, file in site().files.items():
        status, body, _ = ask(server, path)
        assert (status, body) == (200, file.read_bytes())
    # All of the folder is in the table, so nothing was forgotten.
    assert {file.name for file in site().files.values()} == {p.name for p in PAGE.iterdir()}


def test_the_page_names_no_other_place() -> None:
    for file in PAGE.iterdir():
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text
        assert "https:" not in text
        assert "//" not in text.replace("// ", "")


def test_answers_come_with_the_address_as_the_page_asks(server: LocalServer) -> None:
    status, body, headers = ask(server, "/api/view?task=Go&seed=2", Sec_Fetch_Site="same-origin")
    assert status == 200
    assert body.decode() == json.dumps(view({"task": "Go", "seed": "2"}))
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "Access-Control-Allow-Origin" not in headers


def test_head_has_no_body(server: LocalServer) -> None:
    status, body, headers = ask(server, "/", "HEAD")
    assert (status, body) == (200, b"")
    assert int(headers["Content-Length"]) > 1000


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "localhost:1", "127.0.0.1.evil.example:{port}", ""]
)
@pytest.mark.parametrize("path", ["/", "/api/view"])
def test_other_names_for_this_machine_reach_nothing(
    server: LocalServer, path: str, host: str
) -> None:
    port = server.server_address[1]
    status, body, _ = ask(server, path, Host=host.format(port=port))
    assert status == 403
    assert f"at {server.url} only" in json.loads(body)["error"]


def test_localhost_is_this_machine(server: LocalServer) -> None:
    status, _, _ = ask(server, "/", Host=f"LOCALHOST:{server.server_address[1]}")
    assert status == 200


@pytest.mark.parametrize("origin", ["cross-site", "same-site"])
def test_pages_of_other_sites_get_no_answers(server: LocalServer, origin: str) -> None:
    assert ask(server, "/api/view", Sec_Fetch_Site=origin)[0] == 403
    # A link to the page is fine.
    assert ask(server, "/", Sec_Fetch_Site=origin)[0] == 200


@pytest.mark.parametrize(
    "target",
    [
        "/../settings.py",
        "/..%2fsettings.py",
        "/app.js/",
        "/APP.JS",
        "/app.js%00",
        "/api",
        "/api/view/",
        "/favicon.ico",
        "*",
    ],
)
def test_there_is_nothing_else(server: LocalServer, target: str) -> None:
    assert ask(server, target)[0] == 404


def test_addresses_that_cannot_be_read_are_refused(server: LocalServer) -> None:
    assert ask(server, "/api/view?task=%ff")[0] == 400
    assert ask(server, "/api/view?seed=1&seed=2")[0] == 400
    assert ask(server, "/api/view?" + "&".join(f"a{i}=1" for i in range(100)))[0] == 400
    assert ask(server, "/api/view?task=" + "x" * 5000)[0] == 414
    assert ask(server, "/api/view?task=" + "x" * 70_000)[0] == 414


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_nothing_can_be_changed(server: LocalServer, method: str) -> None:
    assert ask(server, "/api/view", method)[0] == 501


def test_content_of_a_request_is_not_taken_for_the_next_one(server: LocalServer) -> None:
    port = server.server_address[1]
    smuggled = b"GET /api/catalog HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % port
    head = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {len(smuggled)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(head.encode() + smuggled)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert received.count(b"HTTP/1.1") == 1
    assert received.startswith(b"HTTP/1.1 400")


def test_many_connections_that_stay_open_stall_nobody() -> None:
    with LocalServer(site(), port=0) as made:
        address = ("127.0.0.1", made.server_address[1])
        # Before anything is accepted: all of them wait in the queue.
        held = [socket.create_connection(address, timeout=0.8) for _ in range(24)]
        thread = threading.Thread(target=made.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            assert ask(made, "/")[0] == 200
        finally:
            for connection in held:
                connection.close()
            made.shutdown()


def test_listens_on_the_loopback_interface_alone(server: LocalServer) -> None:
    assert server.server_address[0] == "127.0.0.1"
    assert server.socket.getsockname()[0] == "127.0.0.1"


def test_failures_of_the_program_are_told_apart(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def fails(_: object) -> None:
        raise RuntimeError("a secret of the program")

    broken = Site(files={"/gone.js": tmp_path / "gone.js"}, answers={"/x": fails}, refusals=())
    with LocalServer(broken, port=0) as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        answers = [ask(made, path) for path in ("/x", "/gone.js")]
        made.shutdown()
        thread.join()
    assert [status for status, _, _ in answers] == [500, 500]
    assert all(b"secret" not in body for _, body, _ in answers)
    assert "a secret of the program" in capfd.readouterr().err


def test_port_in_use_is_refused_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["explore", "--no-browser", "--port", str(port)]) == 2
    message = capsys.readouterr().err
    assert f"modcog explore: --port must be a port that is free; got {port}." in message
    assert "--port 0" in message


@pytest.mark.parametrize("port", ["-1", "65536"])
def test_ports_that_do_not_exist_are_refused(capsys: pytest.CaptureFixture[str], port: str) -> None:
    assert main(["explore", "--no-browser", "--port", port]) == 2
    assert "from 0 to 65535" in capsys.readouterr().err


def test_ctrl_c_before_the_first_visitor_ends_it_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []

    def interrupted(text: str) -> None:
        said.append(text)
        if len(said) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr("modcog.explore.serving.say", interrupted)
    serve(site(), 0, browser=False)
    assert said[1:] == ["\nmodcog explore: ended."]
