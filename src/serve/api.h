// OpenAI's requests and answers as JSON: what is understood, what is refused and how, what comes back.
#pragma once

#include <cstdint>
#include <exception>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "serve/engine.h"
#include "serve/prompting.h"

namespace hadal::serve {

// An answer with an HTTP status of 400 or above.
class ApiError : public std::exception {
 public:
  ApiError(int status, std::string type, std::string message, std::string parameter = "", std::string code = "")
      : status_(status),
        type_(std::move(type)),
        message_(std::move(message)),
        parameter_(std::move(parameter)),
        code_(std::move(code)) {}
  int status() const { return status_; }
  std::string json() const;  // one line: {"error": {"message", "type", "param", "code"}}
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  int status_;
  std::string type_, message_, parameter_, code_;
};

struct ApiLimits {
  int max_tokens = 4096;   // of an answer
  int64_t context = 0;     // of prompt and answer
  double timeout_s = 600;  // of a request
};

struct ApiRequest {
  Request request;
  bool chat = false, stream = false, include_usage = false;
};

// `body` of POST /v1/chat/completions or /v1/completions. An ApiError for everything not understood.
ApiRequest parse_request(std::string_view body, bool chat, const std::string& model, const Prompting& prompting,
                         const ApiLimits& limits);

// Writes the answers to one request.
class Answer {
 public:
  Answer(const ApiRequest& request, std::string model, std::string chip, uint64_t number);
  // The events of a stream that an update brings: "data: {...}\n\n", at the end with "data: [DONE]".
  std::string events(const Update& update);
  std::string first_event();
  // The whole answer, from all text and the last update.
  std::string whole(const std::string& text, const Update& last) const;

 private:
  nlohmann::ordered_json head(bool chunk) const;
  nlohmann::ordered_json usage(const Update& last) const;
  nlohmann::ordered_json timing(const Update& last) const;
  std::string event(nlohmann::ordered_json choice, const Update* last) const;
  bool chat_, include_usage_;
  std::string model_, chip_, id_;
  int64_t created_;
};

// The one model, and the list that holds it.
std::string model_json(const std::string& model, int64_t context, bool has_template);
std::string models_json(const std::string& model, int64_t context, bool has_template);

}  // namespace hadal::serve
