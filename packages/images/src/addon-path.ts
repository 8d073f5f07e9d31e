import { addonPath } from "@sdgan/addons/addon-path";

/** The path of this package's addon, which set-up built. */
export function pathOfAddon(): string {
  return addonPath(new URL("..", import.meta.url));
}
