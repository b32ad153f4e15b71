"""`build/hadal serve` with the real `openai` client package: make test-openai.

Starts the server on a free port of loopback with a key, asks it everything a client would, and stops it with SIGTERM.
"""
import concurrent.futures
import re
import signal
import subprocess
import tempfile
import urllib.request

import openai
from prometheus_client.parser import text_string_to_metric_families

MODEL = "hadal-tiny"
KEY = "a key of this test"


def check(condition, what):
    if not condition:
        raise AssertionError(what)
    print("ok:", what)


def refused(kind, what, call):
    try:
        call()
    except kind as error:
        print("ok:", what, "-", str(error)[:100])
        return error
    raise AssertionError(what)


def run(client, base):
    models = client.models.list()
    check([m.id for m in models.data] == [MODEL], "models.list")
    check(client.models.retrieve(MODEL).id == MODEL, "models.retrieve")
    refused(openai.NotFoundError, "models.retrieve of another", lambda: client.models.retrieve("gpt-4"))

    one = client.completions.create(model=MODEL, prompt="Once upon a time", max_tokens=16, temperature=0)
    check(one.choices[0].finish_reason == "length" and one.usage.completion_tokens == 16, "completions.create")
    check(one.model_extra["hadal"]["simulated_decode_s"] > 0, "time of the simulated chip in the extension field")
    chunks = list(client.completions.create(model=MODEL, prompt="Once upon a time", max_tokens=16, temperature=0, stream=True))
    check("".join(c.choices[0].text for c in chunks) == one.choices[0].text, "a stream gives the same text")

    messages = [{"role": "system", "content": "A story."}, {"role": "user", "content": "Tell me of the sea."}]
    chat = client.chat.completions.create(model=MODEL, messages=messages, max_completion_tokens=12, temperature=0)
    check(chat.choices[0].message.role == "assistant" and chat.choices[0].message.content, "chat.completions.create")
    stream = client.chat.completions.create(model=MODEL, messages=messages, max_tokens=12, temperature=0, stream=True,
                                            stream_options={"include_usage": True})
    chunks = list(stream)
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    check(text == chat.choices[0].message.content, "a streamed chat gives the same text")
    check(chunks[-1].usage.total_tokens == chat.usage.total_tokens, "usage at the end of a stream")

    again = [client.completions.create(model=MODEL, prompt="It was", max_tokens=20, seed=5, temperature=0.9).choices[0].text
             for _ in range(2)]
    check(again[0] == again[1], "equal seeds give equal text")
    word = one.choices[0].text.split()[3]
    stopped = client.completions.create(model=MODEL, prompt="Once upon a time", max_tokens=16, temperature=0, stop=word)
    check(stopped.choices[0].text == one.choices[0].text.split(word)[0] and stopped.choices[0].finish_reason == "stop",
          "stop sequences")

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        texts = list(pool.map(lambda _: client.completions.create(model=MODEL, prompt="Once upon a time", max_tokens=16,
                                                                  temperature=0).choices[0].text, range(12)))
    check(set(texts) == {one.choices[0].text}, "12 at once, all with the text of one alone")

    with client.completions.create(model=MODEL, prompt="Long", max_tokens=1500, stream=True) as abandoned:
        next(iter(abandoned))
    check(client.completions.create(model=MODEL, prompt="a", max_tokens=1).usage.completion_tokens == 1,
          "a stream left half-way holds nobody up")

    refused(openai.NotFoundError, "another model", lambda: client.completions.create(model="gpt-4", prompt="a"))
    error = refused(openai.BadRequestError, "a parameter that is not supported",
                    lambda: client.completions.create(model=MODEL, prompt="a", n=3))
    check(error.param == "n", "the error names the parameter")
    error = refused(openai.BadRequestError, "a prompt that is too long",
                    lambda: client.completions.create(model=MODEL, prompt="a b " * 3000))
    check(error.code == "context_length_exceeded", "its code is OpenAI's")
    refused(openai.AuthenticationError, "a wrong key",
            lambda: openai.OpenAI(base_url=base, api_key="wrong", max_retries=0).models.list())

    request = urllib.request.Request(base.replace("/v1", "/metrics"), headers={"Authorization": "Bearer " + KEY})
    metrics = urllib.request.urlopen(request).read().decode()
    families = {family.name: family for family in text_string_to_metric_families(metrics)}
    check(families["hadal_completion_tokens"].samples[0].value > 0 and
          families["hadal_first_token_seconds"].type == "histogram", "metrics as prometheus_client reads them")


def main():
    with tempfile.NamedTemporaryFile("w", suffix=".key") as key:
        key.write(KEY + "\n")
        key.flush()
        server = subprocess.Popen(["build/hadal", "serve", MODEL, "--port", "0", "--api-key-file", key.name],
                                  stdout=subprocess.PIPE, text=True)
        try:
            base = re.search(r"http://\S+", server.stdout.readline()).group(0)
            run(openai.OpenAI(base_url=base, api_key=KEY, max_retries=0, timeout=300), base)
            server.send_signal(signal.SIGTERM)
            check(server.wait(timeout=60) == 0, "SIGTERM ends the server with status 0")
        finally:
            server.kill()
    print(f"openai {openai.__version__}: all well")


if __name__ == "__main__":
    main()
