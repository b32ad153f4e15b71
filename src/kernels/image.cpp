// Segments made on first use, and the re-tiling of weights.
#include "kernels/image.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/heap.h"
#include "base/mapped_file.h"
#include "kernels/digits.h"
#include "numerics/numerics.h"

namespace hadal::kernels {
namespace {

constexpr int64_t kTile = 32, kPanel = 16, kGroup = 128;

PanelMatrix shape(size_t tiles, int64_t k, uint32_t digits) {
  PanelMatrix w;
  w.tiles = static_cast<uint32_t>(tiles);
  w.groups = static_cast<uint32_t>((k + kGroup - 1) / kGroup);
  w.digits = digits;
  return w;
}

// Scales first, then the panels: the lines of a matrix are one piece, filled tile by tile.
void place(ReadOnlyImage& image, PanelMatrix& w,
           std::function<void(std::byte* scales, std::byte* panels, size_t)> tile) {
  const uint64_t scale_lines = static_cast<uint64_t>(w.tiles) * w.scale_lines();
  const uint64_t lines = scale_lines + static_cast<uint64_t>(w.tiles) * w.tile_lines();
  const uint64_t scale_bytes = w.scale_lines() * 64ull, tile_bytes = w.tile_lines() * 64ull;
  w.scale_line = image.reserve(lines, w.tiles, [=, tile = std::move(tile)](std::byte* first, size_t part) {
    tile(first + part * scale_bytes, first + scale_lines * 64 + part * tile_bytes, part);
  });
  w.line = w.scale_line + scale_lines;
}

// The four bytes of column c (of 32) and k..k+3 in the panels of a tile (docs/machine.md section 6, blocked layout).
std::byte* quad(std::byte* panels, const PanelMatrix& w, int64_t c, int64_t k, uint32_t digit) {
  const int64_t line =
      (c / kPanel) * w.groups * w.group_lines() + (k / kGroup) * w.group_lines() + digit * 32 + k % kGroup / 4;
  return panels + line * 64 + (c % kPanel) * 4;
}

// All rows of a tile come from one block of scales, or are zero.
bool one_block(const TileSource& tile) {
  int64_t block = -1;
  for (const int64_t row : tile.rows) {
    if (row < 0) continue;
    if (block >= 0 && row / kGroup != block) return false;
    block = row / kGroup;
  }
  return true;
}

// FP8 codes and scales as the checkpoint holds them. Line by line: what is written once is written whole.
void copy_tile(const TileSource& source, const PanelMatrix& w, std::byte* scales, std::byte* panels) {
  const int64_t k_end = source.linear.k;
  int64_t block = 0;
  for (int64_t first = 0; first < kTile; first += kPanel) {
    const uint8_t* codes[kPanel];
    for (int64_t c = 0; c < kPanel; ++c) {
      const int64_t row = source.rows[static_cast<size_t>(first + c)];
      codes[c] = row < 0 ? nullptr : source.linear.codes(row);
      if (row >= 0) block = row / kGroup;
    }
    for (int64_t k = 0; k < k_end; k += 4) {
      std::byte* line = quad(panels, w, first, k, 0);
      const auto bytes = static_cast<size_t>(std::min<int64_t>(4, k_end - k));
      for (int64_t c = 0; c < kPanel; ++c) {
        if (codes[c] == nullptr) continue;
        if (bytes == 4) {
          std::memcpy(line + c * 4, codes[c] + k, 4);
        } else {
          std::memcpy(line + c * 4, codes[c] + k, bytes);
        }
      }
    }
  }
  for (int64_t g = 0; g < w.groups; ++g) {
    const float scale = source.linear.scale_at(block, g);
    std::memcpy(scales + g * 4, &scale, 4);
  }
}

// `values`: 32 columns of groups * 128.
void quantise_tile(const std::vector<float>& values, const PanelMatrix& w, const std::string& name, std::byte* scales,
                   std::byte* panels) {
  const auto width = static_cast<size_t>(w.groups) * kGroup;
  uint8_t codes[2][kGroup];
  for (size_t g = 0; g < w.groups; ++g) {
    float amax = 0;
    for (size_t c = 0; c < kTile; ++c) {
      const float top = largest(values.data() + c * width + g * kGroup);
      if (!std::isfinite(top)) input_error(name, "holds a weight that is not finite; finite numbers are needed");
      amax = std::max(amax, top);
    }
    const int e = num::quantise_exponent(amax, -126);
    const float scale = std::ldexp(1.0f, e), inverse = std::ldexp(1.0f, -e);
    std::memcpy(scales + g * 4, &scale, 4);
    for (size_t c = 0; c < kTile; ++c) {
      digits_of(values.data() + c * width + g * kGroup, inverse, codes[0], codes[1]);
      for (uint32_t digit = 0; digit < w.digits; ++digit) {
        for (int64_t k = 0; k < kGroup; k += 4) {
          std::memcpy(quad(panels, w, static_cast<int64_t>(c), static_cast<int64_t>(g) * kGroup + k, digit),
                      codes[digit] + k, 4);
        }
      }
    }
  }
}

}  // namespace

// ---- segments ----------------------------------------------------------------------------------------------------

// Zeroed memory that costs nothing until it is touched, and what is to be written into it.
class ReadOnlyImage::Contents : public Resident {
 public:
  Contents(std::vector<Piece> pieces, std::vector<const model::Tensor*> sources, size_t size,
           std::shared_ptr<Residency> residency)
      : Resident(size), pieces_(std::move(pieces)), sources_(std::move(sources)), residency_(std::move(residency)) {
    memory_ = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory_ == MAP_FAILED) {
      throw Error(ErrorKind::kInput, fmt::format("no room for {} bytes of weights: {}", size, std::strerror(errno)));
    }
    ::madvise(memory_, size, MADV_HUGEPAGE);  // a step reads all of it; where that cannot be had, small pages do
    if (comes_again()) residency_->expect(size);
  }
  ~Contents() override {
    residency_->forget(*this);
    ::munmap(memory_, bytes());
  }

  std::span<const std::byte> data() const { return {static_cast<const std::byte*>(memory_), bytes()}; }
  // Only what the checkpoint holds can be made again without keeping it.
  bool comes_again() const { return !sources_.empty(); }

  void make() {
    if (comes_again() && residency_->bounded()) {
      residency_->make(*this);
    } else {
      std::call_once(once_, [this] {
        fill();
        pieces_.clear();
      });
    }
  }

 private:
  void fill() override;
  void clear() override { (void)::madvise(memory_, bytes(), MADV_DONTNEED); }

  std::vector<Piece> pieces_;
  std::vector<const model::Tensor*> sources_;
  std::shared_ptr<Residency> residency_;
  void* memory_ = nullptr;
  std::once_flag once_;  // without a bound
};

void ReadOnlyImage::Contents::fill() {
  struct Task {
    size_t piece, part;
  };
  std::vector<Task> tasks;
  for (size_t p = 0; p < pieces_.size(); ++p) {
    for (size_t part = 0; part < pieces_[p].parts; ++part) tasks.push_back({p, part});
  }
  std::atomic<size_t> next = 0;
  std::mutex mutex;
  std::exception_ptr failure;
  const auto work = [&] {
    try {
      for (size_t i = next++; i < tasks.size(); i = next++) {
        const Piece& piece = pieces_[tasks[i].piece];
        piece.fill(static_cast<std::byte*>(memory_) + piece.line * 64, tasks[i].part);
      }
    } catch (...) {
      next = tasks.size();
      const std::lock_guard lock(mutex);
      failure = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> helpers;
    const size_t threads = std::min<size_t>({std::thread::hardware_concurrency(), tasks.size() / 16, 16});
    for (size_t t = 1; t < threads; ++t) {
      helpers.emplace_back([&work] {
        work();
        trim_thread_heap();
      });
    }
    work();
  }
  if (failure) std::rethrow_exception(failure);
  for (const model::Tensor* tensor : sources_) drop_pages(tensor->data);
}

uint64_t ReadOnlyImage::reserve(uint64_t lines, size_t parts, Fill fill) {
  pieces_.push_back({segment_lines_, parts, std::move(fill)});
  const uint64_t line = end_line_ + segment_lines_;
  segment_lines_ += lines;
  return line;
}

uint64_t ReadOnlyImage::append(std::vector<float> values) {
  const uint64_t lines = (values.size() + 15) / 16;
  return reserve(lines, 1, [values = std::move(values)](std::byte* first, size_t) {
    std::memcpy(first, values.data(), values.size() * sizeof(float));
  });
}

void ReadOnlyImage::end_segment(std::string name) {
  if (segment_lines_ == 0) return;
  std::vector<Piece> pieces = std::exchange(pieces_, {});
  std::vector<const model::Tensor*> sources = std::exchange(sources_, {});
  if (!counts_only_) {
    contents_.push_back(
        std::make_shared<Contents>(std::move(pieces), std::move(sources), segment_lines_ * 64, residency_));
    segments_.push_back(
        {std::move(name), end_line_, segment_lines_, false, contents_.back()->data(), contents_.back()});
  }
  end_line_ += std::exchange(segment_lines_, 0);
}

std::vector<program::Segment> ReadOnlyImage::take() {
  for (size_t i = 0; i < segments_.size(); ++i) {
    const std::shared_ptr<Contents>& contents = contents_[i];
    if (!contents) continue;
    segments_[i].prepare = [contents] { contents->make(); };
    if (contents->comes_again() && residency_->bounded()) segments_[i].held = &contents->held();
  }
  contents_.clear();
  return std::move(segments_);
}

uint64_t ReadOnlyImage::add_segment(std::string name, std::span<const std::byte> data) {
  check(segment_lines_ == 0, "segment {} begins inside another", name);
  const uint64_t line = end_line_, lines = (data.size() + 63) / 64;
  segments_.push_back({std::move(name), line, lines, false, data});
  contents_.emplace_back();
  end_line_ += lines;
  return line;
}

// ---- matrices ----------------------------------------------------------------------------------------------------

TileSource rows_from(const model::Linear& linear, int64_t first) {
  TileSource tile{linear, {}};
  for (int64_t c = 0; c < kTile; ++c) tile.rows[static_cast<size_t>(c)] = first + c < linear.n ? first + c : -1;
  return tile;
}

Tiles rows_from(const model::Linear& linear, int64_t first, size_t tiles) {
  return {tiles, [linear, first](size_t i) { return rows_from(linear, first + static_cast<int64_t>(i) * kTile); }};
}

Tiles all_rows(const model::Linear& linear) {
  return rows_from(linear, 0, static_cast<size_t>((linear.n + kTile - 1) / kTile));
}

Tiles listed(std::vector<TileSource> tiles) {
  const size_t count = tiles.size();
  return {count, [tiles = std::move(tiles)](size_t i) { return tiles[i]; }};
}

PanelMatrix pack(ReadOnlyImage& image, Tiles tiles, uint32_t digits, ContractionMap map) {
  check(tiles.count > 0, "a matrix needs columns");
  const int64_t k = tiles.at(0).linear.k;
  bool stored = map.empty();
  for (size_t i = 0; i < tiles.count; ++i) {
    const TileSource tile = tiles.at(i);
    check(tile.linear.k == k, "tiles of one matrix share their contraction");
    stored = stored && tile.linear.fp8() && one_block(tile);
  }
  if (stored) {
    PanelMatrix w = shape(tiles.count, k, 1);
    const PanelMatrix form = w;
    place(image, w, [form, at = std::move(tiles.at)](std::byte* scales, std::byte* panels, size_t tile) {
      copy_tile(at(tile), form, scales, panels);
    });
    return w;
  }
  PanelMatrix w = shape(tiles.count, map.empty() ? k : static_cast<int64_t>(map.size()), digits);
  const PanelMatrix form = w;
  place(image, w,
        [form, at = std::move(tiles.at), map = std::move(map)](std::byte* scales, std::byte* panels, size_t tile) {
          const TileSource source = at(tile);
          const size_t width = static_cast<size_t>(form.groups) * kGroup;
          std::vector<float> values(kTile * width), row(static_cast<size_t>(source.linear.k));
          for (size_t c = 0; c < kTile; ++c) {
            if (source.rows[c] < 0) continue;
            source.linear.read_row(source.rows[c], row);
            float* to = values.data() + c * width;
            if (map.empty()) std::copy(row.begin(), row.end(), to);
            for (size_t i = 0; i < map.size(); ++i) to[i] = map[i] < 0 ? 0.0f : row[static_cast<size_t>(map[i])];
          }
          quantise_tile(values, form, source.linear.weight->name, scales, panels);
        });
  return w;
}

PanelMatrix pack_transposed(ReadOnlyImage& image, const model::Linear& linear, int64_t first_row, int64_t groups,
                            uint32_t digits) {
  check(linear.k % kTile == 0 && first_row % kGroup == 0, "a transposed matrix starts on a block");
  PanelMatrix w = shape(static_cast<size_t>(linear.k / kTile), groups * kGroup, linear.fp8() ? 1 : digits);
  const PanelMatrix form = w;
  place(image, w, [=](std::byte* scales, std::byte* panels, size_t tile) {
    const auto first = static_cast<int64_t>(tile) * kTile;
    if (linear.fp8()) {
      for (int64_t k = 0; k < groups * kGroup; ++k) {
        const uint8_t* row = linear.codes(first_row + k) + first;
        for (int64_t c = 0; c < kTile; ++c) quad(panels, form, c, k, 0)[k % 4] = static_cast<std::byte>(row[c]);
      }
      for (int64_t g = 0; g < groups; ++g) {
        const float scale = linear.scale_at(first_row / kGroup + g, first / kGroup);
        std::memcpy(scales + g * 4, &scale, 4);
      }
      return;
    }
    const auto width = static_cast<size_t>(groups) * kGroup;
    std::vector<float> values(kTile * width), row(static_cast<size_t>(linear.k));
    for (size_t k = 0; k < width; ++k) {
      linear.read_row(first_row + static_cast<int64_t>(k), row);
      for (size_t c = 0; c < kTile; ++c) values[c * width + k] = row[static_cast<size_t>(first) + c];
    }
    quantise_tile(values, form, linear.weight->name, scales, panels);
  });
  return w;
}

uint64_t pack_vector(ReadOnlyImage& image, const model::Tensor& tensor, std::vector<int64_t> map) {
  const size_t size = map.empty() ? static_cast<size_t>(tensor.shape[0]) : map.size();
  return image.reserve((size + 15) / 16, 1, [&tensor, map = std::move(map)](std::byte* first, size_t) {
    const std::vector<float> given = model::values(tensor);
    std::vector<float> out;
    for (const int64_t i : map) out.push_back(i < 0 ? 0.0f : given[static_cast<size_t>(i)]);
    const std::vector<float>& chosen = map.empty() ? given : out;
    std::memcpy(first, chosen.data(), chosen.size() * sizeof(float));
  });
}

}  // namespace hadal::kernels
