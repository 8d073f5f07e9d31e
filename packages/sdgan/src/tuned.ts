/**
 * Sets the process up for training and generation with libtorch. Imported for this side effect, before every module that
 * needs libtorch. Does nothing if the process has loaded libtorch already.
 */
import { libtorchIsLoaded, tuneProcess } from "@sdgan/torch/host";

if (!libtorchIsLoaded()) tuneProcess();
