import { keep, type nn, noGrad } from "@sdgan/torch";

/**
 * Saves the buffers of networks, such as the running statistics of BN and the vectors of spectral normalization, and
 * restores them when it is disposed of.
 */
export function keepBuffers(networks: readonly nn.Module[]): Disposable {
  const kept = networks.flatMap((network) =>
    Array.from(network.namedBuffers(), ([, buffer]) => ({ buffer, before: keep(buffer.clone()) })),
  );
  return {
    [Symbol.dispose]() {
      noGrad(() => {
        for (const { buffer, before } of kept) {
          buffer.copy_(before);
          before.dispose();
        }
      });
    },
  };
}
