// The loops with vectors of four numbers, which every processor has.
#include "kernels.h"

#define LEVEL base
#define LANES 4
#include "kernels_of_level.h"

namespace addon {

extern const Kernels kernelsBase;
const Kernels kernelsBase = base::table();

}  // namespace addon
