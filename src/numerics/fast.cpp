// The functions the simulators call.
#include "numerics/numerics.h"
namespace hadal::num {
void alu(AluOp f, Tile d, Tile a, Tile b, Bcast bc, int rows, int cols) { reference::alu(f, d, a, b, bc, rows, cols); }
void mula(Tile d, Tile a, Tile b, Bcast bc, int rows, int cols) { reference::mula(d, a, b, bc, rows, cols); }
void sfu(SfuOp f, Tile d, Tile a, int rows, int cols) { reference::sfu(f, d, a, rows, cols); }
void reduce(RedOp f, Tile d, Tile a, int rows, int cols) { reference::reduce(f, d, a, rows, cols); }
void quantise(QuantTile d, Tile a, int rows, int cols, int digits, int group, int emin) {
  reference::quantise(d, a, rows, cols, digits, group, emin);
}
void dequantise(Tile d, QuantTile a, int rows, int cols, int group) { reference::dequantise(d, a, rows, cols, group); }
const char* target_name() { return "reference"; }
}  // namespace hadal::num
