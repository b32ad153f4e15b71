// The parts of the program that need no model: text streams, output files, memory dumps, looking up names.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "base/temporary_directory.h"
#include "base/testing.h"
#include "cli/dump.h"
#include "cli/find.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "model/random_checkpoint.h"
#include "model/utf8.h"

namespace hadal::cli {
namespace {

namespace fs = std::filesystem;
using hadal::testing::refusal;

std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

TEST(Utf8Stream, WholeCharactersOnly) {
  Utf8Stream stream;
  EXPECT_EQ(stream.push("a\xE2"), "a");
  EXPECT_EQ(stream.push("\x82"), "");
  EXPECT_EQ(stream.push("\xACz"), "\xE2\x82\xACz");
  EXPECT_EQ(stream.push("\xF0\x9F"), "");
  EXPECT_EQ(stream.finish(), "\xEF\xBF\xBD");
  EXPECT_EQ(stream.finish(), "");
}

TEST(Utf8Stream, WhatCannotBecomeACharacterIsNotHeld) {
  Utf8Stream stream;
  EXPECT_EQ(stream.push("\xFF"), "\xEF\xBF\xBD");
  EXPECT_EQ(stream.push("\x80"), "\xEF\xBF\xBD");
  EXPECT_EQ(stream.push("\xC0"), "\xEF\xBF\xBD");
  EXPECT_EQ(stream.push("\xE2x"), "\xEF\xBF\xBDx");
}

TEST(Utf8Stream, AnyCutGivesTheSameText) {
  const unsigned seed = 29;
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  const std::string alphabet = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xFF\x80\xED\xA0";
  for (int round = 0; round < 3000; ++round) {
    std::string bytes;
    const size_t length = random() % 12;
    while (bytes.size() < length) bytes += alphabet[random() % alphabet.size()];
    Utf8Stream stream;
    std::string out;
    for (size_t at = 0; at < bytes.size();) {
      const size_t count = 1 + random() % 3;
      const std::string piece = stream.push(bytes.substr(at, count));
      EXPECT_TRUE(model::is_valid_utf8(piece));
      out += piece;
      at += count;
    }
    ASSERT_EQ(out + stream.finish(), model::repair_utf8(bytes));
  }
}

TEST(OutputFile, AppearsWholeOrNotAtAll) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("out.txt");
  const OutputFile file(path);
  EXPECT_FALSE(fs::exists(path)) << "nothing appears before there is something to write";
  file.write("first");
  EXPECT_EQ(contents(path), "first");
  EXPECT_THROW(file.write([](std::ostream& out) {
    out << "half";
    throw std::runtime_error("interrupted");
  }),
               std::runtime_error);
  EXPECT_EQ(contents(path), "first");
  EXPECT_EQ(std::distance(fs::directory_iterator(directory.path()), fs::directory_iterator{}), 1);
}

TEST(OutputFile, SaysAtOnceWhatCannotBeWritten) {
  const TemporaryDirectory directory;
  EXPECT_NE(refusal([&] { OutputFile file(directory.file("no/such/folder/x")); }).find("cannot be written"),
            std::string::npos);
  EXPECT_NE(refusal([&] { OutputFile file(directory.path()); }).find("is a directory"), std::string::npos);
  EXPECT_NE(refusal([&] { OutputFile file(""); }).find("is empty"), std::string::npos);
}

TEST(OutputFile, DevicesAreWrittenInPlace) {
  OutputFile("/dev/null").write("gone");
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  EXPECT_NE(refusal([] { OutputFile("/dev/full").write(std::string(1 << 20, 'x')); }).find("cannot be written"),
            std::string::npos);
}

class DumpText : public ::testing::Test {
 protected:
  std::string refusal(const std::string& text) const {
    return hadal::testing::refusal([&] { parse_dump(text, chip_, program_); });
  }
  const chip::Chip chip_ = chip::load(std::string(HADAL_SOURCE_DIR) + "/chips/hadal-rtl.yaml");
  const program::Program program_ =
      program::assemble(".chip hadal-rtl\n.segment x line=0x100 lines=8 rw\nHALT\n", "t.hasm");
};

TEST_F(DumpText, Forms) {
  const Dump spm = parse_dump("spm:0:0x10:2", chip_, program_);
  EXPECT_EQ(spm.space, Dump::Space::kSpm);
  EXPECT_EQ(spm.line, 16u);
  EXPECT_EQ(spm.lines, 2u);
  EXPECT_EQ(spm.type, Dump::Type::kU32);
  EXPECT_EQ(parse_dump("acc:0:0:1", chip_, program_).type, Dump::Type::kF32);
  EXPECT_EQ(parse_dump("acc:0:0:1:u8", chip_, program_).type, Dump::Type::kU8);
  const Dump dram = parse_dump("dram:256:8:bf16", chip_, program_);
  EXPECT_EQ(dram.space, Dump::Space::kDram);
  EXPECT_EQ(dram.type, Dump::Type::kBf16);
}

TEST_F(DumpText, Refusals) {
  for (const char* text :
       {"", "spm", "spm:0:0", "spm:0:0:1:f64", "spm:0:-1:1", "rom:0:0:1", "dram:0:256:1", "spm:a:0:1", "spm:0:0:1:"}) {
    EXPECT_NE(refusal(text).find("is not spm:"), std::string::npos) << text;
  }
  EXPECT_NE(refusal("spm:1:0:1").find("cores 0 to 0"), std::string::npos);
  EXPECT_NE(refusal("spm:0:1023:2").find("has 1024 lines"), std::string::npos);
  EXPECT_NE(refusal("acc:0:256:1").find("has 256 lines"), std::string::npos);
  EXPECT_NE(refusal("spm:0:0:0").find("0 lines"), std::string::npos);
  EXPECT_NE(refusal("dram:255:2").find("segment"), std::string::npos);
  EXPECT_NE(refusal("spm:0:9223372036854775807:9223372036854775807").find("lines"), std::string::npos);
}

TEST(Find, NamesAndPaths) {
  EXPECT_EQ(fs::path(find_chip("hadal-rtl")).filename(), "hadal-rtl.yaml");
  EXPECT_TRUE(fs::exists(find_chip("chips/hadal-1.yaml")));
  EXPECT_TRUE(fs::exists(find_model("hadal-tiny") + "/config.json"));
  EXPECT_FALSE(chip_files().empty());
  EXPECT_NE(refusal([] { find_chip("hadal-11"); }).find("did you mean 'hadal-1'?"), std::string::npos);
  EXPECT_NE(refusal([] { find_model("nothing/like/it"); }).find("no such model directory"), std::string::npos);
  EXPECT_NE(refusal([] { find_model(""); }).find("no such model directory"), std::string::npos);
}

}  // namespace
}  // namespace hadal::cli
