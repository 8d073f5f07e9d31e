import { expect, it } from "vitest";
import { isLoopback, isOwnHost, isOwnOrigin } from "./hosts.js";

it("knows the addresses of this machine alone", () => {
  expect(["127.0.0.1", "127.1.2.3", "::1", "localhost"].map(isLoopback)).not.toContain(false);
  expect(
    ["0.0.0.0", "::", "192.168.0.1", "127.0.0.1.example.org", "128.0.0.1", ""].map(isLoopback),
  ).not.toContain(true);
});

it.each([
  ["localhost:8080", true],
  ["LOCALHOST", true],
  ["127.0.0.1:8080", true],
  ["[::1]:8080", true],
  ["192.168.1.5", true],
  ["images.example.org:443", true],
  ["example.org", false],
  ["evil.images.example.org", false],
  ["localhost.example.org", false],
  ["127.0.0.1.example.org", false],
  ["localhost:8080@example.org", false],
  ["localhost:", false],
  ["", false],
  [undefined, false],
])("a request to the host %j is answered: %j", (header, expected) => {
  expect(isOwnHost(header, ["images.example.org"])).toBe(expected);
});

it.each([
  [undefined, true],
  ["http://localhost:8080", true],
  ["https://localhost:8080", true],
  ["https://page.example.org", true],
  ["http://page.example.org", false],
  ["http://localhost:8081", false],
  ["http://localhost:8080.example.org", false],
  ["null", false],
  ["", false],
])("a page of the origin %j may call: %j", (origin, expected) => {
  expect(isOwnOrigin(origin, "localhost:8080", ["https://page.example.org"])).toBe(expected);
});
