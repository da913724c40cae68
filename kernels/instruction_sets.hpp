// Which instruction sets this machine has, and which of them the inner loops run on.
#pragma once

#include <vector>

#include "tiles.hpp"

namespace mtml {

// Those that this machine has, the fastest first, and the one in use: at first the fastest.
std::vector<const InstructionSet*> instruction_sets();
const InstructionSet& instruction_set();
void use_instruction_set(const InstructionSet& set);

}  // namespace mtml
