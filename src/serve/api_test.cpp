// Which requests are understood and which are refused, with the parameter that is wrong.
#include "serve/api.h"

#include <gtest/gtest.h>

#include "serve/testing/fake_chip.h"

namespace hadal::serve {
namespace {

using nlohmann::json;

const Prompting& plain() {
  static const Prompting kPlain(testing::tokenizer(), std::nullopt, 0, {1});
  return kPlain;
}

const Prompting& templated() {
  static const Prompting kTemplated(
      testing::tokenizer(),
      chat::ChatTemplate::parse("{% for m in messages %}{% if m.role == 'tool' %}{{ raise_exception('no tools') }}"
                                "{% endif %}<{{ m.role }}>{{ m.content }}{% for c in m.tool_calls or [] %}"
                                "{{ c.function.arguments.x }}{% endfor %}{% endfor %}{{ mood }}",
                                {}, "t.jinja"),
      0, {1});
  return kTemplated;
}

ApiRequest parse(const std::string& body, bool chat, const Prompting& prompting = templated()) {
  return parse_request(body, chat, "m", prompting, {.max_tokens = 50, .context = 100, .timeout_s = 9});
}

std::string prompt_of(const std::string& body, const Prompting& prompting = templated()) {
  return testing::tokenizer().decode(parse(body, true, prompting).request.prompt, false);
}

TEST(Api, Parameters) {
  const ApiRequest r = parse(R"({"model": "m", "prompt": "abc", "max_tokens": 7, "temperature": 0.5, "top_p": 0.25,
      "seed": 3, "stop": ["x", "yz"], "stream": true, "stream_options": {"include_usage": true}, "user": "me",
      "n": 1, "logit_bias": {}, "echo": false, "logprobs": null})",
                             false);
  EXPECT_EQ(r.request.prompt, (std::vector<int32_t>{0, 2 + 'a', 2 + 'b', 2 + 'c'}));
  EXPECT_EQ(r.request.max_tokens, 7);
  EXPECT_EQ(r.request.sampling.temperature, 0.5);
  EXPECT_EQ(r.request.sampling.top_p, 0.25);
  EXPECT_EQ(r.request.sampling.seed, 3u);
  EXPECT_EQ(r.request.stop, (std::vector<std::string>{"x", "yz"}));
  EXPECT_EQ(r.request.timeout_s, 9);
  EXPECT_TRUE(r.stream && r.include_usage && !r.chat);
}

TEST(Api, Defaults) {
  const ApiRequest completion = parse(R"({"model": "m", "prompt": [5, 6]})", false);
  EXPECT_EQ(completion.request.prompt, (std::vector<int32_t>{5, 6}));
  EXPECT_EQ(completion.request.max_tokens, 16);
  EXPECT_EQ(completion.request.sampling.temperature, 1);
  EXPECT_FALSE(completion.stream);
  EXPECT_EQ(parse(R"({"model": "m", "messages": [{"role": "user", "content": "hi"}]})", true).request.max_tokens, 50);
  const std::string long_prompt(80, 'q');
  EXPECT_EQ(parse(R"({"model": "m", "prompt": ["qqq)" + long_prompt + R"("]})", false).request.max_tokens, 16);
  EXPECT_EQ(parse(R"({"model": "m", "messages": [{"role": "u", "content": ")" + long_prompt + R"("}]})", true)
                .request.max_tokens,
            100 - 83);
}

TEST(Api, Conversations) {
  EXPECT_EQ(prompt_of(R"({"model": "m", "messages": [{"role": "developer", "content": "a"},
      {"role": "user", "content": [{"type": "text", "text": "b"}, {"type": "text", "text": "c"}]}]})"),
            "<system>a<user>bc");
  EXPECT_EQ(prompt_of(R"({"model": "m", "chat_template_kwargs": {"mood": "!"}, "messages": [{"role": "assistant",
      "content": "", "tool_calls": [{"function": {"name": "f", "arguments": "{\"x\": 3}"}}]}]})"),
            "<assistant>3!");
  EXPECT_EQ(prompt_of(R"({"model": "m", "messages": [{"role": "system", "content": "a"}, {"role": "user",
      "content": "b"}, {"role": "assistant", "content": "c"}, {"role": "user", "content": "d"}]})",
                      plain()),
            "<bos>System: a\nUser: b\nAssistant: c\nUser: d\nAssistant:");
  EXPECT_EQ(parse(R"({"model": "m", "messages": [{"role": "user", "content": "b"}]})", true, plain()).request.stop,
            (std::vector<std::string>{"\nUser:", "\nSystem:"}));
}

struct Case {
  bool chat;
  const char* body;
  int status;
  const char* parameter;  // null: none
  const char* needle;
};

#define CHAT R"("messages": [{"role": "user", "content": "hi"}])"
const Case kRefused[] = {
    {false, "", 400, nullptr, "not valid JSON"},
    {false, "{\"model\": \"m\", \"prompt\": \"\xFF\"}", 400, nullptr, "not valid JSON in UTF-8"},
    {false, "[1]", 400, nullptr, "must be a JSON object"},
    {false, R"({"prompt": "a"})", 400, "model", "'model' is missing"},
    {false, R"({"model": "gpt", "prompt": "a"})", 404, "model", "the model 'gpt' does not exist"},
    {false, R"({"model": 5, "prompt": "a"})", 404, "model", "does not exist"},
    {false, R"({"model": "m"})", 400, "prompt", "'prompt' must be one text"},
    {false, R"({"model": "m", "prompt": ["a", "b"]})", 400, "prompt", "'prompt' must be one text"},
    {false, R"({"model": "m", "prompt": []})", 400, "prompt", "'prompt' is empty"},
    {false, R"({"model": "m", "prompt": [1, -1]})", 400, "prompt", "'prompt' must be one text"},
    {false, R"({"model": "m", "prompt": [300]})", 400, "prompt", "token 300 is outside the vocabulary of 300"},
    {false, R"({"model": "m", "prompt": [99999999999999999999]})", 400, "prompt", "'prompt' must be"},
    {false, R"({"model": "m", "prompt": "a", "max_tokens": 0})", 400, "max_tokens", "an integer from 1 to 50"},
    {false, R"({"model": "m", "prompt": "a", "max_tokens": 51})", 400, "max_tokens", "an integer from 1 to 50"},
    {false, R"({"model": "m", "prompt": "a", "max_tokens": 1.5})", 400, "max_tokens", "an integer"},
    {false, R"({"model": "m", "prompt": "a", "max_tokens": 18446744073709551615})", 400, "max_tokens", "an integer"},
    {false, R"({"model": "m", "prompt": "a", "temperature": 2.5})", 400, "temperature", "from 0 to 2"},
    {false, R"({"model": "m", "prompt": "a", "temperature": "1"})", 400, "temperature", "from 0 to 2"},
    {false, R"({"model": "m", "prompt": "a", "top_p": -1})", 400, "top_p", "from 0 to 1"},
    {false, R"({"model": "m", "prompt": "a", "seed": "x"})", 400, "seed", "an integer"},
    {false, R"({"model": "m", "prompt": "a", "stop": ""})", 400, "stop", "'stop' must be"},
    {false, R"({"model": "m", "prompt": "a", "stop": [1]})", 400, "stop", "'stop' must be"},
    {false, R"({"model": "m", "prompt": "a", "stream": 1})", 400, "stream", "true or false"},
    {false, R"({"model": "m", "prompt": "a", "stream_options": {}})", 400, "stream_options", "goes with"},
    {false, R"({"model": "m", "prompt": "a", "n": 2})", 400, "n", "supported only as 1"},
    {false, R"({"model": "m", "prompt": "a", "logprobs": 5})", 400, "logprobs", "supported only as false"},
    {false, R"({"model": "m", "prompt": "a", "presence_penalty": 0.5})", 400, "presence_penalty", "only as 0"},
    {false, R"({"model": "m", "prompt": "a", "temprature": 0})", 400, "temprature", "is not a parameter"},
    {true, R"({"model": "m"})", 400, "messages", "a list that is not empty"},
    {true, R"({"model": "m", "messages": []})", 400, "messages", "a list that is not empty"},
    {true, R"({"model": "m", "messages": [{"role": "user", "content": [{"type": 5, "text": "a"}]}]})", 400, "messages",
     "must be of type 'text'"},
    {true, R"({"model": "m", "messages": [{"role": "user", "content": [{"text": "a"}]}]})", 400, "messages",
     "must be of type 'text'"},
    {true, R"({"model": "m", "messages": ["hi"]})", 400, "messages", "an object with a 'role'"},
    {true, R"({"model": "m", "messages": [{"role": 3}]})", 400, "messages", "an object with a 'role'"},
    {true, R"({"model": "m", "messages": [{"role": "user", "content": 3}]})", 400, "messages", "must be text"},
    {true, R"({"model": "m", "messages": [{"role": "user", "content": [{"type": "image_url"}]}]})", 400, "messages",
     "of type 'text'"},
    {true, R"({"model": "m", "messages": [{"role": "tool", "content": "x"}]})", 400, "messages",
     "the template refuses the conversation: no tools"},
    {true, R"({"model": "m", )" CHAT R"(, "tools": 3})", 400, "tools", "must be a list"},
    {true, R"({"model": "m", )" CHAT R"(, "response_format": {"type": "json_object"}})", 400, "response_format",
     "only"},
    {true, R"({"model": "m", )" CHAT R"(, "chat_template_kwargs": 3})", 400, "chat_template_kwargs", "an object"},
    {true, R"({"model": "m", )" CHAT R"(, "max_completion_tokens": 99})", 400, "max_completion_tokens", "from 1 to 50"},
    {true, R"({"model": "m", "prompt": "a", )" CHAT "}", 400, "prompt", "is not a parameter"},
};

TEST(Api, RefusesByName) {
  for (const Case& c : kRefused) {
    try {
      parse(c.body, c.chat);
      ADD_FAILURE() << "accepted " << c.body;
    } catch (const ApiError& error) {
      EXPECT_EQ(error.status(), c.status) << c.body;
      EXPECT_EQ(error.json().find('\n'), std::string::npos);
      const json body = json::parse(error.json()).at("error");
      EXPECT_EQ(body.at("type"), "invalid_request_error");
      EXPECT_EQ(body.at("param"), c.parameter == nullptr ? json() : json(c.parameter)) << c.body;
      EXPECT_NE(body.at("message").get<std::string>().find(c.needle), std::string::npos) << error.json();
    }
  }
  const std::string long_prompt(120, 'q');
  try {
    parse(R"({"model": "m", "prompt": ")" + long_prompt + R"("})", false);
    ADD_FAILURE();
  } catch (const ApiError& error) {
    EXPECT_EQ(json::parse(error.json())["error"]["code"], "context_length_exceeded");
  }
  const std::string deep = std::string(100000, '[') + std::string(100000, ']');
  EXPECT_THROW(parse(R"({"model": "m", "prompt": )" + deep + "}", false), ApiError);
  // Arguments of a call come as text, and are JSON again.
  EXPECT_THROW(parse(R"({"model": "m", "messages": [{"role": "assistant", "content": "", "tool_calls": [{"function":
      {"name": "f", "arguments": "{\"x\": )" +
                         deep + R"(}"}}]}]})",
                     true),
               ApiError);
}

TEST(Api, AnswersHaveOpenAisShape) {
  ApiRequest request = parse(R"({"model": "m", "messages": [{"role": "user", "content": "hi"}]})", true);
  Update last;
  last.text = "b\xC3\xA9";
  last.ending = Ending::kTimeout;
  last.usage.prompt_tokens = 3;
  last.usage.completion_tokens = 2;
  last.usage.simulated_decode_s = 0.5;
  const json whole = json::parse(Answer(request, "m", "hadal-1", 7).whole("ab\xC3\xA9", last));
  EXPECT_EQ(whole["object"], "chat.completion");
  EXPECT_EQ(whole["choices"][0]["message"]["content"], "ab\xC3\xA9");
  EXPECT_EQ(whole["choices"][0]["finish_reason"], "length");
  EXPECT_EQ(whole["usage"]["total_tokens"], 5);
  EXPECT_EQ(whole["hadal"]["ended_by"], "timeout");
  EXPECT_EQ(whole["hadal"]["simulated_decode_s"], 0.5);
  request.include_usage = true;
  Answer stream(request, "m", "hadal-1", 8);
  const std::string events = stream.first_event() + stream.events(last);
  EXPECT_TRUE(events.ends_with("data: [DONE]\n\n"));
  EXPECT_NE(events.find(R"("delta":{"role":"assistant","content":""})"), std::string::npos);
  EXPECT_NE(events.find(R"("choices":[],"usage":{"prompt_tokens":3)"), std::string::npos);
}

}  // namespace
}  // namespace hadal::serve
