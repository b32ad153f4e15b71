// Chat templates against transformers (tools/goldens/chat_goldens.py), and what is refused, with its line.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "base/temporary_directory.h"
#include "chat/chat_template.h"
#include "model/random_checkpoint.h"

namespace hadal::chat {
namespace {

using nlohmann::ordered_json;

const std::string kFolder = HADAL_SOURCE_DIR "/tests/goldens/chat/";

std::string read(const std::string& path) {
  std::ifstream stream(path);
  return (std::stringstream() << stream.rdbuf()).str();
}

std::string render(const std::string& source, const ordered_json& variables = ordered_json::object()) {
  return Template::parse(source, "t.jinja").render(variables);
}

TEST(ChatTemplate, EqualsTransformers) {
  const auto conversations = ordered_json::parse(read(kFolder + "conversations.json"));
  const auto goldens = ordered_json::parse(read(kFolder + "goldens.json"));
  ASSERT_GE(conversations.size(), 50u);
  ASSERT_EQ(goldens.size(), 5u);
  for (const auto& [name, prompts] : goldens.items()) {
    const auto chat_template =
        ChatTemplate::parse(read(kFolder + name), {{"bos_token", "<bos>"}, {"eos_token", "<eos>"}}, name);
    ASSERT_EQ(prompts.size(), conversations.size());
    for (size_t i = 0; i < prompts.size(); ++i) {
      const ordered_json& c = conversations[i];
      const auto prompt = [&] {
        return chat_template.prompt(c["messages"], c["tools"], c["extra"], c["add_generation_prompt"]);
      };
      if (prompts[i].is_null()) {
        EXPECT_THROW(prompt(), Error) << name << ' ' << i;
      } else {
        EXPECT_EQ(prompt(), prompts[i].get<std::string>()) << name << ' ' << i;
      }
    }
  }
}

TEST(ChatTemplate, IsFoundWhereCheckpointsKeepIt) {
  const TemporaryDirectory directory;
  const auto write = [&](const std::string& name, const std::string& text) {
    std::ofstream(directory.file(name)) << text;
  };
  EXPECT_FALSE(ChatTemplate::load(directory.path()).has_value());
  write("tokenizer_config.json", R"({"bos_token": {"content": "<s>"}, "eos_token": null})");
  EXPECT_FALSE(ChatTemplate::load(directory.path()).has_value());
  const ordered_json messages = {{{"role", "user"}, {"content", "hi"}}};
  write("tokenizer_config.json", R"({"bos_token": {"content": "<s>"}, "chat_template":
      "{{ bos_token }}{{ eos_token }}{{ messages[0].content }}"})");
  EXPECT_EQ(ChatTemplate::load(directory.path())->prompt(messages), "<s>hi");
  write("tokenizer_config.json", R"({"chat_template": [{"name": "tool_use", "template": "t"},
      {"name": "default", "template": "d"}]})");
  EXPECT_EQ(ChatTemplate::load(directory.path())->prompt(messages), "d");
  write("chat_template.jinja", "of the file");
  EXPECT_EQ(ChatTemplate::load(directory.path())->prompt(messages), "of the file");
  std::filesystem::remove(directory.file("chat_template.jinja"));
  write("tokenizer_config.json", "{\n\"chat_template\": 3}");
  EXPECT_THROW(ChatTemplate::load(directory.path()), Error);
}

TEST(Template, ReasoningHasTheNamesOfTransformers) {
  const auto t = ChatTemplate::parse("{{ messages[0].reasoning_content }}/{{ messages[0].thinking }}", {}, "t");
  EXPECT_EQ(t.prompt({{{"reasoning", "r"}}}), "r/r");
  EXPECT_EQ(t.prompt({{{"reasoning", "r"}, {"thinking", "t"}}}), "t/t");
}

struct Case {
  const char* source;
  const char* message;
};

const Case kRefused[] = {
    {"a\n{% if x %}", "t.jinja:2: an if without \"{% endif %}\""},
    {"{% for x in y %}\n\n", "t.jinja:1: a for without"},
    {"{% for x y %}{% endfor %}", "\"y\" stands where \"in\" is needed"},
    {"{% for x in y recursive %}{% endfor %}", "a recursive loop is not supported"},
    {"\n\n{% include 'x' %}", "t.jinja:3: the statement \"include\" is not supported"},
    {"{% endif %}", "\"endif\" is not supported"},
    {"{{ x", "t.jinja:1: a \"{{\" without \"}}\""},
    {"{% set a %}", "a block without \"{% endset %}\""},
    {"{# never ends", "a comment without end"},
    {"{{ 'open }}", "a text without end"},
    {"{{ 1 + }}", "\"}}\" stands where a value is needed"},
    {"{{ a ? b }}", "\"?\" is not part of the language"},
    {"{{ f(*x) }}", "unpacking of arguments"},
    {"{{ f(a=1, 2) }}", "a positional argument after a named one"},
    {"{{ 99999999999999999999 }}", "too large"},
    {"{{ '\\ud800' }}", "an escape that is no character"},
    {"{{ 'a' | safe + 'b' }}", "text marked safe escapes what is added to it"},
    {"{{ x | nonsense }}", "the filter \"nonsense\" is not supported"},
    {"{{ x is nonsense }}", "the test \"nonsense\" is not supported"},
    {"{{ 'a' + 1 }}", "str + int has no meaning"},
    {"\n{{ x.y.z }}", "t.jinja:2: \"x\" is undefined and has no \"y\""},
    {"{{ x + 'a' }}", "\"x\" is undefined and stands beside \"+\""},
    {"{{ nothing() }}", "there is no \"nothing\" to call"},
    {"{{ 'a'() }}", "str cannot be called"},
    {"{{ 1 // 0 }}", "a division by zero"},
    {"{{ 9223372036854775807 + 1 }}", "an integer above 64 bits"},
    {"{{ none | length }}", "None has no length"},
    {"{% for x in 3 %}{% endfor %}", "int cannot be iterated over"},
    {"{% set x.y = 1 %}", "\"x\" is no namespace"},
    {"{% set a, b = [1] %}", "1 values for 2 names"},
    {"{{ raise_exception('No.') }}", "the template refuses the conversation: No."},
    {"{{ range(1000000) }}", "a range of more than"},
    {"{{ 'a' | upper(3) }}", "takes fewer or other arguments"},
    {"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "macros call each other more than"},
    {"{{ 'x' * 999999999 }}", "a text that is too long"},
    {"{% for a in range(99999) %}{% for b in range(99999) %}{{ b }}{% endfor %}{% endfor %}", "the template "},
};

TEST(Template, RefusesWithALine) {
  for (const auto& [source, message] : kRefused) {
    try {
      render(source);
      ADD_FAILURE() << "accepted " << source;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInput) << source;
      EXPECT_TRUE(std::string(error.what()).starts_with("t.jinja:")) << error.what();
      EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what() << "\n  wanted " << message;
    }
  }
}

TEST(Template, DepthIsLimited) {
  const auto repeat = [](const std::string& text, int n) {
    std::string out;
    for (int i = 0; i < n; ++i) out += text;
    return out;
  };
  EXPECT_THROW(render("{{ " + repeat("(", 1000) + "1" + repeat(")", 1000) + " }}"), Error);
  EXPECT_THROW(render("{{ " + repeat("not ", 100000) + "1 }}"), Error);
  EXPECT_THROW(render("{{ 1" + repeat(" + 1", 100000) + " }}"), Error);
  EXPECT_THROW(render("{{ a" + repeat(".b", 100000) + " }}"), Error);
  EXPECT_THROW(render(repeat("{% if 1 %}", 1000) + repeat("{% endif %}", 1000)), Error);
  EXPECT_EQ(render("{{ 1" + repeat(" + 1", 500) + " }}"), "501");
}

TEST(Template, ScopesAndLoops) {
  EXPECT_EQ(render("{% set x = 1 %}{% for i in [1, 2] %}{% set x = i + 5 %}{{ x }}{% endfor %}{{ x }}"), "671");
  EXPECT_EQ(render("{% if true %}{% set x = 3 %}{% endif %}{{ x }}"), "3");
  EXPECT_EQ(render("{% for a, b in [[1, 2], [3, 4]] %}{{ a }}{{ b }}{% endfor %}"), "1234");
  EXPECT_EQ(render("{% for x in [] %}a{% else %}b{% endfor %}"), "b");
  EXPECT_EQ(render("{{ '{:}' if false }}|{{ 'a{}b{}c{{'.format(1, 'x') }}|{{ '{k}'.format(k=2) }}"), "|a1bxc{|2");
  EXPECT_EQ(render("{{ ('<' | safe) ~ '&' ~ ('>' | safe) }}"), "<&>");
  EXPECT_EQ(render("{{ [3, 1, 2] | min }}{{ [3, 1, 2] | max }}{{ none | map('upper') | list }}"), "13[]");
}

}  // namespace
}  // namespace hadal::chat
