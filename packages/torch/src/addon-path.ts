import { addonPath, setupCommand } from "@sdgan/addons/addon-path";

const folder = new URL("..", import.meta.url);

/** Where set-up put libtorch's addon for this package. */
export function pathOfAddon(): string {
  return addonPath(folder);
}

/** The command that builds it, for messages. */
export const setup = setupCommand(folder);
