import { addonPath, setupCommand } from "@sdgan/addons/addon-path";

const folder = new URL("..", import.meta.url);

/** The path of this package's addon, which set-up built. */
export function pathOfAddon(): string {
  return addonPath(folder);
}

/** The command that builds the addon, for messages. */
export const setup = setupCommand(folder);
