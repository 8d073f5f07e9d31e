/** Fakes for the tests: folders that look like libtorch, programs, zip archives, a server. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { onTestFinished } from "vitest";

/** A folder that is removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "sdgan-scripts-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface FakeLibtorch {
  version?: string;
  lib?: string;
  /** The content of libc10.so: the names of its symbols. */
  c10?: string;
  /** Libraries beside libtorch_cpu and libc10. */
  more?: string[];
  headers?: boolean;
  libraries?: boolean;
}

/** The files of a fake libtorch, by path. */
export function libtorchFiles({
  version = "2.5.1",
  lib = "lib",
  c10 = "_ZN3c105ErrorC1ENSt7__cxx1112basic_stringE",
  more = [],
  headers = true,
  libraries = true,
}: FakeLibtorch = {}): Record<string, string> {
  const [major, minor, patch] = version.split(".");
  const versionHeader = Object.entries({ MAJOR: major, MINOR: minor, PATCH: patch })
    .map(([part, number]) => `#define TORCH_VERSION_${part} ${number}\n`)
    .join("");
  return {
    ...(headers && {
      "include/ATen/ATen.h": "#if __cplusplus < 201703L\n#error too old\n#endif\n",
      "include/torch/csrc/api/include/torch/version.h": versionHeader,
    }),
    ...(libraries && { [`${lib}/libtorch_cpu.so`]: "", [`${lib}/libc10.so`]: c10 }),
    ...Object.fromEntries(more.map((name) => [`${lib}/${name}`, ""])),
  };
}

export function writeLibtorch(home: string, options?: FakeLibtorch): string {
  writeFiles(home, libtorchFiles(options));
  return home;
}

export function writeFiles(folder: string, files: Record<string, string>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}

/** Makes programs from shell scripts, and an environment with only these on the PATH. */
export function environmentWith(programs: Record<string, string>): NodeJS.ProcessEnv {
  const folder = temporaryFolder();
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  return { PATH: folder };
}

/** A server on this machine, closed after the test. */
export async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/libtorch.zip`;
}

/** A zip archive, compressed. Checksums are zero, because the code under test does not check them. */
export function zip(files: Record<string, string>): Buffer {
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [path, content] of Object.entries(files)) {
    const name = Buffer.from(path);
    const data = deflateRawSync(Buffer.from(content));
    // Both headers share these 26 bytes: version, flags, method 8, time, date, CRC, sizes, name, extra.
    const shared = Buffer.alloc(26);
    shared.writeUInt16LE(20, 0);
    shared.writeUInt16LE(8, 4);
    shared.writeUInt32LE(data.length, 14);
    shared.writeUInt32LE(Buffer.byteLength(content), 18);
    shared.writeUInt16LE(name.length, 22);
    const central = Buffer.alloc(14);
    central.writeUInt32LE(offset, 10);
    const body = Buffer.concat([Buffer.from("PK\x03\x04"), shared, name, data]);
    directory.push(Buffer.concat([Buffer.from("PK\x01\x02\x14\x00"), shared, central, name]));
    bodies.push(body);
    offset += body.length;
  }
  const entries = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(directory.length, 8);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(entries.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...bodies, entries, end]);
}
