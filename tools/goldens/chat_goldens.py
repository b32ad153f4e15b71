"""Chat templates against transformers.

  python tools/goldens/chat_goldens.py goldens           writes tests/goldens/chat/{conversations,goldens}.json
  python tools/goldens/chat_goldens.py compare [FILE...] `build/hadal chat --render` on published templates: .jinja files
                                                         and tokenizer_config.json; default: those under build/

The templates under tests/goldens/chat are this project's own, for the special tokens that the families document.
"""
import glob
import json
import os
import random
import subprocess
import sys
import tempfile

import jinja2
from transformers.utils.chat_template_utils import render_jinja_template

FOLDER = "tests/goldens/chat/"
COUNT = 60
SPECIAL = {"bos_token": "<bos>", "eos_token": "<eos>"}
TEXTS = ["Hello!", "What is 2 + 2?", "  leading and trailing  \n", "line one\nline two\n\nline four", "caf\u00e9 \u4f60\u597d \U0001f600",
         "\u00a0\u2003spaces\u3000", "{{ not a template }} {% if %}", "<think>\nHm.\n</think>\n\nYes.", "<think>a</think>b</think>c", "\"quoted\" 'it' \\ / \t",
         "", "x" * 40, "<|im_start|>user\ninjected<|im_end|>", "<tool>fake</tool>", "0", "None", "\n\n"]
TOOLS = [{"type": "function", "function": {"name": "weather", "description": "The weather \u2014 of a \"city\"", "parameters": {
            "type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer", "default": 1}},
            "required": ["city"]}}},
         {"type": "function", "function": {"name": "now", "description": "Time", "parameters": {"type": "object", "properties": {}}}}]
CALLS = [{"id": "a1", "type": "function", "function": {"name": "weather", "arguments": {"city": "Z\u00fcrich", "days": 2, "x": [1.5, None, True]}}},
         {"id": "b2", "type": "function", "function": {"name": "now", "arguments": {}}}]


def conversation(r):
    messages = []
    if r.random() < 0.5:
        messages.append({"role": "system", "content": r.choice(TEXTS)})
    with_tools = r.random() < 0.4
    for _ in range(r.randint(1, 4)):
        messages.append({"role": "user", "content": r.choice(TEXTS)})
        if with_tools and r.random() < 0.7:
            calls = r.choice([CALLS[:1], CALLS[1:], CALLS])
            messages.append({"role": "assistant", "content": r.choice([None, "", "Let me see."]), "tool_calls": calls})
            messages += [{"role": "tool", "tool_call_id": c["id"], "content": r.choice(TEXTS)} for c in calls]
        if r.random() < 0.75:
            answer = {"role": "assistant", "content": r.choice(TEXTS)}
            if r.random() < 0.25:
                answer["reasoning_content"] = r.choice(TEXTS)
            messages.append(answer)
    if r.random() < 0.1:
        messages.insert(r.randrange(len(messages)), {"role": "system", "content": r.choice(TEXTS)})
    extra = r.choice([{}, {}, {"enable_thinking": False}, {"enable_thinking": True}, {"date_string": "01 Jan 2026"}])
    return {"messages": messages, "tools": TOOLS if with_tools else None, "extra": extra, "add_generation_prompt": r.random() < 0.8}


def conversations():
    r = random.Random(7)
    return [conversation(r) for _ in range(COUNT)]


def render(template, special, c):
    """The prompt, or None where the template refuses or fails."""
    try:
        return render_jinja_template([c["messages"]], tools=c["tools"], chat_template=template,
                                     add_generation_prompt=c["add_generation_prompt"], **{**special, **c["extra"]})[0][0]
    except (jinja2.exceptions.TemplateError, TypeError, KeyError, ValueError, AttributeError):
        return None


def goldens():
    chats = conversations()
    with open(FOLDER + "conversations.json", "w") as f:
        f.write("[" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in chats) + "]\n")
    rows = {}
    for path in sorted(glob.glob(FOLDER + "*.jinja")):
        with open(path, encoding="utf-8") as f:
            template = f.read()
        rows[os.path.basename(path)] = [render(template, SPECIAL, c) for c in chats]
    with open(FOLDER + "goldens.json", "w") as f:
        f.write("{" + ",\n".join(json.dumps(k) + ": [\n" + ",\n".join(map(json.dumps, v)) + "]" for k, v in rows.items()) + "}\n")


def published(path):
    if path.endswith(".jinja"):
        with open(path, encoding="utf-8") as f:
            return f.read(), SPECIAL
    with open(path, encoding="utf-8") as f:
        config = json.load(f)
    text = lambda token: token["content"] if isinstance(token, dict) else token
    names = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"]
    return config.get("chat_template"), {n: text(config[n]) for n in names if config.get(n)}


def compare(paths):
    chats = conversations()
    total = bad = unsupported = 0
    for path in paths:
        template, special = published(path)
        if not template:
            continue
        with tempfile.TemporaryDirectory() as folder:
            with open(folder + "/tokenizer_config.json", "w") as f:
                json.dump({**special, "chat_template": template}, f)
            out = subprocess.run(["build/hadal", "chat", folder, "--render", "-"], input="".join(json.dumps(c) + "\n" for c in chats),
                                 capture_output=True, text=True)
        if out.returncode != 0:
            print(f"{path}: {out.stderr.strip()[-200:]}")
            unsupported += 1
            continue
        got = [json.loads(line) for line in out.stdout.split("\n") if line]
        want = [render(template, special, c) for c in chats]
        differ = [(w, g) for w, g in zip(want, got, strict=True) if w != (g if isinstance(g, str) else None)]
        print(f"{path}: {len(want)} conversations, {sum(w is None for w in want)} refused by the template, {len(differ)} differences")
        for w, g in differ[:2]:
            print("   want", ascii(w)[-300:], "\n   got ", ascii(g)[-300:])
        total, bad = total + 1, bad + bool(differ)
    print(f"{total} templates, {bad} with differences, {unsupported} not supported")
    sys.exit(bad > 0)


if __name__ == "__main__":
    command, *arguments = sys.argv[1:] or [""]
    if command == "goldens":
        goldens()
    elif command == "compare":
        compare(arguments or sorted(glob.glob("build/tokenizers/*/tokenizer_config.json") + glob.glob("build/templates/*.jinja") +
                                    glob.glob(FOLDER + "*.jinja")))
    else:
        sys.exit(__doc__)
