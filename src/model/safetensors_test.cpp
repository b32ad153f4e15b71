// Safetensors: what is accepted, and a table of corrupted files and indexes with the reason each must give.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "base/error.h"
#include "base/temporary_directory.h"
#include "model/model.h"
#include "model/random_checkpoint.h"
#include "model/safetensors_format.h"
#include "model/safetensors_writer.h"

namespace hadal::model {
namespace {

std::string file_of(const std::string& header, size_t data_bytes) {
  const uint64_t length = header.size();
  std::string out(8, '\0');
  std::memcpy(out.data(), &length, 8);
  return out + header + std::string(data_bytes, '\1');
}

std::vector<Tensor> parse(const std::string& bytes) {
  return parse_safetensors(std::as_bytes(std::span(bytes)), "w.safetensors");
}

TEST(SafetensorsFormat, TensorsAreViewsInOrderOfTheirData) {
  const std::string bytes =
      file_of(R"({"b":{"dtype":"F8_E4M3","shape":[3],"data_offsets":[8,11]},"__metadata__":{"format":"pt"},)"
              R"("a":{"dtype":"BF16","shape":[2,2],"data_offsets":[0,8]},"e":{"dtype":"I64",)"
              R"("shape":[0,4],"data_offsets":[8,8]},)"
              R"("s":{"dtype":"F32","shape":[],"data_offsets":[11,15]}}   )",
              15);
  const auto tensors = parse(bytes);
  ASSERT_EQ(tensors.size(), 4u);
  EXPECT_EQ(tensors[0].name, "a");
  EXPECT_EQ(tensors[0].dtype, Dtype::kBf16);
  EXPECT_EQ(tensors[1].name, "e");
  EXPECT_EQ(tensors[1].dtype, Dtype::kOther);
  EXPECT_EQ(tensors[2].dtype, Dtype::kE4m3);
  EXPECT_EQ(tensors[2].data.size(), 3u);
  EXPECT_EQ(tensors[3].shape.size(), 0u);
  EXPECT_EQ(reinterpret_cast<const char*>(tensors[3].data.data() + tensors[3].data.size()),
            bytes.data() + bytes.size());
}

TEST(SafetensorsFormat, NoTensorsAtAll) { EXPECT_TRUE(parse(file_of("{}", 0)).empty()); }

void expect_error(const std::function<void()>& act, const std::string& file, const std::string& needle) {
  try {
    act();
    FAIL() << "accepted; expected: " << needle;
  } catch (const Error& e) {
    const std::string what = e.what();
    EXPECT_EQ(e.kind(), ErrorKind::kInput) << what;
    EXPECT_EQ(what.find('\n'), std::string::npos) << what;
    EXPECT_NE(what.substr(0, what.find(": ")).find(file), std::string::npos) << what;
    EXPECT_NE(what.find(needle), std::string::npos) << what << "\n  expected: " << needle;
  }
}

struct Case {
  const char* header;
  size_t data_bytes;
  const char* needle;
};

const Case kBadFiles[] = {
    Case{"", 0, "must begin with '{'"},
    Case{"[]", 0, "must begin with '{'"},
    Case{" {}", 0, "must begin with '{'"},
    Case{"{\"a\":", 0, "header, byte 5: malformed JSON"},
    Case{"{}x", 0, "malformed JSON"},
    Case{R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
         2, "duplicate key \"a\""},
    Case{R"({"__metadata__":{"a":1}})", 0, "__metadata__ must map strings to strings"},
    Case{R"({"a":3})", 0, "tensor \"a\": the header holds an integer where an object is needed"},
    Case{R"({"a":{"shape":[1],"data_offsets":[0,1]}})", 1, "\"dtype\" is missing"},
    Case{R"({"a":{"dtype":"U8","data_offsets":[0,1]}})", 1, "\"shape\" is missing"},
    Case{R"({"a":{"dtype":"U8","shape":[1]}})", 1, "\"data_offsets\" is missing"},
    Case{R"({"a":{"dtype":8,"shape":[1],"data_offsets":[0,1]}})", 1, "dtype is an integer, a string is needed"},
    Case{R"({"a":{"dtype":"F9","shape":[1],"data_offsets":[0,1]}})", 1, "unknown dtype \"F9\""},
    Case{R"({"a":{"dtype":"U8","shape":4,"data_offsets":[0,1]}})", 1, "shape is an integer, a list is needed"},
    Case{R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})", 1,
         "every dimension of shape must be a non-negative"},
    Case{R"({"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}})", 1,
         "every dimension of shape must be a non-negative"},
    Case{R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}})", 1, "data_offsets must be the list [begin, end]"},
    Case{R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}})", 1, "data_offsets [1, 0] end before they begin"},
    Case{R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,18446744073709551615]}})", 1, "beyond any file"},
    Case{R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8, "hold 8 bytes, F32 of shape [3] is 12 bytes"},
    Case{R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}})", 0,
         "shape [4611686018427387904, 4] overflows 64 bits"},
    Case{R"({"a":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}})", 1, "shape [3] of F4 is misaligned: 12 bits"},
    Case{R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})", 3,
         "tensor \"a\" ends at byte 4 of the data, the file has only 3"},
    Case{R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[3,7]}})",
         7, "tensor \"b\" begins at byte 3 of the data and overlaps \"a\", which ends at 4"},
    Case{R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})",
         4, "overlaps \"a\""},
    Case{
        R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[6,10]}})",
        10, "hole of 2 bytes between a and tensor \"b\""},
    Case{R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})", 6,
         "hole of 2 bytes between the header and tensor \"a\""},
    Case{R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})", 6, "2 bytes after the last tensor"},
    Case{R"({"a\nb":{"dtype":"U8","shape":[4],"data_offsets":[0,3]}})", 4,
         "tensor \"a?b\": data_offsets hold 3 bytes"}};

TEST(SafetensorsFormat, CorruptionsAreRefused) {
  for (const Case& c : kBadFiles) {
    SCOPED_TRACE(c.header);
    expect_error([&] { parse(file_of(c.header, c.data_bytes)); }, "w.safetensors", c.needle);
  }
}

TEST(SafetensorsFormat, HeaderLengthMustFit) {
  expect_error([] { parse("1234567"); }, "w.safetensors", "7 bytes are too short");
  expect_error([] { parse(""); }, "w.safetensors", "0 bytes are too short");
  expect_error([] { parse(file_of("{}", 0).substr(0, 9)); }, "w.safetensors",
               "header length 2 is beyond the file, which has 1");
  std::string huge = file_of("{}", 0);
  std::memset(huge.data(), 0xFF, 8);
  expect_error([&] { parse(huge); }, "w.safetensors", "header length 18446744073709551615 is beyond the file");
}

// Cutting a good file anywhere is noticed: no prefix of it is valid.
TEST(SafetensorsFormat, EveryPrefixIsRefused) {
  const std::string good = file_of(
      R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
      8);
  ASSERT_EQ(parse(good).size(), 2u);
  for (size_t n = 0; n < good.size(); ++n) EXPECT_THROW(parse(good.substr(0, n)), Error) << n;
}

class Sharded : public ::testing::Test {
 protected:
  void SetUp() override {
    put("x.safetensors", file_of(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})", 4));
    put("y.safetensors", file_of(R"({"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})", 2));
  }
  void put(const std::string& name, const std::string& bytes) { write_file(directory_.file(name), bytes); }
  void index(const std::string& weight_map) {
    put("model.safetensors.index.json", "{\"metadata\": {},\n\"weight_map\": " + weight_map + "}");
  }
  void refused(const std::string& file, const std::string& needle) {
    expect_error([&] { Weights::open(directory_.path()); }, file, needle);
  }
  TemporaryDirectory directory_;
};

TEST_F(Sharded, Opens) {
  index("{\"a\": \"x.safetensors\",\n\"b\": \"y.safetensors\"}");
  const Weights weights = Weights::open(directory_.path());
  EXPECT_EQ(weights.tensors().size(), 2u);
  EXPECT_NE(weights.find("b"), nullptr);
  EXPECT_EQ(weights.find("c"), nullptr);
}

TEST_F(Sharded, RequireSaysWhatIsNeeded) {
  index("{\"a\": \"x.safetensors\",\n\"b\": \"y.safetensors\"}");
  const Weights weights = Weights::open(directory_.path());
  const int64_t four[] = {4}, matrix[] = {2, 2};
  expect_error([&] { weights.require("c", Dtype::kBf16, four); }, "index.json",
               "tensor \"c\" is missing; BF16 of shape [4] is needed");
  expect_error([&] { weights.require("a", Dtype::kBf16, four); }, "index.json",
               "tensor \"a\" is another dtype of shape [4], BF16 of shape [4] is needed");
  expect_error([&] { weights.require("a", Dtype::kOther, matrix); }, "index.json", "shape [2, 2] is needed");
  EXPECT_EQ(weights.require("a", Dtype::kOther, four).data.size(), 4u);
}

TEST_F(Sharded, IndexAndShardsMustAgree) {
  index("{\"a\": \"x.safetensors\",\n\"b\": \"z.safetensors\"}");
  refused("index.json", "shard \"z.safetensors\" is named but does not exist");
  index("{\"a\": \"x.safetensors\",\n\"b\": \"x.safetensors\"}");
  refused("index.json:3", "tensor \"b\" is not in shard \"x.safetensors\" nor in any other");
  index("{\"a\": \"y.safetensors\",\n\"b\": \"x.safetensors\"}");
  refused("index.json:2", "tensor \"a\" is in shard \"x.safetensors\", the index says \"y.safetensors\"");
  put("y.safetensors", file_of(R"({"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                               R"("c":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
                               2));
  index("{\"a\": \"x.safetensors\",\n\"b\": \"y.safetensors\"}");
  refused("y.safetensors", "tensor \"c\" is not listed");
}

TEST_F(Sharded, IndexMustBeWellFormed) {
  index("{\"a\": \"../x.safetensors\"}");
  refused("index.json:2", "\"../x.safetensors\" is not the plain name of a file beside the index");
  index("{\"a\": 3}");
  refused("index.json:2", "tensor \"a\" maps to an integer, a file name is needed");
  index("{}");
  refused("index.json", "weight_map is empty");
  index("[]");
  refused("index.json", "\"weight_map\" from tensor names to file names is needed");
  index("{\"a\": \"x.safetensors\", \"a\": \"x.safetensors\"}");
  refused("index.json:2", "duplicate key \"a\"");
  index("{");
  refused("index.json:2", "malformed JSON");
}

TEST(Safetensors, DirectoryWithoutWeights) {
  TemporaryDirectory directory;
  expect_error([&] { Weights::open(directory.path()); }, directory.path(), "no weights: neither model.safetensors nor");
  expect_error([&] { Weights::open(directory.file("absent")); }, "absent", "is not a directory");
  write_file(directory.file("model.safetensors"), "");
  expect_error([&] { Weights::open(directory.path()); }, "model.safetensors", "0 bytes are too short");
}

}  // namespace
}  // namespace hadal::model
