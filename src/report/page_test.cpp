// Documents, columns of stores, and the page with data in it.
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <random>

#include "base/temporary_directory.h"
#include "base/testing.h"
#include "report/blocks.h"
#include "report/columns.h"
#include "report/document.h"
#include "report/explore.h"
#include "report/page.h"

namespace hadal::report {
namespace {

using Json = nlohmann::ordered_json;

using hadal::testing::refusal;

TEST(Document, KindAndSchemaComeFirstAndAreChecked) {
  const Json made = document("plan", {{"scenario", "s"}});
  EXPECT_EQ(made.begin().key(), "kind");
  EXPECT_EQ(parse_document(made.dump(), "f")["scenario"], "s");
  EXPECT_NE(refusal([] { parse_document("{\n\n oops", "f"); }).find("f:3: is no JSON"), std::string::npos);
  EXPECT_NE(refusal([] { parse_document("{}", "f"); }).find("has no 'kind'"), std::string::npos);
  EXPECT_NE(refusal([] { parse_document("[1]", "f"); }).find("has no 'kind'"), std::string::npos);
  EXPECT_NE(refusal([] { parse_document(R"({"kind": "pan"})", "f"); }).find("did you mean 'plan'?"), std::string::npos);
  EXPECT_NE(refusal([] { parse_document(R"({"kind": "plan", "schema": 99})", "f"); }).find("follows schema 99"),
            std::string::npos);
  EXPECT_THROW(document("nothing", {}), Error);
}

// The inverse of base64(), written from RFC 4648.
std::vector<uint8_t> decoded(const std::string& text) {
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<uint8_t> out;
  uint32_t bits = 0;
  int have = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<uint32_t>(digits.find(c));
    if ((have += 6) >= 8) out.push_back(static_cast<uint8_t>(bits >> (have -= 8)));
  }
  return out;
}

template <typename T>
std::vector<T> numbers(const Json& column) {
  const std::vector<uint8_t> bytes = decoded(column["data"]);
  std::vector<T> out(bytes.size() / sizeof(T));
  std::memcpy(out.data(), bytes.data(), bytes.size());
  return out;
}

TEST(Columns, Base64IsThatOfRfc4648) {
  const auto encoded = [](std::string_view text) { return base64(std::as_bytes(std::span(text))); };
  EXPECT_EQ(encoded(""), "");
  EXPECT_EQ(encoded("f"), "Zg==");
  EXPECT_EQ(encoded("fo"), "Zm8=");
  EXPECT_EQ(encoded("foo"), "Zm9v");
  EXPECT_EQ(encoded("foobar"), "Zm9vYmFy");
}

TEST(Columns, ValuesComeBackFromEveryEncoding) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (const auto& [distinct, encoding] : {std::pair(7, "u8"), {256, "u8"}, {257, "u16"}, {4096, "u16"}}) {
    std::vector<double> values;
    for (int i = 0; i < 10000; ++i) values.push_back(static_cast<double>(i < distinct ? i : random() % distinct) * 0.1);
    const Json c = column(values, false);
    ASSERT_EQ(c["encoding"], encoding) << distinct;
    const auto known = c["values"].get<std::vector<double>>();
    for (size_t i = 0; i < values.size(); ++i) {
      const size_t index = c["encoding"] == "u8" ? numbers<uint8_t>(c)[i] : numbers<uint16_t>(c)[i];
      if (known[index] != values[i]) FAIL() << i;
      if (i > 50) break;
    }
  }
  std::vector<double> values(5000);
  for (double& v : values) v = std::uniform_real_distribution<double>(-1, 1e9)(random);
  EXPECT_EQ(numbers<double>(column(values, true)), values);
  const auto floats = numbers<float>(column(values, false));
  for (size_t i = 0; i < values.size(); ++i) EXPECT_EQ(floats[i], static_cast<float>(values[i]));
}

TEST(Page, DataCannotEndTheirElement) {
  const std::string page = "a<script id=\"hadal-data\" type=\"application/json\">null</script>b";
  const Json data = page_data("</script><b>", {{"n", document("plan", {{"scenario", "</SCRIPT>\"\\"}})}});
  const std::string html = fill_page(page, "p", data);
  EXPECT_EQ(html.find("</SCRIPT>"), std::string::npos);
  const size_t from = html.find('{'), to = html.rfind("</script>");
  EXPECT_EQ(Json::parse(html.substr(from, to - from)), data);
  EXPECT_EQ(html.substr(to), "</script>b");
  EXPECT_NE(refusal([&] { fill_page("no place", "p", data); }).find("make web"), std::string::npos);
}

TEST(Page, AStoreMustSayWhatItsPointsAre) {
  const TemporaryDirectory folder;
  const std::string file = folder.file("store.sqlite");
  explore::Store store(file, "a");
  EXPECT_NE(refusal([&] { read_input(file); }).find("does not say what its points are"), std::string::npos);
  store.describe("no JSON");
  EXPECT_NE(refusal([&] { read_input(file); }).find("no JSON"), std::string::npos);
  store.describe(R"({"scenario": "s"})");
  plan::Evaluation good, worse, refused;
  good.usd_per_mtoken = 1;
  good.tokens_per_j = 1.0 / 3;
  worse.id = 1;
  worse.usd_per_mtoken = 2;
  refused.id = 2;
  refused.refused = "too large";
  store.add({good, worse, refused});
  const Json d = read_input(file).document;
  EXPECT_EQ(d["kind"], "explore");
  EXPECT_EQ(d["points"], 3);
  EXPECT_EQ(d["points_possible"], 2);
  EXPECT_EQ(d["points_front"], 1);
  EXPECT_EQ(d["refused"]["too large"], 1);
  const Json& efficiency = d["columns"]["tokens_per_j"];
  EXPECT_EQ(efficiency["values"].get<std::vector<double>>(), (std::vector<double>{0, 1.0 / 3}));
  EXPECT_EQ(numbers<uint8_t>(efficiency), (std::vector<uint8_t>{1, 0}));
  const Json& front = d["columns"]["front"];
  EXPECT_EQ(front["values"][numbers<uint8_t>(front)[0]], 1);
  EXPECT_EQ(front["values"][numbers<uint8_t>(front)[1]], 0);
}

// A page works a point's choices out from its number: the axes must count as design_of does.
TEST(Page, AxesOfADescriptionCountAsTheNumberOfADesignDoes) {
  plan::Facts facts({std::string(HADAL_SOURCE_DIR)});
  const plan::Scenario scenario =
      plan::load_scenario(std::string(HADAL_SOURCE_DIR) + "/scenarios/deepseek-day.yaml", facts);
  ASSERT_TRUE(scenario.space.has_value());
  const plan::DesignSpace& space = *scenario.space;
  const Json about = description(scenario, space, "deepseek-day", "");
  uint64_t size = 1;
  for (const Json& axis : about["axes"]) size *= axis["values"].size();
  ASSERT_EQ(size, space.size());
  for (uint64_t id = 0; id < size; id += 7) {
    const Json design = to_json(plan::design_of(space, id), plan::Evaluation{});
    uint64_t stride = 1;
    for (const Json& axis : about["axes"]) {
      const Json& value = axis["values"][id / stride % axis["values"].size()];
      if (axis["name"] == "supply") {
        EXPECT_TRUE(value.get<std::string>().starts_with(design["process"].get<std::string>() + ",")) << id;
      } else {
        EXPECT_EQ(value, design[axis["name"].get<std::string>()]) << id << " " << axis["name"];
      }
      stride *= axis["values"].size();
    }
  }
  for (const Json& figure : about["figures"]) {
    const auto columns = explore::Store::columns();
    EXPECT_TRUE(std::any_of(columns.begin(), columns.end(), [&](const auto& c) { return c.first == figure["name"]; }))
        << figure["name"];
  }
}

TEST(Blocks, AreDescribed) {
  EXPECT_FALSE(what_it_does("matrix unit").empty());
  EXPECT_TRUE(what_it_does("flux capacitor").empty());
}

}  // namespace
}  // namespace hadal::report
