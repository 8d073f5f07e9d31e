/**
 * For tests whose files share a process: every file begins with libtorch's default seed, as a process of its own does, so
 * that its random numbers do not depend on the files before it.
 */
import { manualSeed } from "../random.js";

manualSeed(67_280_421_310_721);
