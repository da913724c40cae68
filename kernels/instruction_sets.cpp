// Which instruction sets this machine has, and which of them the inner loops run on.
#include <atomic>

#include "instruction_sets.hpp"

namespace mtml {
namespace {

std::atomic<const InstructionSet*> in_use{nullptr};

}  // namespace

std::vector<const InstructionSet*> instruction_sets() {
  std::vector<const InstructionSet*> sets;
#ifdef MTML_X86
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    if (__builtin_cpu_supports("avx512f")) sets.push_back(&avx512_set);
    sets.push_back(&avx2_set);
  }
#endif
  sets.push_back(&baseline_set);
  return sets;
}

const InstructionSet& instruction_set() {
  const auto* chosen = in_use.load();
  if (!chosen) in_use = chosen = instruction_sets().front();
  return *chosen;
}

void use_instruction_set(const InstructionSet& set) { in_use = &set; }

}  // namespace mtml
