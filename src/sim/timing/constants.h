// Choices of the timing model that a chip description does not make, in cycles unless named otherwise.
// docs/timing.md gives the reason of each; the RTL is built to the same numbers.
#pragma once

#include <cstdint>

namespace hadal::sim::timing {

using Cycle = uint64_t;
inline constexpr Cycle kNever = ~Cycle{0} >> 10;  // leaves room for a slot number in the scheduler's keys

// CTL
inline constexpr Cycle kDispatchCycles = 1;  // dispatch to the earliest issue in the unit
inline constexpr Cycle kLdrCycles = 5;       // address, SPM read (3), shift and write back; CTL waits
inline constexpr Cycle kSkipCycles = 2;      // SKIPZ that skips: itself and one refill bubble
inline constexpr int kInstructionBytes = 16;
inline constexpr int kFetchOutstanding = 16;  // instruction bursts in flight
inline constexpr Cycle kFetchHorizon = 128;   // cycles ahead of CTL for which fetches are booked
inline constexpr int kFetchImemShare = 2;     // 1/n of the instruction memory may hold instructions fetched ahead

// Units
inline constexpr Cycle kPostCycles = 1;  // visible write to a semaphore that a wait can see
inline constexpr Cycle kSpmReadCycles = 3;
inline constexpr Cycle kSpmWriteCycles = 2;
inline constexpr Cycle kAccTurnaround = 6;  // MM: fix-up read of an accumulator to the next read of the same one

// VX
inline constexpr int kArchLanes = 128;       // lanes of a reduction, whatever the chip has
inline constexpr Cycle kVxIssueCycles = 1;   // address generators load between two instructions
inline constexpr Cycle kAddCycles = 2;       // FP32 adder pipeline: a lane's running sum, a second rounding
inline constexpr Cycle kSumTreeCycles = 10;  // VRED.SUM: folds and tree beyond an ALU operation
inline constexpr Cycle kSfuExtraCycles = 4;  // table read, two multiplies and the normalisation beyond an ALU operation
inline constexpr Cycle kQuantiseExtraCycles = 2;  // VQNT: three stages a digit, and the digits of a line together
inline constexpr Cycle kPortDCycles = 2;     // VMULA, SEL: first read of d after the start, last write before the next
inline constexpr int kWritesInFlight = 8;    // results on their way that the interlock can compare with
inline constexpr int kTransposeSide = 32;    // words a side of the transpose buffer, where there are so many lanes
inline constexpr Cycle kTransposeAhead = 2;  // a block's first column leaves while its last row comes in
inline constexpr int kLanesPerHistogram = 16;   // HIST: a copy of the histogram, and an element a cycle, for 16 lanes
inline constexpr Cycle kCompressEndCycles = 3;  // COMPRESS: the last line of a row, its count, the turn to the next
inline constexpr int kCompressWidth = 16;       // COMPRESS: elements through the prefix network a cycle
inline constexpr int kHistogramLines = 16;      // 256 counts written back at the end of a row

// DMA, NoC
inline constexpr Cycle kSlotCycles = 1;        // an answer leaves its buffer, and the next request may take its place
inline constexpr Cycle kLdxCycles = 4;         // E2M1 expander pipeline
inline constexpr int kTransfersUnderWay = 16;  // instructions of LD, and of ST, that have begun and not ended
inline constexpr int kSendsUnderWay = 4;       // the same of NX
inline constexpr int kPacketBytes = 256;
inline constexpr int kPacketsInFlight = 16;    // end-to-end credits of NX
inline constexpr Cycle kRemotePostCycles = 2;  // unit to its router, router to a semaphore
inline constexpr Cycle kLookahead = 32;        // a request stream may run this far ahead of the global order

// Bank conflicts: two units that meet in a bank lose a cycle, each of them half of the time.
inline constexpr int kShareOne = 1024;  // share of a memory's bandwidth, fixed point
inline constexpr int kConflictDivisor = 2;

// DRAM
inline constexpr int kTickShift = 8;                 // ticks of 1/256 cycle
inline constexpr int kBucketShift = kTickShift + 5;  // the data bus is booked in buckets of 32 cycles
inline constexpr int kRowsRemembered = 2;            // rows a bank closed recently that a request may still join
inline constexpr int kWriteBatch = 16;               // writes the controller drains between two bus turnarounds
inline constexpr int kActivatesPerRcd = 4;           // tRRD = tRCD / 4 (3.5 ns for HBM2e)

}  // namespace hadal::sim::timing
