// The boundary between this program and the Verilated cores: plain data, so that either side can be built alone.
// Lines are 64 bytes, little-endian words. What the signals mean: rtl/hadal_core.sv.
#pragma once

#include <cstdint>

extern "C" {

struct HadalRtlPort {  // of one core
  // To the core
  uint64_t boot_line;
  uint32_t boot_lines;
  uint8_t ar_ready, r_valid, r_id, aw_ready, w_ready, b_valid;
  uint32_t r_data[16];
  // From the core
  uint8_t done, fault, ar_valid, ar_id, aw_valid, w_valid;
  uint64_t ar_line, aw_line;
  uint32_t w_data[16];
  uint32_t t_pc;
  uint8_t t_issue, t_done;        // a bit a unit
  uint8_t t_write, t_acc;         // a bit a writer: LD, network, MM, VX
  uint8_t t_half, t_from, t_end;  // MM: half of the line; network: the sender; ST: w_data ends an instruction
  uint16_t t_line[4];
  uint64_t t_strb;         // VX: bytes of the line
  uint32_t t_data[4][16];  // MM: in the first half
};

// A model has `cores` ports. A cycle is settle (inputs in, outputs out) and then edge.
void* hadal_rtl_new(void);
void hadal_rtl_delete(void* model);
int hadal_rtl_cores(void* model);
void hadal_rtl_reset(void* model, int active);
void hadal_rtl_settle(void* model, struct HadalRtlPort* ports);
void hadal_rtl_edge(void* model);
// Chooses a mutant of a model that was built with mutations; 0 is the RTL as it is.
void hadal_rtl_mutant(void* model, int number);
// A waveform from now on, or its end with a null path. 0 when the model was built without waveforms.
int hadal_rtl_trace(void* model, const char* path);
}
