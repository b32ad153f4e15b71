// Every parameter is either honoured, harmless and listed as such, or refused by name.
#include "serve/api.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <random>

#include "base/error.h"

namespace hadal::serve {
namespace {

using nlohmann::ordered_json;

// Without effect on the text; clients send them all the time.
constexpr std::string_view kIgnored[] = {
    "user", "metadata", "store", "service_tier", "prompt_cache_key", "safety_identifier", "parallel_tool_calls"};
// Accepted with the value that changes nothing.
struct Neutral {
  std::string_view name;
  const char* values;  // JSON list
};
constexpr Neutral kNeutral[] = {{"n", "[1]"},
                                {"best_of", "[1]"},
                                {"echo", "[false]"},
                                {"suffix", "[\"\"]"},
                                {"logprobs", "[false, 0]"},
                                {"top_logprobs", "[0]"},
                                {"presence_penalty", "[0]"},
                                {"frequency_penalty", "[0]"},
                                {"logit_bias", "[{}]"},
                                {"response_format", "[{\"type\": \"text\"}]"},
                                {"tool_choice", "[\"auto\", \"none\"]"},
                                {"modalities", "[[\"text\"]]"}};
constexpr int kDeepest = 64;  // nesting of a body: copying values recurses
constexpr size_t kMostStops = 16;
constexpr size_t kLongestStop = 1024;  // bytes

class Reader {
 public:
  Reader(std::string_view body, bool chat) : chat_(chat), body_(parse(body, "", "the body is")) {
    if (body_.is_discarded()) refuse("", "the body is not valid JSON in UTF-8");
    if (!body_.is_object()) refuse("", "the body must be a JSON object");
  }

  ApiRequest run(const std::string& model, const Prompting& prompting, const ApiLimits& limits) {
    ApiRequest out;
    out.chat = chat_;
    read_model(model);
    out.stream = boolean("stream", false);
    read_stream_options(out);
    read_sampling(out.request.sampling);
    read_stops(out.request.stop);
    out.request.timeout_s = limits.timeout_s;
    if (chat_) {
      read_conversation(out.request, prompting);
    } else {
      read_prompt(out.request, prompting);
    }
    read_length(out.request, limits);
    refuse_others();
    return out;
  }

 private:
  // Discarded where it is no JSON.
  static ordered_json parse(std::string_view text, const std::string& parameter, std::string_view subject) {
    bool too_deep = false;
    ordered_json out = ordered_json::parse(
        text,
        [&](int depth, ordered_json::parse_event_t, ordered_json&) {
          too_deep |= depth > kDeepest;
          return !too_deep;
        },
        false);
    if (too_deep) refuse(parameter, fmt::format("{} nested more than {} deep", subject, kDeepest));
    return out;
  }
  [[noreturn]] static void refuse(const std::string& parameter, const std::string& message,
                                  const std::string& code = "") {
    throw ApiError(400, "invalid_request_error", message, parameter, code);
  }
  // A parameter, or null where it is absent or null.
  ordered_json take(const std::string& name) {
    const auto it = body_.find(name);
    if (it == body_.end()) return nullptr;
    ordered_json value = std::move(*it);
    body_.erase(it);
    return value;
  }
  bool boolean(const std::string& name, bool absent) {
    const ordered_json value = take(name);
    if (value.is_null()) return absent;
    if (!value.is_boolean()) refuse(name, "'" + name + "' must be true or false");
    return value.get<bool>();
  }
  double number(const std::string& name, double absent, double low, double high) {
    const ordered_json value = take(name);
    if (value.is_null()) return absent;
    if (!value.is_number() || !(value.get<double>() >= low && value.get<double>() <= high)) {
      refuse(name, fmt::format("'{}' must be a number from {} to {}", name, low, high));
    }
    return value.get<double>();
  }

  void read_model(const std::string& model) {
    const ordered_json name = take("model");
    if (name.is_null()) refuse("model", "'model' is missing; this server has '" + model + "'");
    if (name != model) {
      throw ApiError(404, "invalid_request_error",
                     fmt::format("the model {} does not exist; this server has '{}'",
                                 name.is_string() ? "'" + name.get<std::string>() + "'" : "named", model),
                     "model", "model_not_found");
    }
  }

  void read_stream_options(ApiRequest& out) {
    const ordered_json options = take("stream_options");
    if (options.is_null()) return;
    if (!options.is_object() || !out.stream) refuse("stream_options", "'stream_options' goes with 'stream': true");
    for (const auto& [key, value] : options.items()) {
      const bool known = key == "include_usage" || key == "include_obfuscation";
      if (!known || !value.is_boolean()) refuse("stream_options", "'stream_options' may hold 'include_usage'");
      if (key == "include_usage") out.include_usage = value.get<bool>();
    }
  }

  void read_sampling(runtime::SamplerOptions& sampling) {
    sampling.temperature = number("temperature", 1, 0, 2);
    sampling.top_p = number("top_p", 1, 0, 1);
    const ordered_json seed = take("seed");
    if (seed.is_null()) {
      sampling.seed = std::random_device{}();
    } else if (seed.is_number_integer()) {
      sampling.seed = static_cast<uint64_t>(seed.get<int64_t>());
    } else {
      refuse("seed", "'seed' must be an integer");
    }
  }

  void read_stops(std::vector<std::string>& stops) {
    const ordered_json value = take("stop");
    if (value.is_null()) return;
    for (const ordered_json& stop : value.is_array() ? value : ordered_json::array({value})) {
      if (!stop.is_string() || stop.get_ref<const std::string&>().empty() ||
          stop.get_ref<const std::string&>().size() > kLongestStop || stops.size() == kMostStops) {
        refuse("stop", fmt::format("'stop' must be text or a list of at most {}, of 1 to {} bytes each", kMostStops,
                                   kLongestStop));
      }
      stops.push_back(stop.get<std::string>());
    }
  }

  // Content given as parts becomes their text.
  static void flatten(ordered_json& message) {
    const auto content = message.find("content");
    if (content == message.end() || content->is_string() || content->is_null()) return;
    if (!content->is_array()) refuse("messages", "the 'content' of a message must be text");
    std::string text;
    for (const ordered_json& part : *content) {
      if (!part.is_object() || !part.contains("type") || part["type"] != "text" || !part.contains("text") ||
          !part["text"].is_string()) {
        refuse("messages", "parts of 'content' must be of type 'text'; the model takes nothing else");
      }
      text += part["text"].get<std::string>();
    }
    *content = text;
  }

  void read_conversation(Request& request, const Prompting& prompting) {
    ordered_json messages = take("messages");
    if (!messages.is_array() || messages.empty()) refuse("messages", "'messages' must be a list that is not empty");
    for (ordered_json& message : messages) {
      if (!message.is_object() || !message.contains("role") || !message["role"].is_string()) {
        refuse("messages", "every message must be an object with a 'role' and 'content'");
      }
      if (message["role"] == "developer") message["role"] = "system";
      flatten(message);
      parse_arguments(message);
    }
    const ordered_json tools = take("tools");
    if (!tools.is_null() && !tools.is_array()) refuse("tools", "'tools' must be a list");
    ordered_json extra = take("chat_template_kwargs");
    if (extra.is_null()) extra = ordered_json::object();
    if (!extra.is_object()) refuse("chat_template_kwargs", "'chat_template_kwargs' must be an object");
    try {
      request.prompt = prompting.conversation(messages, tools, extra);
    } catch (const Error& error) {
      refuse("messages", error.what());
    }
    for (const std::string& stop : prompting.conversation_stops()) request.stop.push_back(stop);
  }

  // Clients send the arguments of a call as text; templates want the object.
  static void parse_arguments(ordered_json& message) {
    const auto calls = message.find("tool_calls");
    if (calls == message.end() || !calls->is_array()) return;
    for (ordered_json& call : *calls) {
      if (!call.is_object() || !call.contains("function") || !call["function"].is_object()) continue;
      const auto arguments = call["function"].find("arguments");
      if (arguments == call["function"].end() || !arguments->is_string()) continue;
      ordered_json parsed = parse(arguments->get_ref<const std::string&>(), "messages", "the arguments of a call are");
      if (parsed.is_object()) *arguments = std::move(parsed);
    }
  }

  void read_prompt(Request& request, const Prompting& prompting) {
    ordered_json prompt = take("prompt");
    if (prompt.is_array() && prompt.size() == 1 && !prompt[0].is_number()) prompt = ordered_json(prompt[0]);
    if (prompt.is_string()) {
      request.prompt = prompting.plain(prompt.get<std::string>());
    } else if (prompt.is_array() && std::all_of(prompt.begin(), prompt.end(),
                                                [](const ordered_json& token) { return token.is_number_unsigned(); })) {
      for (const ordered_json& token : prompt) {
        const auto id = token.get<uint64_t>();
        if (id >= static_cast<uint64_t>(prompting.tokenizer().size())) {
          refuse("prompt", fmt::format("token {} is outside the vocabulary of {}", id, prompting.tokenizer().size()));
        }
        request.prompt.push_back(static_cast<int32_t>(id));
      }
    } else {
      refuse("prompt", "'prompt' must be one text, or one list of token ids");
    }
    if (request.prompt.empty()) refuse("prompt", "'prompt' is empty");
  }

  void read_length(Request& request, const ApiLimits& limits) {
    ordered_json most = take("max_completion_tokens");
    const ordered_json older = take("max_tokens");
    const std::string name = most.is_null() ? "max_tokens" : "max_completion_tokens";
    if (most.is_null()) most = older;
    const auto room = limits.context - static_cast<int64_t>(request.prompt.size());
    if (!most.is_null() &&
        (!most.is_number_integer() || most.get<int64_t>() < 1 || most.get<int64_t>() > limits.max_tokens)) {
      refuse(name, fmt::format("'{}' must be an integer from 1 to {}", name, limits.max_tokens));
    }
    if (room < (most.is_null() ? 1 : most.get<int64_t>())) {
      refuse(chat_ ? "messages" : "prompt",
             fmt::format("the prompt has {} tokens and {} are asked for; together at most {} fit",
                         request.prompt.size(), most.is_null() ? 1 : most.get<int64_t>(), limits.context),
             "context_length_exceeded");
    }
    const int64_t absent = chat_ ? limits.max_tokens : 16;  // OpenAI's
    request.max_tokens = static_cast<int>(std::min(room, most.is_null() ? absent : most.get<int64_t>()));
  }

  void refuse_others() {
    for (const auto& item : body_.items()) {
      const std::string& key = item.key();
      const ordered_json& value = item.value();
      if (value.is_null() || std::find(std::begin(kIgnored), std::end(kIgnored), key) != std::end(kIgnored)) continue;
      const auto neutral =
          std::find_if(std::begin(kNeutral), std::end(kNeutral), [&](const Neutral& n) { return n.name == key; });
      if (neutral == std::end(kNeutral)) refuse(key, "'" + key + "' is not a parameter of this server");
      const ordered_json values = ordered_json::parse(neutral->values);
      if (std::find(values.begin(), values.end(), value) == values.end()) {
        refuse(key, fmt::format("'{}' is supported only as {}", key, values[0].dump()));
      }
    }
  }

  bool chat_;
  ordered_json body_;
};

std::string_view reason_of(Ending ending) { return ending == Ending::kStop ? "stop" : "length"; }

std::string_view name_of(Ending ending) {
  constexpr std::string_view kNames[] = {"stop", "length", "timeout", "cancelled", "failed"};
  return kNames[static_cast<size_t>(ending)];
}

std::string dumped(const ordered_json& value) {
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace

std::string ApiError::json() const {
  ordered_json error = {{"message", message_}, {"type", type_}, {"param", nullptr}, {"code", nullptr}};
  if (!parameter_.empty()) error["param"] = parameter_;
  if (!code_.empty()) error["code"] = code_;
  return dumped({{"error", error}});
}

ApiRequest parse_request(std::string_view body, bool chat, const std::string& model, const Prompting& prompting,
                         const ApiLimits& limits) {
  return Reader(body, chat).run(model, prompting, limits);
}

Answer::Answer(const ApiRequest& request, std::string model, std::string chip, uint64_t number)
    : chat_(request.chat),
      include_usage_(request.include_usage),
      model_(std::move(model)),
      chip_(std::move(chip)),
      created_(std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
                   .count()) {
  id_ = fmt::format("{}-{:08x}{:08x}", chat_ ? "chatcmpl" : "cmpl", created_, number);
}

ordered_json Answer::head(bool chunk) const {
  const std::string object = chat_ ? (chunk ? "chat.completion.chunk" : "chat.completion") : "text_completion";
  return {{"id", id_}, {"object", object}, {"created", created_}, {"model", model_}};
}

ordered_json Answer::usage(const Update& last) const {
  const Usage& u = last.usage;
  return {{"prompt_tokens", u.prompt_tokens},
          {"completion_tokens", u.completion_tokens},
          {"total_tokens", u.prompt_tokens + u.completion_tokens},
          {"prompt_tokens_details", {{"cached_tokens", u.cached_tokens}}}};
}

ordered_json Answer::timing(const Update& last) const {
  const Usage& u = last.usage;
  return {{"chip", chip_},
          {"ended_by", name_of(*last.ending)},
          {"steps", u.steps},
          {"queue_s", u.queue_s},
          {"prefill_s", u.prefill_s},
          {"decode_s", u.decode_s},
          {"simulated_prefill_s", u.simulated_prefill_s},
          {"simulated_decode_s", u.simulated_decode_s},
          {"simulated_energy_j", u.simulated_energy_j}};
}

std::string Answer::event(ordered_json choice, const Update* last) const {
  ordered_json out = head(true);
  out["choices"] = ordered_json::array({std::move(choice)});
  if (include_usage_) out["usage"] = nullptr;
  if (last != nullptr) out["hadal"] = timing(*last);
  return "data: " + dumped(out) + "\n\n";
}

std::string Answer::first_event() {
  if (!chat_) return "";
  return event({{"index", 0},
                {"delta", {{"role", "assistant"}, {"content", ""}}},
                {"logprobs", nullptr},
                {"finish_reason", nullptr}},
               nullptr);
}

std::string Answer::events(const Update& update) {
  std::string out;
  const auto choice = [&](const std::string& text) {
    ordered_json c = {{"index", 0}};
    if (chat_) {
      c["delta"] = text.empty() ? ordered_json::object() : ordered_json{{"content", text}};
    } else {
      c["text"] = text;
    }
    c["logprobs"] = nullptr;
    c["finish_reason"] = nullptr;
    return c;
  };
  if (!update.text.empty()) out += event(choice(update.text), nullptr);
  if (!update.ending) return out;
  if (update.ending == Ending::kFailed) {
    return out + "data: " + ApiError(500, "server_error", update.error).json() + "\n\n";
  }
  ordered_json last = choice("");
  last["finish_reason"] = reason_of(*update.ending);
  out += event(std::move(last), &update);
  if (include_usage_) {
    ordered_json end = head(true);
    end["choices"] = ordered_json::array();
    end["usage"] = usage(update);
    out += "data: " + dumped(end) + "\n\n";
  }
  return out + "data: [DONE]\n\n";
}

std::string Answer::whole(const std::string& text, const Update& last) const {
  ordered_json choice = {{"index", 0}};
  if (chat_) {
    choice["message"] = {{"role", "assistant"}, {"content", text}, {"refusal", nullptr}};
  } else {
    choice["text"] = text;
  }
  choice["logprobs"] = nullptr;
  choice["finish_reason"] = reason_of(*last.ending);
  ordered_json out = head(false);
  out["choices"] = ordered_json::array({std::move(choice)});
  out["usage"] = usage(last);
  out["hadal"] = timing(last);
  return dumped(out);
}

std::string model_json(const std::string& model, int64_t context, bool has_template) {
  return dumped({{"id", model},
                 {"object", "model"},
                 {"created", 0},
                 {"owned_by", "hadal"},
                 {"hadal", {{"context", context}, {"chat_template", has_template}}}});
}

std::string models_json(const std::string& model, int64_t context, bool has_template) {
  const ordered_json one = ordered_json::parse(model_json(model, context, has_template));
  return dumped({{"object", "list"}, {"data", ordered_json::array({one})}});
}

}  // namespace hadal::serve
