// A mapped netlist as gates that are evaluated once a cycle, 64 independent runs side by side in the bits of a word.
// No delays, so no glitches: what it counts is what has to change.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "synth/liberty.h"

namespace hadal::synth {

// A Boolean function of liberty ("(A B)", "!(A * B)", "A' + B ^ C") over numbered operands.
class Function {
 public:
  // `operands` are the names that may occur. Throws an input error (`where`) on anything else.
  Function(std::string_view text, const std::vector<std::string>& operands, const std::string& where);
  uint64_t operator()(const uint64_t* operands) const;

 private:
  struct Step {
    char op = 0;  // 'v' operand, '0', '1', '!', '&', '|', '^'
    int operand = 0;
  };
  std::vector<Step> steps_;  // postfix
};

struct Kind;

// What gates in the clock would leave of it: one gate for each word of a register that has an enable.
struct Clocking {
  size_t registers = 0;  // bits
  size_t gated = 0;      // of them, behind such a gate
  double at_work = 1;    // share of the clock that is left in the cycles counted
  double at_rest = 1;    // and while nothing changes
};

class Gates {
 public:
  // A netlist of one module as Yosys writes it with `splitnets` and `-noexpr`. `file` is for messages.
  Gates(std::string_view netlist, const std::map<std::string, Cell>& cells, const std::string& file);

  // Bit `bit` of a port; a port of one bit has bit 0.
  void set(const std::string& port, int bit, uint64_t runs);
  uint64_t get(const std::string& port, int bit) const;
  bool has(const std::string& port, int bit) const;
  // The same by number, for those who do it often: find() gives -1 for a net that no gate reads or drives.
  int find(const std::string& net) const;
  void set(int net, uint64_t runs) { values_[static_cast<size_t>(net)] = runs; }
  uint64_t get(int net) const { return values_[static_cast<size_t>(net)]; }
  // A cycle: what has no state follows its inputs, then every flip-flop takes its next state. clock() says whether one
  // changed. At first a flip-flop holds what a 0 at its inputs gives.
  void settle();
  bool clock();
  void cycle() {
    settle();
    clock();
  }

  size_t gates() const { return gates_.size(); }
  // A fault: the outputs of gate `number` (from 0, in the order of the text) are inverted from now on.
  void invert(size_t number) { gates_.at(number).inverted = true; }
  // Transitions a net and cycle, over all nets that a gate drives and all cycles since count_from_here().
  double activity() const;
  void count_from_here();
  // A word counts as clocked in the cycles in which one of its bits changes.
  Clocking clocking() const;

 private:
  struct Gate {
    std::vector<int> inputs;  // nets
    std::vector<int> outputs;
    const Kind* kind = nullptr;
    uint64_t state = 0;
    bool inverted = false;
  };
  int net(const std::string& name);
  std::string file_;
  std::map<std::string, int> nets_;
  std::map<std::string, int> widths_;  // of ports with more than one bit
  std::vector<uint64_t> values_, counted_;
  std::vector<Gate> gates_;
  std::vector<size_t> order_, flops_;
  std::map<std::string, std::shared_ptr<Kind>> kinds_;
  uint64_t transitions_ = 0, cycles_ = 0;
  std::vector<int> driven_;  // nets that a gate drives
  struct Word {
    size_t bits = 0;
    bool enabled = false;
    uint64_t changes = 0;  // cycles, over all runs
  };
  std::vector<Word> words_;
  std::vector<size_t> word_of_;  // by flip-flop, as in flops_
  std::vector<uint64_t> changed_;
};

}  // namespace hadal::synth
