import type { ModelManifest } from "@sdgan/core";
export function modelCard(manifest: ModelManifest, _: object): string {
  return `# ${manifest.name}\n`;
}
