"""What a server answers: predictions as `hornbook predict` makes them, and one line for everything else."""

import asyncio
import base64
import dataclasses
import gzip
import io
import json

import numpy as np
import pytest

pytest.importorskip("fastapi")

from PIL import Image, PngImagePlugin

from hornbook.inference.predict import answers
from hornbook.inference.serve import bodies

JSON = {"Content-Type": "application/json"}
INPUTS = {
    "images": [np.arange(64).reshape(8, 8, 1).tolist(), np.zeros((8, 8, 1)).tolist()],
    "texts": ["good fine", "awful, poor", "/etc/passwd"],
    "series": [np.eye(14, 10)[:, :10].tolist()],
    "tables": [{"height": 1.5, "colour": "red"}, {"height": -2, "colour": None}],
    "numbers": [{"size": 0.25}, {"size": "1e0"}],
}


def ask(client, inputs):
    return client.post("/predict", content=json.dumps({"inputs": inputs}), headers=JSON)


def picture(size=(8, 8), file_format="PNG"):
    content = io.BytesIO()
    Image.fromarray(np.arange(size[0] * size[1], dtype=np.uint8).reshape(size)).save(content, file_format)
    return content.getvalue()


def array(content):
    file = io.BytesIO()
    np.save(file, content)
    return file.getvalue()


@pytest.mark.parametrize("name", INPUTS)
def test_an_answer_is_what_predict_says(name, client, opened, tmp_path):
    served, inputs = opened(name), INPUTS[name]
    if name == "series":
        steps, features = served.trained.about["input_shape"]
        inputs = [np.zeros((steps or 4, features)).tolist(), np.ones((steps or 4, features)).tolist()]
    answer = ask(client(name), inputs)
    assert answer.status_code == 200, answer.text
    found = answer.json()["predictions"]
    content = json.dumps({"inputs": inputs}).encode()
    named = bodies.read(content, "application/json", served.trained, served.medium, 100, tmp_path)
    assert not list(tmp_path.iterdir())  # A body is kept no longer than its reader takes.
    expected = answers.outputs(served.model, [one for _, one in named], served.trained, served.medium)
    assert len(found) == len(inputs)
    for one, row in zip(found, expected, strict=True):
        said = one.get("probabilities") or one["values"]
        np.testing.assert_allclose(list(said.values()), row, atol=1e-5)
        if "class" in one:
            assert said[one["class"]] == max(said.values())


def test_an_answer_has_what_is_promised(opened):
    from fastapi.testclient import TestClient

    from hornbook.inference.serve import app

    served = opened("tables")
    about = {**served.trained.about, "conformal": {"coverage": 0.9, "quantiles": [1.0], "calibration_examples": 20}}
    promising = dataclasses.replace(served, trained=dataclasses.replace(served.trained, about=about))
    with TestClient(app.create(promising), base_url="http://localhost") as own:
        found = ask(own, INPUTS["tables"]).json()["predictions"]
    assert [sorted(one["set"]) for one in found] == [sorted(about["class_names"])] * 2
    assert [one["set"][0] for one in found] == [one["class"] for one in found]


def test_a_text_is_never_read_as_a_path(client, tmp_path):
    (tmp_path / "secret.txt").write_text("good fine great\n" * 3)
    answer = ask(client("texts"), [str(tmp_path / "secret.txt")])
    assert len(answer.json()["predictions"]) == 1  # Not of each line of the file.


@pytest.mark.parametrize(
    ("name", "kind", "content", "count"),
    [
        ("images", "image/png", picture(), 1),
        ("images", "image/jpeg; charset=binary", picture(file_format="JPEG"), 1),
        ("images", "application/x-npy", array(np.zeros((3, 8, 8, 1))), 3),
        ("texts", "text/plain", b"good\nbad\n", 2),
        ("texts", "text/csv", b"text\ngood\nbad\n", 2),
        ("tables", "text/csv", b"height,colour\n1,red\n2,blue\n", 2),
    ],
)
def test_files_are_taken_as_they_are(name, kind, content, count, client):
    answer = client(name).post("/predict", content=content, headers={"Content-Type": kind})
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["predictions"]) == count
    assert "/tmp" not in answer.text


def test_an_image_in_json_is_the_file_in_base64(client):
    content, server = picture(), client("images")
    encoded = base64.b64encode(content).decode()
    first, second = ask(server, [encoded, f"data:image/png;base64,{encoded}"]).json()["predictions"]
    direct = server.post("/predict", content=content, headers={"Content-Type": "image/png"}).json()["predictions"][0]
    assert first["probabilities"] == second["probabilities"]
    np.testing.assert_allclose(list(first["probabilities"].values()), list(direct["probabilities"].values()), atol=1e-6)


def huge():
    """A small file of many pixels."""
    content = io.BytesIO()
    Image.new("L", (20_000, 20_000)).save(content, "PNG")
    return content.getvalue()


def packed_words():
    """A small PNG file with a hundred megabytes of text in it."""
    content = io.BytesIO()
    words = PngImagePlugin.PngInfo()
    words.add_text("Comment", "x" * 10**8, zip=True)
    Image.new("L", (8, 8)).save(content, "PNG", pnginfo=words)
    return content.getvalue()


def claimed(shape):
    """A NumPy file whose head says what its few bytes are not."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return file.getvalue() + bytes(16)


def encoded(content):
    return json.dumps({"inputs": [base64.b64encode(content).decode()]}).encode()


MALFORMED = [
    ("images", "image/jpeg", picture((64, 64), "JPEG")[:300], 422, "Truncated File Read"),
    ("images", "image/png", gzip.compress(picture()), 422, "is no image of an accepted format"),
    ("images", "image/png", packed_words(), 422, "Decompressed data too large"),
    ("images", "image/webp", b"RIFF\xff\xff\xff\xffWEBPVP8 ", 422, "cannot be read as an image"),
    ("images", "image/gif", b"GIF89a" + b"\xff" * 20, 422, "is no image of an accepted format"),
    ("images", "image/png", b"<svg><script>alert(1)</script></svg>", 422, "is no image of an accepted format"),
    ("images", "application/json", encoded(huge()), 422, "inputs[0]: the request cannot be read as an image (has more than"),
    ("images", "application/json", encoded(b"<img src=x onerror=alert(1)>"), 422, "inputs[0]: the request cannot be read as an image"),
    ("images", "application/json", b'{"inputs": ["/etc/passwd"]}', 422, "inputs[0] is no Base64"),
    ("images", "application/json", b'{"inputs": ["../../../../etc/passwd"]}', 422, "inputs[0] is no Base64"),
    ("images", "application/json", b'{"inputs": ["data:text/html;base64,PGI+"]}', 422, "inputs[0]: the request cannot be read as an image"),
    ("images", "application/json", b'{"inputs": [true]}', 422, "inputs[0] must be nested lists of pixels"),
    ("images", "application/x-npy", claimed((10**9, 8, 8, 1)), 422, "its header claims 256,000,000,000 bytes"),
    ("images", "application/x-npy", claimed((-1, 8, 8, 1)), 422, "its header claims -256 bytes"),
    ("images", "application/x-npy", array(np.zeros((1, 9, 9, 1))), 422, "the request has shape (1, 9, 9, 1)"),
    ("images", "application/x-npy", array(np.zeros((1, 8, 8, 1), complex)), 422, "the request holds complex128"),
    ("images", "application/x-npy", array(np.array(["a"])), 422, "the request holds <U1"),
    ("images", "application/x-npy", array(np.zeros((0, 8, 8, 1))), 422, "there is nothing in it"),
    ("images", "application/x-npy", bytes(20_000_000), 413, "accepted are 16,000,000"),
    ("images", "image/png", bytes(100_000_000), 413, "the body has 100,000,000 bytes; accepted are 16,000,000"),
    ("texts", "application/json", b'{"inputs": [null]}', 422, "inputs[0] must be a text"),
    ("texts", "application/json", b'{"inputs": [["a"]]}', 422, "inputs[0] must be a text"),
    ("texts", "text/plain", b"\n", 422, "has nothing in it"),
    ("texts", "text/plain", b"\0\0\0", 422, "has NUL bytes"),
    ("texts", "text/csv", b'text\n"good\n', 422, "a quotation mark opens and is never closed"),
    ("series", "audio/wav", b"RIFF", 422, "of an unknown format"),
    ("series", "audio/wav", b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\1\0\1\0" + b"\xff" * 20, 422, "of an unknown format"),
    ("series", "text/csv", b"a,b\nword,word\n", 422, "no column"),
    ("series", "application/x-npy", array(np.zeros((4, 3, 2, 1))), 422, "of shape (4, 3, 2, 1)"),
    ("series", "application/json", b'{"inputs": [[[1e400]]]}', 400, "Number out of range"),
    ("tables", "application/json", b'{"inputs": [{"height": {"$gt": ""}, "colour": "red"}]}', 422, "inputs[0] has a dict as 'height'"),
    ("tables", "application/json", b'{"inputs": [{"height": 1e400, "colour": "red"}]}', 400, "Number out of range"),
    ("tables", "text/csv", b"height,colour\n", 422, "no row below its first line"),
    ("tables", "text/csv", b"height,colour\n1,red,blue\n", 422, "line 2 has 3 fields"),
    ("tables", "application/x-npy", array(np.zeros((2, 7))), 422, "the request has shape (2, 7)"),
    ("images", "application/json", b"", 400, "no body"),
    ("images", "application/json", b"{", 400, "no JSON of the form"),
    ("images", "application/json", b"[1]", 400, "no JSON of the form"),
    ("images", "application/json", b'{"inputs": 3}', 400, "no JSON of the form"),
    ("images", "application/json", b'{"inputs": [], "path": "/etc/passwd"}', 400, "no JSON of the form"),
    ("images", "application/json", b'{"inputs": []}', 422, "there is no input"),
    ("images", "application/json", b'{"inputs": ' + b"[" * 100_000, 400, "no JSON of the form"),
    ("images", "application/json", b'{"inputs": [{}]}', 422, "inputs[0] must be nested lists of pixels"),
    ("images", "application/json", b'{"inputs": [null]}', 422, "inputs[0] must be nested lists of pixels"),
    ("images", "application/json", b'{"inputs": [[[1], [2, 3]]]}', 422, "inputs[0] must be nested lists of pixels"),
    ("images", "application/json", b'{"inputs": [[[[1]]]]}', 422, "inputs[0]: the request has shape"),
    ("images", "application/json", b'{"inputs": ["not base64!"]}', 422, "inputs[0] is no Base64"),
    ("images", "application/json", b'{"inputs": ["aGFsbG8="]}', 422, "inputs[0]: the request cannot be read as an image"),
    ("images", "application/json", json.dumps({"inputs": [np.full((8, 8, 1), 1e300).tolist()]}).encode(), 422, "not finite"),
    ("images", "image/png", b"no picture", 422, "is no image of an accepted format"),
    ("images", "image/png", picture()[:40], 422, "the request cannot be read as an image"),
    ("images", "image/png", huge(), 422, "pixels"),
    ("images", "application/x-npy", b"\x93NUMPY" + b"\0" * 20, 422, "cannot be read as a NumPy array"),
    ("images", "application/x-npy", array(np.array([{}], object)), 422, "the request"),
    ("images", "application/x-npy", array(np.zeros((1, 8, 8, 1)) * np.nan), 422, "a pixel that is not finite"),
    ("images", "text/html", b"<script>", 415, "Content-Type must be one of"),
    ("images", "", b"x", 415, "there is none"),
    ("images", "multipart/form-data; boundary=x", b"--x", 415, "Content-Type must be one of"),
    ("texts", "application/json", b'{"inputs": [3]}', 422, "inputs[0] must be a text"),
    ("texts", "application/json", b'{"inputs": [" "]}', 422, "inputs[0] must be a text"),
    ("texts", "application/json", b'{"inputs": ["\xff"]}', 400, "no JSON of the form"),
    ("texts", "image/png", picture(), 415, "Content-Type must be one of"),
    ("series", "application/json", b'{"inputs": ["wave"]}', 422, "inputs[0] must be nested lists of numbers"),
    ("series", "application/json", b'{"inputs": [[[1, 2, 3]]]}', 422, "inputs[0]: the request"),
    ("tables", "application/json", b'{"inputs": [[1]]}', 422, "inputs[0] must be an object of column names"),
    ("tables", "application/json", b'{"inputs": [{"height": 1}]}', 422, "inputs[0] lacks the column 'colour'"),
    ("tables", "application/json", b'{"inputs": [{"height": [1], "colour": "red"}]}', 422, "inputs[0] has a list as 'height'"),
    ("tables", "application/json", b'{"inputs": [{"height": "tall", "colour": "red"}]}', 422, "the request"),
    ("tables", "text/csv", b"height\n1\n", 422, "the request"),
    ("tables", "text/csv", b"\0\0", 422, "the request"),
]


@pytest.mark.parametrize(("name", "kind", "content", "status", "line"), MALFORMED)
def test_what_cannot_be_read_gets_one_line_and_the_server_goes_on(name, kind, content, status, line, client):
    server = client(name)
    answer = server.post("/predict", content=content, headers={"Content-Type": kind} if kind else {})
    said = answer.json()["detail"]
    assert answer.status_code == status, said
    assert line in said
    assert "\n" not in said
    assert "/tmp" not in said
    assert server.get("/health").json() == {"status": "ok"}


def test_bodies_and_inputs_beyond_the_limits_are_refused(client):
    server = client("texts", max_megabytes=0.001, max_inputs=2)
    assert ask(server, ["good"] * 3).status_code == 413
    answer = ask(server, ["good" * 1000])
    assert answer.status_code == 413
    assert "accepted are 1,000" in answer.json()["detail"]

    def pieces():  # Without a Content-Length.
        for _ in range(100):
            yield b"x" * 100

    answer = server.post("/predict", content=pieces(), headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.json()["detail"]) == (413, "the body has more than 1,000 bytes")


def test_a_request_that_takes_too_long_is_given_up(client):
    answer = ask(client("texts", seconds=1e-6), ["good"])
    assert answer.status_code == 503
    assert "longer than 1e-06 s" in answer.json()["detail"]


def test_more_than_may_wait_is_refused_for_now(client):
    answer = ask(client("texts", max_waiting=1), ["good", "bad"])
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"


def test_a_token_is_asked_for(client):
    server = client("texts", token="a secret of length", local=False)
    assert ask(server, ["good"]).status_code == 401
    assert server.get("/metrics").status_code == 401
    assert server.get("/openapi.json").status_code == 401
    assert server.get("/health").status_code == 200
    for given, status in (("Bearer another", 401), ("Basic a secret of length", 401), ("Bearer a secret of length", 200)):
        answer = server.get("/about", headers={"Authorization": given})
        assert answer.status_code == status


def test_pages_of_other_sites_cannot_ask_in_somebodys_name(client):
    answer = client("texts").get("/", headers={"Host": "evil.example:8000"})
    assert answer.status_code == 421


def test_metrics_count_what_was_asked(client):
    server = client("texts")
    ask(server, ["good", "bad"])
    ask(server, [3])
    said = server.get("/metrics").text
    for line in ('hornbook_requests_total{status="200"} 1.0', 'hornbook_requests_total{status="422"} 1.0', "hornbook_inputs_total 2.0"):
        assert line in said


def test_the_schema_says_what_is_accepted(client):
    schema = client("tables").get("/openapi.json").json()
    content = schema["paths"]["/predict"]["post"]["requestBody"]["content"]
    assert set(content) == {"application/json", "text/csv", "text/tab-separated-values", "application/x-npy"}
    assert content["application/json"]["schema"]["properties"]["inputs"]["items"]["type"] == "object"


def test_the_page_runs_nothing_but_its_own_script(client):
    answer = client("images").get("/")
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert 'id="drop"' in answer.text


def test_a_client_that_goes_away_is_counted_and_no_fault(client):
    """It sends a part of its body alone."""
    server = client("texts")
    sent = []
    scope = {"type": "http", "method": "POST", "path": "/predict", "headers": [(b"host", b"localhost"), (b"content-type", b"text/plain")]}

    async def receive():
        return received.pop(0)

    async def send(message):
        sent.append(message)

    received = [{"type": "http.request", "body": b"go", "more_body": True}, {"type": "http.disconnect"}]
    asyncio.run(server.app({**scope, "query_string": b""}, receive, send))
    assert sent[0]["status"] == 400
    assert 'hornbook_requests_total{status="400"} 1.0' in server.get("/metrics").text
