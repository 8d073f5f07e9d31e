import { addonPath } from "@sdgan/addons/addon-path";

/** Where set-up put the addon for this package. */
export function pathOfAddon(): string {
  return addonPath(new URL("..", import.meta.url));
}
