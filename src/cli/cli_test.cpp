// The program as a whole: exit status, one clear line for every mistake, and what the quick commands print.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/temporary_directory.h"
#include "cli/binary.h"
#include "model/safetensors_writer.h"

namespace hadal::cli {
namespace {

using nlohmann::json;
using testing::hadal;
using testing::Outcome;

constexpr const char* kDouble = R"(.chip hadal-rtl
.segment x line=0x100 lines=1 f32 1 2 3 4
.segment y line=0x200 lines=1 rw
.op double
LD d=spm[0] s=hbm[0x100] rows=1 len=1 post=0:1
VALU.ADD d=spm[1] a=spm[0] b=spm[0] rows=1 cols=16 wait=0:1 post=1:1
ST d=hbm[0x200] s=spm[1] rows=1 len=1 wait=1:1
HALT
)";

class Cli : public ::testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& text) const {
    model::write_file(directory_.file(name), text);
    return directory_.file(name);
  }
  // Status 2, nothing on standard output, one line that holds `part`.
  static void expect_bad_input(const std::vector<std::string>& arguments, const std::string& part) {
    const Outcome result = hadal(arguments);
    EXPECT_EQ(result.status, 2) << part;
    EXPECT_EQ(result.out, "") << part;
    EXPECT_TRUE(testing::one_line(result.err)) << result.err;
    EXPECT_NE(result.err.find(part), std::string::npos) << result.err;
  }
  const TemporaryDirectory directory_;
};

constexpr const char* kCommands[] = {"run",    "eval",  "chat",    "serve",    "tokenize", "asm",
                                     "disasm", "exec",  "predict", "validate", "plan",     "explore",
                                     "verify", "synth", "chips",   "models",   "isa",      "random"};

TEST_F(Cli, HelpAndVersion) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{{}, {"--help"}, {"-h"}}) {
    const Outcome result = hadal(arguments);
    EXPECT_EQ(result.status, 0);
    for (const char* command : kCommands) {
      EXPECT_NE(result.out.find(std::string("\n  ") + command + " "), std::string::npos) << command;
    }
  }
  for (const char* command : kCommands) {
    const Outcome result = hadal({command, "--help"});
    EXPECT_EQ(result.status, 0) << command;
    EXPECT_EQ(result.err, "");
    EXPECT_NE(result.out.find("--help"), std::string::npos);
  }
  EXPECT_EQ(hadal({"--version"}).out.rfind("hadal ", 0), 0u);
}

TEST_F(Cli, MistakesOnTheCommandLine) {
  expect_bad_input({"rnu"}, "did you mean 'run'?");
  expect_bad_input({"--frobnicate"}, "unexpected option '--frobnicate'");
  expect_bad_input({"run", "hadal-tiny", "--promt", "x"}, "did you mean '--prompt'?");
  expect_bad_input({"run", "hadal-tiny"}, "--prompt is required");
  expect_bad_input({"run", "--prompt", "x"}, "MODEL is required");
  expect_bad_input({"run", "hadal-tiny", "--prompt"}, "--prompt");
  expect_bad_input({"run", "hadal-tiny", "-p", "x", "-n", "0"}, "not in range 1");
  expect_bad_input({"run", "hadal-tiny", "-p", "x", "-n", "many"}, "many");
  expect_bad_input({"run", "hadal-tiny", "-p", "x", "--seed", "-1"}, "--seed");
  expect_bad_input({"run", "hadal-tiny", "-p", "x", "--kv", "int4"}, "int4");
  expect_bad_input({"run", "hadal-tiny", "-p", "x", "--batch", "33"}, "1 to 32");
  expect_bad_input({"run", "hadal-tiny", "-p", "x", "--activation-digits", "3"}, "1 to 2");
  expect_bad_input({"run", "hadal-tiny", "-p", "x", "--chips", "6"}, "the model has 5 layers");
  expect_bad_input({"run", "hadal-tiny", "-p", "x", "--chips", "-1"}, "0 to 4096");
  expect_bad_input({"run", "hadal-tiny", "-p", "x", "--rows", "33"}, "1 to 32");
  expect_bad_input({"run", "hadal-tiny", "-p", "x", "--host-memory", "0"}, "--host-memory");
  expect_bad_input({"run", "hadal-tiny", "-p", "x", "--trace", "t", "--no-timing"}, "excludes");
  expect_bad_input({"chips", "extra"}, "unexpected argument 'extra'");
}

TEST_F(Cli, MissingAndMalformedFiles) {
  expect_bad_input({"run", "hadal-tini", "-p", "x"}, "hadal-tini: there is no such model directory");
  expect_bad_input({"run", directory_.path(), "-p", "x"}, "config.json");
  expect_bad_input({"run", "README.md", "-p", "x"}, "is a file");
  expect_bad_input({"run", "hadal-tiny", "-p", "x", "--chip", "hadal-2"}, "did you mean 'hadal-1'?");
  std::string chip = testing::read_file("chips/hadal-rtl.yaml");
  const size_t key = chip.find("clock:");
  ASSERT_NE(key, std::string::npos);
  const auto line = 1 + std::count(chip.begin(), chip.begin() + static_cast<std::ptrdiff_t>(key), '\n');
  const std::string bad = file("bad.yaml", chip.replace(key, 6, "clokc:"));
  expect_bad_input({"run", "hadal-tiny", "-p", "x", "--chip", bad}, "bad.yaml:" + std::to_string(line) + ": ");
  expect_bad_input({"run", "hadal-tiny", "-p", "x", "--json", directory_.file("no/x.json")}, "cannot be written");
  expect_bad_input({"run", "hadal-tiny", "-p", "x", "--trace", directory_.path()}, "is a directory");
  expect_bad_input({"eval", "hadal-tiny", "--text", directory_.file("none.txt")}, "none.txt");
  expect_bad_input({"eval", "hadal-tiny", "--text", file("empty.txt", "")}, "is empty");
  expect_bad_input({"eval", "hadal-tiny", "--text", file("t.txt", "text"), "--window", "4096"}, "at most 2048");
  expect_bad_input({"asm", directory_.file("none.hasm")}, "none.hasm");
  expect_bad_input({"exec", file("x.hprog", "not a program")}, "x.hprog");
  expect_bad_input({"exec", file("x.hasm", ".chip hadal-rtl\nHALT\nFLY\n")}, "x.hasm:3: ");
  expect_bad_input({"exec", file("n.hasm", "HALT\n")}, "no chip is named");
  expect_bad_input({"exec", file("d.hasm", kDouble), "--chip", "hadal-1"}, "hadal-1 has 48");
  expect_bad_input({"exec", file("d.hasm", kDouble), "--dump", "spm:0"}, "is not spm:");
}

TEST_F(Cli, APromptBeyondTheModelsLimitIsRefused) {
  std::string prompt;
  for (int i = 0; i < 2100; ++i) prompt += "word ";
  expect_bad_input({"run", "hadal-tiny", "-p", prompt}, "at most 2048");
}

TEST_F(Cli, StandardOutputThatCannotBeWritten) {
  for (const char* command : {"chips", "isa"}) {
    const Outcome result = hadal({command}, ">/dev/full");
    EXPECT_EQ(result.status, 2) << command;
    EXPECT_TRUE(testing::one_line(result.err)) << result.err;
  }
}

TEST_F(Cli, AssembleDisassembleExecute) {
  const std::string text = file("double.hasm", kDouble), program = directory_.file("double.hprog");
  EXPECT_EQ(hadal({"asm", text}).status, 0);
  ASSERT_TRUE(std::filesystem::exists(program));
  const Outcome listing = hadal({"disasm", program});
  EXPECT_EQ(listing.status, 0);
  const std::string again = file("again.hasm", listing.out), other = directory_.file("other.hprog");
  EXPECT_EQ(hadal({"asm", again, "-o", other}).status, 0);
  EXPECT_EQ(testing::read_file(other), testing::read_file(program));

  const std::vector<std::string> dump{"--dump", "dram:0x200:1:f32", "--dump", "spm:0:0:1"};
  std::vector<std::string> plain{"exec", program};
  plain.insert(plain.end(), dump.begin(), dump.end());
  const Outcome result = hadal(plain);
  EXPECT_EQ(result.status, 0);
  EXPECT_NE(result.out.find("512+00:            2            4            6            8            0"),
            std::string::npos)
      << result.out;
  EXPECT_NE(result.out.find("0+00: 3f800000 40000000 40400000 40800000"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("4 instructions"), std::string::npos) << result.out;
  plain.insert(plain.end(), {"--seed", "5"});
  EXPECT_EQ(hadal(plain).out, result.out);
}

TEST_F(Cli, ExecuteWithTiming) {
  const std::string text = file("double.hasm", kDouble), trace = directory_.file("trace.json");
  const Outcome result = hadal({"exec", text, "--timing", "--json", "-", "--trace", trace, "--dump", "dram:512:1"});
  ASSERT_EQ(result.status, 0) << result.err;
  const json report = json::parse(result.out);
  EXPECT_GT(report["cycles"], 0);
  EXPECT_EQ(report["operators"][0]["name"], "double");
  EXPECT_EQ(report["dumps"][0]["hex"].get<std::string>().substr(0, 16), "0000004000008040");
  EXPECT_FALSE(json::parse(testing::read_file(trace)).empty());
}

TEST_F(Cli, AFaultOfTheMachineIsStatus3) {
  std::string racy = kDouble;
  racy.replace(racy.find(" wait=1:1"), 9, "");
  const Outcome result = hadal({"exec", file("race.hasm", racy)});
  EXPECT_EQ(result.status, 3);
  EXPECT_NE(result.err.find("core 0 ST instruction 2 (double)"), std::string::npos) << result.err;
  EXPECT_EQ(result.out, "");
}

TEST_F(Cli, TheAssemblerRefusesWhatNoRunCouldGetRight) {
  const std::string out = directory_.file("never.hprog");
  expect_bad_input({"asm", file("never.hasm", ".chip hadal-rtl\nSYNC unit=VX wait=3:1\nHALT\n"), "-o", out},
                   "instruction 0");
  EXPECT_FALSE(std::filesystem::exists(out));
  expect_bad_input({"asm", file("d.hasm", kDouble), "-o", directory_.file("no/d.hprog")}, "d.hprog");
  expect_bad_input({"asm", file("d.hasm", kDouble), "-o", directory_.file("d.bin")}, ".hprog");
}

TEST_F(Cli, Lists) {
  const Outcome chips = hadal({"chips"});
  EXPECT_EQ(chips.status, 0);
  EXPECT_NE(chips.out.find("hadal-1 "), std::string::npos);
  const json chips_json = json::parse(hadal({"chips", "--json"}).out);
  EXPECT_GE(chips_json.size(), 20u);
  const auto ours =
      std::find_if(chips_json.begin(), chips_json.end(), [](const json& c) { return c["name"] == "hadal-1"; });
  ASSERT_NE(ours, chips_json.end());
  EXPECT_EQ((*ours)["cores"], 48);
  const json models = json::parse(hadal({"models", "--json", "-"}).out);
  const auto tiny = std::find_if(models.begin(), models.end(), [](const json& m) { return m["name"] == "hadal-tiny"; });
  ASSERT_NE(tiny, models.end());
  EXPECT_EQ((*tiny)["parameters"], 20569984);
  EXPECT_EQ((*tiny)["layers"], 5);
  const auto v3 = std::find_if(models.begin(), models.end(), [](const json& m) { return m["name"] == "DeepSeek-V3"; });
  ASSERT_NE(v3, models.end());
  EXPECT_NEAR((*v3)["parameters"].get<double>(), 671.03e9, 0.01e9);
  EXPECT_NE(hadal({"isa"}).out.find("VALU"), std::string::npos);
}

TEST_F(Cli, PredictKeepsItsPromiseToScripts) {
  const std::vector<std::string> v3{"predict",   "--model", "DeepSeek-V3", "--chip", "h800",      "--batch", "128",
                                    "--context", "4096",    "--ep",        "128",    "--overlap", "2"};
  std::vector<std::string> as_json = v3;
  as_json.insert(as_json.end(), {"--json", "-"});
  const Outcome result = hadal(as_json);
  EXPECT_EQ(result.status, 0) << result.err;
  const json p = json::parse(result.out);
  EXPECT_GT(p["latency_us"].get<double>(), 0);
  EXPECT_NEAR(p["tpot_ms"].get<double>() * 1000, p["latency_us"].get<double>(), 1e-6);
  EXPECT_NEAR(p["tokens_per_s_per_chip"].get<double>(), 128 / p["latency_us"].get<double>() * 1e6, 1e-6);
  for (const json& op : p["operators"]) {
    EXPECT_TRUE(op.contains("name") && op.contains("latency_us") && op.contains("bound_by")) << op.dump();
  }
  EXPECT_NE(hadal(v3).out.find("time per output token"), std::string::npos);
  const json served = json::parse(hadal({"predict", "-m", "DeepSeek-V3", "-c", "h800", "--ep", "32", "--overlap", "2",
                                         "--rate", "5", "--requests", "50", "--output", "50", "--json", "-"})
                                      .out);
  EXPECT_LE(served["ttft_ms"]["p50"].get<double>(), served["ttft_ms"]["p99"].get<double>());
  EXPECT_NE(served["definitions"].get<std::string>().find("TPOT"), std::string::npos);
}

TEST_F(Cli, PredictRefusesWhatItCannotPredict) {
  expect_bad_input({"predict", "--chip", "h800"}, "--model");
  expect_bad_input({"predict", "-m", "DeepSeek-V4", "-c", "h800"}, "there is no such model; did you mean");
  expect_bad_input({"predict", "-m", "DeepSeek-V3", "-c", "h8000"}, "there is no such chip description; did you mean");
  expect_bad_input({"predict", "-m", "DeepSeek-V3", "-c", "h800", "--tp", "3"},
                   "--tp: 3 does not divide the 128 heads");
  expect_bad_input({"predict", "-m", "Qwen3-8B", "-c", "h800", "--ep", "8"}, "--ep: Qwen3-8B has no experts");
  expect_bad_input({"predict", "-m", "DeepSeek-V3", "-c", "hadal-rtl", "--ep", "8"}, "has no links");
  expect_bad_input({"predict", "-m", "DeepSeek-V3", "-c", "h800", "--load", "zipf"}, "--load: load 'zipf' is unknown");
  expect_bad_input({"predict", "-m", "DeepSeek-V3", "-c", "h800", "-p", "prefill", "-l", "10", "--new-tokens", "20"},
                   "is more than the context");
  expect_bad_input({"predict", "-m", "DeepSeek-V3", "-c", "h800", "--ep", "64", "--tpot-ms", "0.1"},
                   "--tpot-ms: 0.1 is not");
  expect_bad_input({"run", "models/hadal-tiny", "--chip", "h800", "--prompt", "x"}, "by its performance only");
}

TEST_F(Cli, ValidateKeepsItsPromiseToScripts) {
  const std::string table = file("m.csv",
                                 "id,group,chip,model,operator,config,metric,value,unit,mark,source,confidence,note\n"
                                 "a,g,h800,,gemm,m=64;n=4096;k=7168;format=fp8,latency,13,us,test,mine,H,\n"
                                 "b,g,a100,,gemm,m=64;n=4096;k=7168,latency,40,us,test,mine,H,\n");
  const Outcome result = hadal({"validate", "--measurements", table, "--json", "-"});
  EXPECT_EQ(result.status, 0) << result.err;
  const json v = json::parse(result.out);
  ASSERT_EQ(v["rows"].size(), 2u);
  for (const char* key : {"id", "predicted", "measured", "unit", "error_pct", "mark"}) {
    EXPECT_TRUE(v["rows"][0].contains(key)) << key;
  }
  for (const char* key : {"name", "n", "median_abs_pct", "p90_abs_pct", "bias_pct"}) {
    EXPECT_TRUE(v["groups"][0].contains(key)) << key;
  }
  const double predicted = v["rows"][0]["predicted"];
  EXPECT_NEAR(v["rows"][0]["error_pct"].get<double>(), 100 * (predicted / 13 - 1), 1e-9);
  expect_bad_input({"validate", "--measurements", table, "--fit", directory_.file("c.yaml")}, "hold no row marked fit");
  EXPECT_FALSE(std::filesystem::exists(directory_.file("c.yaml")));
  expect_bad_input({"validate", "--measurements", file("bad.csv", "id\n")}, "bad.csv:1: column");
}

}  // namespace
}  // namespace hadal::cli
