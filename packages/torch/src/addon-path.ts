import { addonPath } from "@sdgan/addons/addon-path";

/** Where set-up put libtorch's addon for this package. */
export function pathOfAddon(): string {
  return addonPath(new URL("..", import.meta.url));
}
