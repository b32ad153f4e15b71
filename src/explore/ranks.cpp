// Messages between ranks, over MPI where the build has it.
#include "explore/ranks.h"

#include <cstdlib>
#include <cstring>
#include <string>

#include "base/error.h"
#include "explore/columns.h"

#ifdef HADAL_MPI
#define OMPI_SKIP_MPICXX 1  // the C interface alone
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>
#endif

namespace hadal::explore {

using plan::Evaluation;

std::vector<char> pack(const std::vector<Evaluation>& block) {
  std::vector<char> bytes;
  const auto put = [&](const auto& value) {
    const auto* from = reinterpret_cast<const char*>(&value);
    bytes.insert(bytes.end(), from, from + sizeof(value));
  };
  for (const Evaluation& e : block) {
    put(e.id);
    for (const auto column : kColumns) put(e.*column);
    put(uint64_t{e.refused.size()});
    bytes.insert(bytes.end(), e.refused.begin(), e.refused.end());
  }
  return bytes;
}

std::vector<Evaluation> unpack(const std::vector<char>& bytes) {
  size_t at = 0;
  const auto take = [&](void* to, size_t size) {
    check(size <= bytes.size() - at, "a block of designs ends in the middle of one");
    std::memcpy(to, bytes.data() + at, size);
    at += size;
  };
  std::vector<Evaluation> block;
  while (at < bytes.size()) {
    Evaluation e;
    take(&e.id, sizeof(e.id));
    for (const auto column : kColumns) take(&(e.*column), sizeof(double));
    uint64_t length = 0;
    take(&length, sizeof(length));
    check(length <= bytes.size() - at, "a block of designs ends in the middle of one");
    e.refused.assign(bytes.data() + at, length);
    at += length;
    block.push_back(std::move(e));
  }
  return block;
}

#ifdef HADAL_MPI

namespace {

constexpr int kBlockTag = 1;

// What launchers of Open MPI, of MPICH and of Slurm set. A process that none of them started stays alone, without the
// time it takes to find that out from MPI.
bool launched() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK"}) {
    if (std::getenv(name) != nullptr) return true;
  }
  return false;
}

}  // namespace

Ranks::Ranks() {
  if (!launched()) return;
  int level = 0;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &level);
  joined_ = true;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
  MPI_Comm_size(MPI_COMM_WORLD, &size_);
  if (level < MPI_THREAD_SERIALIZED) {
    input_error("MPI", "does not let threads take turns (MPI_THREAD_SERIALIZED); start hadal without mpirun");
  }
}

Ranks::~Ranks() {
  if (joined_ && abandoned_) MPI_Abort(MPI_COMM_WORLD, 2);
  if (joined_) MPI_Finalize();
}

std::optional<std::vector<uint64_t>> Ranks::share(const std::optional<std::vector<uint64_t>>& ids) const {
  if (!joined_) return ids;
  constexpr uint64_t kNothing = ~uint64_t{0}, kMost = uint64_t{1} << 30;
  uint64_t count = ids ? ids->size() : kNothing;
  check(count == kNothing || count <= kMost, "{} points are more than one message takes", count);
  MPI_Bcast(&count, 1, MPI_UINT64_T, 0, MPI_COMM_WORLD);
  if (count == kNothing) return std::nullopt;
  std::vector<uint64_t> all = first() ? *ids : std::vector<uint64_t>(count);
  MPI_Bcast(all.data(), static_cast<int>(count), MPI_UINT64_T, 0, MPI_COMM_WORLD);
  return all;
}

void Ranks::send(const std::vector<Evaluation>& block) const {
  const std::vector<char> bytes = pack(block);
  MPI_Send(bytes.data(), static_cast<int>(bytes.size()), MPI_BYTE, 0, kBlockTag, MPI_COMM_WORLD);
}

std::optional<std::vector<Evaluation>> Ranks::receive() const {
  if (!joined_) return std::nullopt;
  int there = 0;
  MPI_Status status;
  MPI_Iprobe(MPI_ANY_SOURCE, kBlockTag, MPI_COMM_WORLD, &there, &status);
  if (there == 0) return std::nullopt;
  int size = 0;
  MPI_Get_count(&status, MPI_BYTE, &size);
  std::vector<char> bytes(static_cast<size_t>(size));
  MPI_Recv(bytes.data(), size, MPI_BYTE, status.MPI_SOURCE, kBlockTag, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  return unpack(bytes);
}

#else  // one process

Ranks::Ranks() {
  const char* size = std::getenv("OMPI_COMM_WORLD_SIZE");
  if (size != nullptr && std::string(size) != "1") {
    input_error("mpirun", "started {} processes, and this build has no MPI; install libopenmpi-dev and build again",
                size);
  }
}
Ranks::~Ranks() = default;
std::optional<std::vector<uint64_t>> Ranks::share(const std::optional<std::vector<uint64_t>>& ids) const { return ids; }
void Ranks::send(const std::vector<Evaluation>&) const {}
std::optional<std::vector<Evaluation>> Ranks::receive() const { return std::nullopt; }

#endif

}  // namespace hadal::explore
