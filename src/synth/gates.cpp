// Reader of functions and netlists; evaluation in topological order.
#include "synth/gates.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cctype>
#include <sstream>

#include "base/error.h"

namespace hadal::synth {
namespace {

constexpr int kMaxOperands = 16;
constexpr int kGatedBits = 32;     // that one clock gate serves at most
constexpr size_t kFewestBits = 8;  // that are worth one
constexpr double kGateLoad = 1.5;  // of a gate on the clock, a latch and an AND, in flip-flops

// "\\mem_q[3][40]$_DFFE_PP_", as Yosys names flip-flops: register "\\mem_q[3]" and its part 1; with an enable.
struct RegisterBit {
  std::string word;
  bool enabled = false;
};
RegisterBit register_bit(const std::string& instance) {
  const size_t type = instance.find("$_");
  std::string name = instance.substr(0, type);
  RegisterBit bit;
  bit.enabled = type != std::string::npos && (instance.find("DFFE_", type) != std::string::npos ||
                                              instance.find("DFFCE_", type) != std::string::npos);
  int number = 0;
  if (const size_t open = name.rfind('['); name.ends_with("]")) {
    number = std::atoi(name.c_str() + open + 1);
    name.resize(open);
  }
  bit.word = fmt::format("{} {} {}", name, number / kGatedBits, bit.enabled);
  return bit;
}

// Precedence climbing: '!' and postfix "'", then '^', then '&' '*' or nothing, then '|' '+'.
class FunctionReader {
 public:
  FunctionReader(std::string_view text, const std::vector<std::string>& operands, const std::string& where)
      : text_(text), operands_(operands), where_(where) {}

  template <typename Emit>
  void read(const Emit& emit) {
    sum(emit);
    if (peek() != '\0') fail();
  }

 private:
  [[noreturn]] void fail() const { input_error(where_, "the function '{}' is not understood", text_); }
  char peek() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(std::string_view any) {
    if (peek() == '\0' || any.find(text_[at_]) == std::string_view::npos) return false;
    ++at_;
    return true;
  }
  template <typename Emit>
  void sum(const Emit& emit) {
    product(emit);
    while (take("|+")) {
      product(emit);
      emit('|', 0);
    }
  }
  template <typename Emit>
  void product(const Emit& emit) {
    exclusive(emit);
    for (;;) {
      const char c = peek();
      if (!take("&*") && c != '(' && c != '!' && std::isalnum(static_cast<unsigned char>(c)) == 0) return;
      exclusive(emit);
      emit('&', 0);
    }
  }
  template <typename Emit>
  void exclusive(const Emit& emit) {
    factor(emit);
    while (take("^")) {
      factor(emit);
      emit('^', 0);
    }
  }
  template <typename Emit>
  void factor(const Emit& emit) {
    if (take("!")) {
      factor(emit);
      emit('!', 0);
      return;
    }
    if (take("(")) {
      sum(emit);
      if (!take(")")) fail();
    } else {
      const size_t begin = (peek(), at_);
      while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '_'))
        ++at_;
      const std::string name(text_.substr(begin, at_ - begin));
      const auto found = std::find(operands_.begin(), operands_.end(), name);
      if (found != operands_.end()) {
        emit('v', static_cast<int>(found - operands_.begin()));
      } else if (name == "0" || name == "1") {
        emit(name[0], 0);
      } else {
        fail();
      }
    }
    while (take("'")) emit('!', 0);
  }

  std::string_view text_;
  const std::vector<std::string>& operands_;
  const std::string& where_;
  size_t at_ = 0;
};

// Words of a netlist: escaped names end at a space, punctuation stands alone.
std::vector<std::string> tokens_of(std::string_view text) {
  std::vector<std::string> tokens;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      ++i;
    } else if (text.substr(i, 2) == "/*") {
      i = std::min(text.find("*/", i), text.size() - 2) + 2;
    } else if (text.substr(i, 2) == "//") {
      i = std::min(text.find('\n', i), text.size());
    } else if (std::string_view("(),;=.{}").find(c) != std::string_view::npos) {
      tokens.emplace_back(1, c);
      ++i;
    } else {
      const size_t begin = i;
      if (c == '\\') {
        i = std::min(text.find(' ', i), text.size());
        std::string name(text.substr(begin, i - begin));
        while (i + 1 < text.size() && text[i] == ' ' && text[i + 1] == ' ') ++i;
        if (i + 1 < text.size() && text[i + 1] == '[') {  // a bit of an escaped name
          const size_t end = text.find(']', i);
          name += text.substr(i + 1, end - i);
          i = end + 1;
        }
        tokens.push_back(name);
        continue;
      }
      while (i < text.size() && std::isspace(static_cast<unsigned char>(text[i])) == 0 &&
             std::string_view("(),;={}").find(text[i]) == std::string_view::npos)
        ++i;
      tokens.emplace_back(text.substr(begin, i - begin));
    }
  }
  return tokens;
}

}  // namespace

Function::Function(std::string_view text, const std::vector<std::string>& operands, const std::string& where) {
  FunctionReader(text, operands, where).read([&](char op, int operand) { steps_.push_back({op, operand}); });
}

uint64_t Function::operator()(const uint64_t* operands) const {
  uint64_t stack[32];
  int top = 0;
  for (const Step& s : steps_) {
    switch (s.op) {
      case 'v': stack[top++] = operands[s.operand]; break;
      case '0': stack[top++] = 0; break;
      case '1': stack[top++] = ~uint64_t{0}; break;
      case '!': stack[top - 1] = ~stack[top - 1]; break;
      default: {
        const uint64_t right = stack[--top];
        uint64_t& left = stack[top - 1];
        left = s.op == '&' ? left & right : s.op == '|' ? left | right : left ^ right;
      }
    }
  }
  return stack[0];
}

// A cell, its functions read. Operands are the inputs, then the state and its inverse.
struct Kind {
  std::vector<std::string> inputs, outputs;
  std::vector<Function> functions;
  std::vector<Function> next, clear, preset;  // none or one each
  bool flop = false;
};

int Gates::net(const std::string& name) {
  const auto [at, fresh] = nets_.try_emplace(name, static_cast<int>(values_.size()));
  if (fresh) values_.push_back(name == "1'h1" || name == "1'b1" ? ~uint64_t{0} : 0);
  return at->second;
}

Gates::Gates(std::string_view netlist, const std::map<std::string, Cell>& cells, const std::string& file)
    : file_(file) {
  const std::vector<std::string> t = tokens_of(netlist);
  const auto kind_of = [&](const std::string& name) -> const Kind* {
    auto& kind = kinds_[name];
    if (kind) return kind.get();
    const auto found = cells.find(name);
    if (found == cells.end()) input_error(file, "uses the cell {}, of which the library has no function", name);
    const Cell& cell = found->second;
    kind = std::make_shared<Kind>();
    kind->inputs = cell.inputs;
    std::vector<std::string> operands = cell.inputs;
    kind->flop = !cell.state.empty();
    if (kind->flop) operands.insert(operands.end(), {cell.state, cell.inverse});
    check(operands.size() <= kMaxOperands, "cell {} has {} operands", name, operands.size());
    for (const auto& [pin, function] : cell.outputs) {
      kind->outputs.push_back(pin);
      kind->functions.emplace_back(function, operands, file);
    }
    if (!cell.next.empty()) kind->next.emplace_back(cell.next, operands, file);
    if (!cell.clear.empty()) kind->clear.emplace_back(cell.clear, operands, file);
    if (!cell.preset.empty()) kind->preset.emplace_back(cell.preset, operands, file);
    return kind.get();
  };
  std::map<std::string, size_t> words;
  static const Kind wire{{"a"}, {"y"}, {Function("a", {"a"}, "")}, {}, {}, {}, false};
  size_t i = 0;
  while (i < t.size() && t[i] != ";") ++i;  // the header of the module
  for (++i; i < t.size() && t[i] != "endmodule";) {
    if (t[i] == "wire" || t[i] == "input" || t[i] == "output") {
      if (t[i + 1].starts_with("[")) widths_[t[i + 2]] = std::atoi(t[i + 1].c_str() + 1) + 1;
      while (t[i] != ";") ++i;
      ++i;
    } else if (t[i] == "assign") {
      if (i + 4 >= t.size() || t[i + 2] != "=" || t[i + 4] != ";")
        input_error(file, "the assignment to {} is not of one net to another", t[i + 1]);
      Gate g;
      g.kind = &wire;
      g.inputs = {net(t[i + 3])};
      g.outputs = {net(t[i + 1])};
      gates_.push_back(std::move(g));
      i += 5;
    } else {
      const Kind* kind = kind_of(t[i]);
      if (kind->flop) {
        const RegisterBit bit = register_bit(t[i + 1]);
        const auto [at, fresh] = words.try_emplace(bit.word, words_.size());
        if (fresh) words_.push_back({0, bit.enabled, 0});
        ++words_[at->second].bits;
        word_of_.push_back(at->second);
      }
      Gate g;
      g.kind = kind;
      g.inputs.assign(kind->inputs.size(), net("1'h0"));
      g.outputs.assign(kind->outputs.size(), -1);
      for (i += 3; i < t.size() && t[i] != ";"; ++i) {
        if (!t[i].starts_with(".")) continue;
        // ".", "PIN", "(", "NET", ")"
        const std::string& pin = t[i + 1];
        const std::string& to = t[i + 3];
        const auto input = std::find(kind->inputs.begin(), kind->inputs.end(), pin);
        const auto output = std::find(kind->outputs.begin(), kind->outputs.end(), pin);
        if (to == ")") continue;  // left open
        if (input != kind->inputs.end()) {
          g.inputs[static_cast<size_t>(input - kind->inputs.begin())] = net(to);
        } else if (output != kind->outputs.end()) {
          g.outputs[static_cast<size_t>(output - kind->outputs.begin())] = net(to);
        } else {
          input_error(file, "the cell has no pin {}", pin);
        }
      }
      ++i;
      gates_.push_back(std::move(g));
    }
  }
  // Topological order of what is no flip-flop.
  std::vector<std::vector<size_t>> readers(values_.size());
  std::vector<int> waits(gates_.size(), 0);
  std::vector<int> driver(values_.size(), -1);
  for (size_t g = 0; g < gates_.size(); ++g) {
    for (const int out : gates_[g].outputs) {
      if (out >= 0) driver[static_cast<size_t>(out)] = static_cast<int>(g);
    }
  }
  for (size_t n = 0; n < driver.size(); ++n) {
    if (driver[n] >= 0) driven_.push_back(static_cast<int>(n));
  }
  for (size_t g = 0; g < gates_.size(); ++g) {
    if (gates_[g].kind->flop) {
      flops_.push_back(g);
      const uint64_t zeros[kMaxOperands] = {};
      gates_[g].state = gates_[g].kind->next[0](zeros);
      continue;
    }
    for (const int in : gates_[g].inputs) {
      const int from = driver[static_cast<size_t>(in)];
      if (from < 0 || gates_[static_cast<size_t>(from)].kind->flop) continue;
      ++waits[g];
      readers[static_cast<size_t>(in)].push_back(g);
    }
    if (waits[g] == 0) order_.push_back(g);
  }
  for (size_t k = 0; k < order_.size(); ++k) {
    for (const int out : gates_[order_[k]].outputs) {
      if (out < 0) continue;
      for (const size_t reader : readers[static_cast<size_t>(out)]) {
        if (--waits[reader] == 0) order_.push_back(reader);
      }
    }
  }
  if (order_.size() + flops_.size() != gates_.size()) input_error(file, "has a loop of gates without a flip-flop");
  counted_ = values_;
}

void Gates::set(const std::string& port, int bit, uint64_t runs) {
  const auto at = nets_.find(widths_.contains(port) ? fmt::format("{}[{}]", port, bit) : port);
  if (at != nets_.end()) values_[static_cast<size_t>(at->second)] = runs;  // one that no gate reads is not there
}

bool Gates::has(const std::string& port, int bit) const {
  const auto width = widths_.find(port);
  return width != widths_.end() && bit < width->second;
}

uint64_t Gates::get(const std::string& port, int bit) const {
  const auto at = nets_.find(widths_.contains(port) ? fmt::format("{}[{}]", port, bit) : port);
  check(at != nets_.end(), "{}: no net {}[{}]", file_, port, bit);
  return values_[static_cast<size_t>(at->second)];
}

void Gates::settle() {
  uint64_t operands[kMaxOperands];
  const auto evaluate = [&](Gate& g) {
    size_t n = 0;
    for (const int in : g.inputs) operands[n++] = values_[static_cast<size_t>(in)];
    if (g.kind->flop) {
      operands[n] = g.state;
      operands[n + 1] = ~g.state;
    }
    for (size_t k = 0; k < g.outputs.size(); ++k) {
      if (g.outputs[k] < 0) continue;
      const uint64_t value = g.kind->functions[k](operands);
      values_[static_cast<size_t>(g.outputs[k])] = g.inverted ? ~value : value;
    }
  };
  for (const size_t f : flops_) evaluate(gates_[f]);
  for (const size_t g : order_) evaluate(gates_[g]);
}

int Gates::find(const std::string& net) const {
  const auto at = nets_.find(net);
  return at == nets_.end() ? -1 : at->second;
}

bool Gates::clock() {
  for (const int n : driven_)
    transitions_ +=
        static_cast<uint64_t>(std::popcount(values_[static_cast<size_t>(n)] ^ counted_[static_cast<size_t>(n)]));
  counted_ = values_;
  ++cycles_;
  uint64_t changed = 0, operands[kMaxOperands];
  changed_.assign(words_.size(), 0);
  for (size_t i = 0; i < flops_.size(); ++i) {
    Gate& g = gates_[flops_[i]];
    size_t n = 0;
    for (const int in : g.inputs) operands[n++] = values_[static_cast<size_t>(in)];
    operands[n] = g.state;
    operands[n + 1] = ~g.state;
    uint64_t next = g.kind->next[0](operands);
    if (!g.kind->clear.empty()) next &= ~g.kind->clear[0](operands);
    if (!g.kind->preset.empty()) next |= g.kind->preset[0](operands);
    changed |= next ^ g.state;
    changed_[word_of_[i]] |= next ^ g.state;
    g.state = next;
  }
  for (size_t w = 0; w < words_.size(); ++w) words_[w].changes += static_cast<uint64_t>(std::popcount(changed_[w]));
  return changed != 0;
}

double Gates::activity() const {
  return cycles_ == 0 ? 0
                      : static_cast<double>(transitions_) / 64 / static_cast<double>(cycles_) /
                            static_cast<double>(std::max<size_t>(1, driven_.size()));
}

void Gates::count_from_here() {
  transitions_ = cycles_ = 0;
  for (Word& word : words_) word.changes = 0;
}

Clocking Gates::clocking() const {
  Clocking result;
  double at_work = 0, at_rest = 0;
  for (const Word& word : words_) {
    const auto bits = static_cast<double>(word.bits);
    result.registers += word.bits;
    if (!word.enabled || word.bits < kFewestBits) {
      at_work += bits;
      at_rest += bits;
      continue;
    }
    result.gated += word.bits;
    const double clocked = cycles_ == 0 ? 1 : static_cast<double>(word.changes) / 64 / static_cast<double>(cycles_);
    at_work += bits * clocked + kGateLoad;
    at_rest += kGateLoad;
  }
  if (result.registers == 0) return result;
  result.at_work = at_work / static_cast<double>(result.registers);
  result.at_rest = at_rest / static_cast<double>(result.registers);
  return result;
}

}  // namespace hadal::synth
