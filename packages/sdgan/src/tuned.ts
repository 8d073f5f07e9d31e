/**
 * Sets the process up for libtorch as training and generating want it: imported for this alone, before everything that
 * needs libtorch. A process that has loaded libtorch already is left as it is.
 */
import { libtorchIsLoaded, tuneProcess } from "@sdgan/torch/host";

if (!libtorchIsLoaded()) tuneProcess();
