// The text of /metrics against the rules of Prometheus' format, line by line.
#include "serve/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <regex>
#include <set>
#include <sstream>

namespace hadal::serve {
namespace {

struct Parsed {
  std::map<std::string, std::string> type;
  std::map<std::string, double> samples;  // by name with its labels
};

// Fails the test at every line that a strict reader would refuse.
Parsed parse(const std::string& text) {
  static const std::regex help(R"(# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (\S.*))");
  static const std::regex type(R"(# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram))");
  static const std::regex sample(
      R"re(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[a-zA-Z_]\w*="[^"\\\n]*"(?:,[a-zA-Z_]\w*="[^"\\\n]*")*\})? (\S+))re");
  Parsed out;
  EXPECT_TRUE(text.ends_with('\n'));
  std::set<std::string> helped;
  std::string family;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::smatch m;
    if (std::regex_match(line, m, help)) {
      EXPECT_TRUE(helped.insert(m[1]).second) << line;
      family = m[1];
    } else if (std::regex_match(line, m, type)) {
      EXPECT_EQ(m[1], family) << line;  // right behind its help
      EXPECT_TRUE(out.type.emplace(m[1], m[2]).second) << line;
      EXPECT_EQ(m[2] == "counter", family.ends_with("_total")) << line;
    } else if (std::regex_match(line, m, sample)) {
      const std::string name = m[1];
      const bool histogram = out.type[family] == "histogram";
      EXPECT_TRUE(histogram ? name == family + "_bucket" || name == family + "_sum" || name == family + "_count"
                            : name == family)
          << line;  // families are not mixed
      size_t used = 0;
      const double value = std::stod(m[3], &used);
      EXPECT_EQ(used, m[3].str().size()) << line;
      EXPECT_GE(value, 0) << line;
      EXPECT_TRUE(out.samples.emplace(name + m[2].str(), value).second) << line;
    } else {
      ADD_FAILURE() << "'" << line << "'";
    }
  }
  return out;
}

TEST(Metrics, TextIsPrometheus) {
  Metrics metrics;
  EngineCounters engine;
  parse(metrics.text(engine, {}));
  metrics.answered("/v1/completions", 200);
  metrics.answered("/v1/completions", 429);
  metrics.answered("/v1/completions", 200);
  const double waits[] = {0.001, 0.01, 0.0100001, 3, 59, 1e9};
  for (const double wait : waits) metrics.first_token(wait);
  Usage usage;
  usage.completion_tokens = 3;
  usage.decode_s = 0.5;
  metrics.finished(usage, Ending::kStop);
  metrics.finished(usage, Ending::kFailed);
  engine.completion_tokens = UINT64_MAX;
  engine.energy_j = 1e-30;
  engine.active = 4;
  const Parsed all = parse(metrics.text(engine, {.arriving = 3, .late = 2, .crowded = 1}));
  EXPECT_EQ(all.samples.at(R"(hadal_http_answers_total{endpoint="/v1/completions",status="200"})"), 2);
  EXPECT_EQ(all.samples.at(R"(hadal_requests_ended_total{by="failed"})"), 1);
  EXPECT_EQ(all.samples.at("hadal_connections_arriving"), 3);
  EXPECT_EQ(all.samples.at("hadal_requests_late_total"), 2);
  EXPECT_EQ(all.samples.at("hadal_requests_crowded_total"), 1);
  EXPECT_EQ(all.samples.at("hadal_simulated_energy_joules_total"), 1e-30);
  // Buckets are cumulative, a bound belongs to its bucket, and the last one is the count.
  EXPECT_EQ(all.samples.at(R"(hadal_first_token_seconds_bucket{le="0.01"})"), 2);
  EXPECT_EQ(all.samples.at(R"(hadal_first_token_seconds_bucket{le="0.025"})"), 3);
  EXPECT_EQ(all.samples.at(R"(hadal_first_token_seconds_bucket{le="60"})"), 5);
  EXPECT_EQ(all.samples.at(R"(hadal_first_token_seconds_bucket{le="+Inf"})"), 6);
  EXPECT_EQ(all.samples.at("hadal_first_token_seconds_count"), 6);
  EXPECT_NEAR(all.samples.at("hadal_token_seconds_sum"), 0.5, 1e-9);
}

}  // namespace
}  // namespace hadal::serve
