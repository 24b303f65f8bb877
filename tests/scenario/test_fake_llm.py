"""test_fake_llm - what the scripted provider promises to the scenarios that trust it.

SPDX-License-Identifier: MPL-2.0
"""

import http.client
import json
import pathlib
import signal
import socket
import subprocess
import sys
import time

import pytest

SUPPORT = pathlib.Path(__file__).resolve().parents[1] / "support"
sys.path.insert(0, str(SUPPORT))

from fake_llm import ERRORS, FakeLLM, Script  # noqa: E402

TIMEOUT_S = 60


def connect(llm):
    return http.client.HTTPConnection("127.0.0.1", llm.port, timeout=TIMEOUT_S)


def post(connection, stream=False, model="fake", **members):
    body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": "hi"}],
            **members}
    connection.request("POST", "/v1/chat/completions", json.dumps(body),
                       {"Content-Type": "application/json", "Authorization": "Bearer sk-secret"})
    return connection.getresponse()


def ask(llm, **members):
    """One request on its own connection. Returns the response and its whole body."""
    connection = connect(llm)
    try:
        response = post(connection, **members)
        return response, response.read()
    finally:
        connection.close()


def events(body):
    """The data of each event of a stream; every event is one data line."""
    blocks = body.decode().split("\n\n")
    assert blocks.pop() == ""
    assert all(block.startswith("data: ") for block in blocks)
    return [block.removeprefix("data: ") for block in blocks]


def streamed_text(body):
    chunks = [json.loads(data) for data in events(body) if data != "[DONE]"]
    return "".join(choice["delta"].get("content", "")
                   for chunk in chunks for choice in chunk.get("choices", []))


def test_a_reply_without_a_stream_is_one_object_with_the_scripted_usage():
    usage = {"prompt_tokens": 11, "completion_tokens": 7}
    with FakeLLM([{"do": "ok", "text": "four words of text", "usage": usage}]) as llm:
        response, body = ask(llm)
    reply = json.loads(body)
    assert response.status == 200
    assert reply["choices"][0]["message"] == {"role": "assistant",
                                              "content": "four words of text"}
    assert reply["choices"][0]["finish_reason"] == "stop"
    assert reply["usage"] == {**usage, "total_tokens": 18}


def test_a_streamed_reply_is_chunks_that_add_up_then_done():
    with FakeLLM([{"do": "ok", "text": "a reply in pieces", "chunk_chars": 5}]) as llm:
        response, body = ask(llm, stream=True)
    assert response.getheader("Content-Type") == "text/event-stream"
    data = events(body)
    assert data[-1] == "[DONE]"
    assert streamed_text(body) == "a reply in pieces"
    assert json.loads(data[-2])["choices"][0]["finish_reason"] == "stop"
    assert len(data) == 1 + 4 + 1 + 1    # role, four pieces, finish, done


def test_usage_is_streamed_only_when_it_is_asked_for():
    with FakeLLM(["ok"]) as llm:
        _, without = ask(llm, stream=True)
        _, with_usage = ask(llm, stream=True, stream_options={"include_usage": True})
    assert not any("usage" in json.loads(data) for data in events(without)[:-1])
    assert json.loads(events(with_usage)[-2])["usage"]["total_tokens"] > 0


def test_steps_are_consumed_one_per_request_and_the_last_one_repeats():
    with FakeLLM(["rate_limit", "server_error", "ok"]) as llm:
        assert [ask(llm)[0].status for _ in range(4)] == [429, 500, 200, 200]


def test_a_default_answers_after_the_last_step():
    with FakeLLM({"steps": ["ok"], "default": "overloaded"}) as llm:
        assert [ask(llm)[0].status for _ in range(3)] == [200, 529, 529]


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_each_named_error_has_its_status_and_body_and_forbids_hidden_retries(name):
    status, code, kind, message = ERRORS[name]
    with FakeLLM([name]) as llm:
        for stream in (False, True):
            response, body = ask(llm, stream=stream)
            assert response.status == status
            assert response.getheader("x-should-retry") == "false"
            assert response.getheader("retry-after") is None
            assert json.loads(body)["error"] == {"message": message, "type": kind, "param": None,
                                                 "code": code}


def test_an_error_takes_retry_after_a_message_and_a_code():
    step = {"do": "rate_limit", "retry_after": 7, "retry_after_ms": 7250, "message": "Slow down.",
            "code": "slow", "headers": {"x-request-id": "r1"}}
    with FakeLLM([step]) as llm:
        response, body = ask(llm)
    assert response.getheader("retry-after") == "7"
    assert response.getheader("retry-after-ms") == "7250"
    assert response.getheader("x-request-id") == "r1"
    assert json.loads(body)["error"]["message"] == "Slow down."
    assert json.loads(body)["error"]["code"] == "slow"


def test_should_retry_may_be_left_out_for_the_script_and_set_for_a_step():
    script = {"steps": ["rate_limit", {"do": "rate_limit", "should_retry": True}],
              "should_retry": None}
    with FakeLLM(script) as llm:
        assert ask(llm)[0].getheader("x-should-retry") is None
        assert ask(llm)[0].getheader("x-should-retry") == "true"


def test_length_empty_and_edit_are_what_aider_takes_them_for():
    edit = {"do": "edit", "path": "b.py", "content": "y = 1", "text": "Done."}
    with FakeLLM(["length", "empty", edit]) as llm:
        length, empty, edited = [json.loads(ask(llm)[1])["choices"][0] for _ in range(3)]
    assert length["finish_reason"] == "length"
    assert empty["message"]["content"] == "" and empty["finish_reason"] == "stop"
    assert edited["message"]["content"] == "Done.\n\nb.py\n```\ny = 1\n```\n"


def test_hold_says_nothing_until_its_time_and_then_answers():
    with FakeLLM([{"do": "hold", "seconds": 0.3, "then": "ok"}]) as llm:
        begun = time.monotonic()
        response, body = ask(llm, stream=True)
        assert time.monotonic() - begun >= 0.3
        assert response.status == 200
        assert streamed_text(body) == "Hello from the model."


def test_a_hold_without_an_answer_ends_in_a_closed_connection():
    with FakeLLM([{"do": "hold", "seconds": 0.05}]) as llm:
        with pytest.raises(http.client.RemoteDisconnected):
            ask(llm)
        assert llm.wait_for_requests(1, TIMEOUT_S, ended=True)
        assert llm.chat_requests[0].outcome == "cut"


def test_a_held_request_is_let_go_when_the_client_hangs_up():
    with FakeLLM([{"do": "hold", "seconds": 60}]) as llm:
        connection = connect(llm)
        connection.request("POST", "/v1/chat/completions", "{}")
        assert llm.wait_for_requests(1, TIMEOUT_S)
        connection.close()
        assert llm.wait_for_requests(1, TIMEOUT_S, ended=True)
        assert llm.chat_requests[0].outcome == "client_gone"


def test_no_hold_is_longer_than_the_script_allows():
    script = {"steps": [{"do": "hold", "seconds": 3600, "then": "ok"}], "max_hold_s": 0.1}
    with FakeLLM(script) as llm:
        assert ask(llm)[0].status == 200


def test_hang_up_closes_and_reset_resets_before_an_answer():
    with FakeLLM(["hang_up", "reset"]) as llm:
        with pytest.raises(http.client.RemoteDisconnected):
            ask(llm)
        with pytest.raises(ConnectionResetError) as reset:
            ask(llm)
        assert not isinstance(reset.value, http.client.RemoteDisconnected)


def test_a_stream_cut_in_the_middle_has_a_part_of_the_reply_and_no_end():
    with FakeLLM([{"do": "midstream_close", "text": "half a"}]) as llm:
        connection = connect(llm)
        response = post(connection, stream=True)
        with pytest.raises(http.client.IncompleteRead) as cut:
            response.read()
        connection.close()
    assert streamed_text(cut.value.partial) == "half a"
    assert b"[DONE]" not in cut.value.partial


def test_a_stream_reset_in_the_middle_ends_in_a_reset():
    with FakeLLM([{"do": "midstream_reset", "text": "half a"}]) as llm:
        connection = connect(llm)
        response = post(connection, stream=True)
        received = b""
        with pytest.raises(ConnectionResetError):
            while piece := response.read1():
                received += piece
        connection.close()
    assert streamed_text(received) == "half a"


def test_an_error_in_the_middle_of_a_stream_is_an_event_of_its_own():
    step = {"do": "midstream_error", "text": "half a", "message": "Broken.", "code": "c"}
    with FakeLLM([step]) as llm:
        _, body = ask(llm, stream=True)
    last = json.loads(events(body)[-1])
    assert last["error"]["message"] == "Broken." and last["error"]["code"] == "c"
    assert streamed_text(body) == "half a"


def test_a_broken_reply_without_a_stream_is_shorter_than_announced():
    with FakeLLM(["midstream_close"]) as llm:
        with pytest.raises(http.client.IncompleteRead):
            ask(llm)


def test_a_slow_stream_takes_its_time_between_chunks():
    step = {"do": "slow", "text": "123456789", "chunk_chars": 3, "chunk_delay_s": 0.05}
    with FakeLLM([step]) as llm:
        begun = time.monotonic()
        _, body = ask(llm, stream=True)
        assert time.monotonic() - begun >= 0.1
    assert streamed_text(body) == "123456789"


@pytest.mark.parametrize("stream", [False, True])
def test_a_malformed_answer_is_not_json(stream):
    with FakeLLM(["malformed"]) as llm:
        response, body = ask(llm, stream=stream)
    assert response.status == 200
    with pytest.raises(ValueError):
        json.loads(body.decode().removeprefix("data: "))


def ask_anthropic(llm, **members):
    connection = connect(llm)
    connection.request("POST", "/v1/messages", json.dumps({"model": "fake", **members}))
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body


def test_on_messages_a_streamed_reply_speaks_anthropics_dialect():
    with FakeLLM([{"do": "ok", "text": "a reply in pieces", "chunk_chars": 5}]) as llm:
        _, body = ask_anthropic(llm, stream=True)
    blocks = [block.split("\n") for block in body.decode().split("\n\n")[:-1]]
    names = [name.removeprefix("event: ") for name, _ in blocks]
    data = [json.loads(line.removeprefix("data: ")) for _, line in blocks]
    assert names == [value["type"] for value in data]
    assert names == ["message_start", "content_block_start", *["content_block_delta"] * 4,
                     "content_block_stop", "message_delta", "message_stop"]
    assert "".join(value["delta"]["text"] for value in data[2:6]) == "a reply in pieces"
    assert data[-2]["delta"]["stop_reason"] == "end_turn"


def test_on_messages_replies_and_errors_are_anthropics():
    with FakeLLM(["length", "overloaded"]) as llm:
        _, reply = ask_anthropic(llm)
        refused, error = ask_anthropic(llm)
    assert json.loads(reply)["content"] == [{"type": "text", "text": "Hello from the model."}]
    assert json.loads(reply)["stop_reason"] == "max_tokens"
    assert refused.status == 529
    assert json.loads(error) == {"type": "error", "error": {"type": "overloaded_error",
                                                            "message": "Overloaded"}}


def test_models_are_listed_and_do_not_consume_a_step():
    with FakeLLM({"steps": ["rate_limit", "ok"], "models": ["fake", "other"]}) as llm:
        connection = connect(llm)
        connection.request("GET", "/v1/models")
        listed = json.loads(connection.getresponse().read())
        connection.close()
        assert [model["id"] for model in listed["data"]] == ["fake", "other"]
        assert ask(llm)[0].status == 429


def test_one_connection_carries_several_requests():
    with FakeLLM(["rate_limit", "ok"]) as llm:
        connection = connect(llm)
        first = post(connection, stream=True)
        first.read()
        used = connection.sock
        second = post(connection, stream=True)
        assert streamed_text(second.read()) == "Hello from the model."
        assert connection.sock is used
        connection.close()


def test_requests_are_recorded_without_the_key():
    with FakeLLM(["rate_limit", "ok"]) as llm:
        ask(llm, stream=True, model="other")
        ask(llm)
        assert llm.wait_for_requests(2, TIMEOUT_S, ended=True)
        first, second = llm.chat_requests
    assert (first.number, first.model, first.stream, first.answer) == (1, "other", True,
                                                                      "rate_limit")
    assert (second.number, second.model, second.stream, second.answer) == (2, "fake", False, "ok")
    assert first.at_s <= second.at_s
    assert first.last_message == "hi"
    assert first.outcome == "sent" and first.took_s >= 0
    assert first.headers["authorization"] == "present"
    assert "sk-secret" not in repr(llm.requests)


def test_a_body_that_is_no_object_or_too_large_is_refused_and_consumes_no_step():
    with FakeLLM(["ok"]) as llm:
        for body, status in (("[]", 400), ("not json", 400)):
            connection = connect(llm)
            connection.request("POST", "/v1/chat/completions", body)
            assert connection.getresponse().status == status
            connection.close()
        connection = connect(llm)
        connection.request("POST", "/v1/chat/completions", None,
                           {"Content-Length": str(1 << 40)})
        assert connection.getresponse().status == 413
        connection.close()
        assert llm.chat_requests == []


def test_past_max_requests_every_answer_is_503():
    with FakeLLM({"steps": ["ok"], "max_requests": 2}) as llm:
        assert [ask(llm)[0].status for _ in range(4)] == [200, 200, 503, 503]


def test_an_unknown_step_or_member_is_refused_before_the_server_starts():
    for wrong in (["nonsense"], [{"do": "hold", "then": {"do": "nonsense"}}], {"stepz": []},
                  {"steps": [], "default": {"do": "nonsense"}}, ["ok", {}], [None],
                  [{"do": "rate_limit", "retry-after": 1}]):
        with pytest.raises(ValueError):
            Script.load(wrong)


def test_stopping_lets_held_requests_go_at_once_and_closes_the_port():
    llm = FakeLLM([{"do": "hold", "seconds": 120}])
    llm.start()
    connection = connect(llm)
    connection.request("POST", "/v1/chat/completions", "{}")
    assert llm.wait_for_requests(1, TIMEOUT_S)
    begun = time.monotonic()
    llm.stop()
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        connection.getresponse()
    assert time.monotonic() - begun < 100    # long before its time
    connection.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", llm.port), timeout=TIMEOUT_S)


def test_the_server_ends_by_itself_at_the_end_of_its_life():
    llm = FakeLLM({"steps": ["ok"], "max_life_s": 0.2})
    llm.start()
    assert llm.join(TIMEOUT_S)


def start_program(tmp_path, script, *arguments):
    file = tmp_path / "script.json"
    file.write_text(json.dumps(script))
    return subprocess.Popen([sys.executable, str(SUPPORT / "fake_llm.py"), "--script", str(file),
                             *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_program_prints_its_port_records_and_ends_on_a_signal(tmp_path, number):
    record = tmp_path / "requests.jsonl"
    program = start_program(tmp_path, ["auth"], "--record", str(record))
    try:
        port = json.loads(program.stdout.readline())["port"]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
        assert post(connection).status == 401
        connection.close()
        program.send_signal(number)
        assert program.wait(TIMEOUT_S) == 0
    finally:
        program.kill()
        program.communicate()
    recorded = [json.loads(line) for line in record.read_text().splitlines()]
    assert [(r["answer"], r["outcome"]) for r in recorded] == [("auth", "sent")]


def test_the_program_refuses_a_wrong_script_with_2_and_a_sentence(tmp_path):
    program = start_program(tmp_path, [{"do": "nonsense"}])
    _, stderr = program.communicate(timeout=TIMEOUT_S)
    assert program.returncode == 2
    assert "unknown answer in {'do': 'nonsense'}" in stderr
