// Operators of our own, which the dispatcher calls as it calls libtorch's.
#pragma once

#include <torch/library.h>

#include <string>

namespace addon {

// Each file's operators.
void defineBatchNorm(torch::Library& library);
void defineAdam(torch::Library& library);
void defineConvTranspose(torch::Library& library);
void defineWordAttention(torch::Library& library);

/// Makes all of them known to the dispatcher, once in a process.
void registerOperators();

/// `node_torch::NAME` as this addon has registered it; every other name as it is.
std::string inOwnNamespace(const std::string& name);

}  // namespace addon
