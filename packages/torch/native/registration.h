// The addon's operators, which the dispatcher calls like libtorch's.
#pragma once

#include <torch/library.h>

#include <string>

namespace addon {

// Each file's operators.
void defineBatchNorm(torch::Library& library);
void defineUpdates(torch::Library& library);
void defineConvTranspose(torch::Library& library);
void defineWordAttention(torch::Library& library);
void defineCrossAttention(torch::Library& library);
void defineAttendedBatchNorm(torch::Library& library);
void defineAllReduceSum(torch::Library& library);

/// Registers all of them with the dispatcher, once per process.
void registerOperators();

/// The registered name for this addon's `node_torch::NAME`; other names are returned unchanged.
std::string inOwnNamespace(const std::string& name);

}  // namespace addon
