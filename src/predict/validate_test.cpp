// The measurement table: what is refused, what the shipped one says, and that a fit never sees a row marked test.
#include "predict/validate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/error.h"
#include "predict/test_util.h"

namespace hadal::predict {
namespace {

constexpr const char* kHeader = "id,group,chip,model,operator,config,metric,value,unit,mark,source,confidence,note\n";

Library library() { return {testing::chip_file, testing::shape_file}; }
std::vector<Measurement> shipped() {
  return load_measurements(std::string(HADAL_SOURCE_DIR) + "/measurements/published.csv");
}

std::string refusal(const std::string& row) {
  try {
    Library names = library();
    for (const Measurement& m : parse_measurements(kHeader + row, "m.csv")) predict_row(m, names, testing::constants());
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    return error.what();
  }
  return "";
}

TEST(Measurements, RefusesWhatIsWrong) {
  const auto has = [](const std::string& row, const char* part) {
    const std::string found = refusal(row);
    EXPECT_NE(found.find(part), std::string::npos) << "got: " << found << "\nexpected: " << part;
    EXPECT_EQ(found.rfind("m.csv:2: ", 0), 0u) << found;
  };
  EXPECT_EQ(refusal("a,g,h800,,gemm,m=1;n=128;k=128,latency,5,us,test,s,H,\n"), "");
  has("a,g,h800,,gemm,m=1;n=128;k=128,latency,5,us,test,s\n", "has 11 cells; the table has 13 columns");
  has("a,g,h800,,gemm,m=1;n=128;k=128,latency,-5,us,test,s,H,\n", "value '-5' is not a positive number");
  has("a,g,h800,,gemm,m=1;n=128;k=128,latency,5,us,maybe,s,H,\n", "mark 'maybe' is not one of fit, test, context");
  has("a,g,h800,,gemm,m=1;n=128;k=128,latency,5,us,test,,H,\n", "source is empty");
  has("a,g,h800,,gemm,m=1;n=128,latency,5,us,test,s,H,\n", "config: gemm needs k=NUMBER");
  has("a,g,h800,,gemm,m=1;n=128;k=x,latency,5,us,test,s,H,\n", "config: k=x must be a number");
  has("a,g,h800,,gemm,m=1;n=128;k=128;q=1,latency,5,us,test,s,H,\n", "config: gemm does not know 'q'");
  has("a,g,h800,,gemm,m=1;n=128;k=128;m=2,latency,5,us,test,s,H,\n", "config: key 'm' is given twice");
  has("a,g,h800,,gemm,m=1;n=128;k=128;format=fp9,latency,5,us,test,s,H,\n", "format=fp9 is not one of bf16, fp8");
  has("a,g,h800,,gemn,m=1,latency,5,us,test,s,H,\n", "operator 'gemn' is unknown; did you mean 'gemm'?");
  has("a,g,h800,,gemm,m=1;n=128;k=128,latency,5,h,test,s,H,\n", "gemm has no metric 'latency' in 'h'");
  has("a,g,h800,DeepSeek-V3,task,name=topk;sequences=1;keys=9,latency,5,us,test,s,H,\n",
      "no task 'topk'; did you mean");
  has("a,g,h800,,decode,ep=8;sequences=1;keys=1,tpot,5,ms,test,s,H,\n", "decode needs a model");
  has("\"a,g\n", "a quote is never closed");
  EXPECT_NE(refusal("a,g,h900,,gemm,m=1,latency,5,us,test,s,H,\n"), "");
  EXPECT_THROW(parse_measurements("id,chip\n", "m.csv"), Error);
  EXPECT_THROW(parse_measurements("", "m.csv"), Error);
}

TEST(Measurements, ConfigurationsDoNotDependOnLineEndsAndQuotes) {
  const auto rows = parse_measurements(
      std::string(kHeader) + "\"a\",\"g, \"\"x\"\"\",h800,,gemm,m=1;n=2;k=3,latency,5,us,test,s,H,\r\n", "m.csv");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].group, "g, \"x\"");
  EXPECT_EQ(rows[0].config.at("n"), "2");
}

// The figures of docs/predict.md cannot fall apart unnoticed.
TEST(Validate, PublishedRowsThatNothingWasFittedOn) {
  const std::vector<Measurement> rows = shipped();
  Library names = library();
  const std::vector<RowResult> results = validate(rows, names, testing::constants());
  EXPECT_GT(results.size(), 2000u);
  for (const GroupResult& g : summarise(results)) {
    if (g.name == "all kernels") {
      EXPECT_GT(g.n, 1000u);
      EXPECT_LE(g.median_abs_pct, 10);
      EXPECT_LE(g.p90_abs_pct, 25);
      EXPECT_LE(std::abs(g.bias_pct), 5);
    }
    if (g.name == "cross-chip") {
      EXPECT_LE(g.median_abs_pct, 15);
    }
  }
}

TEST(Validate, SystemsThatHitTheirBand) {
  const std::vector<Measurement> rows = shipped();
  Library names = library();
  const std::map<std::string, double> limits{{"DSO-002", 15},  {"DSO-003", 15}, {"DSP-001", 5},   {"DSP-003", 5},
                                             {"DSP-005", 5},   {"SGL-001", 15}, {"SGL-001b", 15}, {"SGL-001c", 15},
                                             {"SGL-001d", 15}, {"SGL-005", 15}, {"CM3-001", 15},  {"CM3-002", 15},
                                             {"CM3-003", 15},  {"CM3-004", 15}, {"CM3-007", 15},  {"CM3-008", 15}};
  size_t seen = 0;
  for (const RowResult& r : validate(rows, names, testing::constants())) {
    const auto limit = limits.find(r.row->id);
    if (limit == limits.end()) continue;
    EXPECT_LE(std::abs(r.error_pct), limit->second) << r.row->id;
    ++seen;
  }
  EXPECT_EQ(seen, limits.size());
}

TEST(Fit, SeesOnlyRowsMarkedForItOnHopper) {
  std::vector<Measurement> rows = shipped();
  Library names = library();
  const FitResult before = fit(rows, names, testing::constants(), 1);
  for (Measurement& row : rows) {
    if (row.mark == "test") row.value *= 17;
  }
  const FitResult after = fit(rows, names, testing::constants(), 1);
  for (const ConstantInfo& info : constant_table())
    EXPECT_EQ(before.constants.*info.place, after.constants.*info.place);
  for (Measurement& row : rows) {
    if (row.chip == "a100") row.mark = "fit";
  }
  EXPECT_THROW(fit(rows, names, testing::constants(), 1), Error);
}

TEST(Fit, NeverMakesTheRowsItSeesWorse) {
  std::vector<Measurement> rows = shipped();
  Library names = library();
  Constants start = testing::constants();
  start.memory_efficiency = 0.6;
  const FitResult f = fit(rows, names, start, 2);
  EXPECT_LT(f.after, f.before);
  EXPECT_GT(f.rows, 300u);
}

TEST(Constants, TheFileIsChecked) {
  const Constants c = testing::constants();
  for (const ConstantInfo& info : constant_table()) {
    EXPECT_GE(c.*info.place, info.low) << info.name;
    EXPECT_LE(c.*info.place, info.high) << info.name;
  }
}

}  // namespace
}  // namespace hadal::predict
