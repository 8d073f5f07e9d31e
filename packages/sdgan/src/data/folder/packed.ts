import { describeImpostor } from "@sdgan/core";

/**
 * What a file is that should be a tar file, from its first bytes, with the remedy: compressed, an archive of
 * another kind, a Git LFS pointer or a web page. Undefined for any other content. 1,024 bytes are enough.
 */
export function describePacked(start: Buffer): string | undefined {
  const impostor = describeImpostor(start);
  if (impostor !== undefined) return impostor;
  const kind = KINDS.find(({ magic }) => start.subarray(0, magic.length).equals(magic));
  return kind?.problem;
}

const compressed = (command: string) =>
  `is compressed. Unpack it with ${command} first, and give the tar file that this makes.`;
const archive = (name: string) =>
  `is ${name}, not a tar file. Unpack it, and give the folder that this makes.`;

const KINDS = [
  { magic: Buffer.of(0x1f, 0x8b), problem: compressed("gunzip") },
  { magic: Buffer.from("BZh"), problem: compressed("bunzip2") },
  { magic: Buffer.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00), problem: compressed("unxz") },
  { magic: Buffer.of(0x28, 0xb5, 0x2f, 0xfd), problem: compressed("unzstd") },
  { magic: Buffer.from("PK\x03\x04"), problem: archive("a zip file") },
  { magic: Buffer.from("PK\x05\x06"), problem: archive("an empty zip file") },
  { magic: Buffer.from("Rar!"), problem: archive("a rar file") },
  { magic: Buffer.of(0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c), problem: archive("a 7z file") },
];
