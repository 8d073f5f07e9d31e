import { once } from "node:events";
import { Agent } from "node:http";
import { connect, type Socket } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { defaultLimits, type Limits } from "./limits.js";
import { listen, makeApp } from "./listen.js";
import { send } from "./testing/client.js";

/** A server with the addresses /quick, and /slow, whose answer waits for `answer`. */
async function start(limits: Partial<Limits> = {}) {
  const app = makeApp({ ...defaultLimits, ...limits });
  let answer = () => {};
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  app.get("/quick", async () => "quick");
  app.get("/slow", async () => {
    await answered;
    return "slow";
  });
  const url = await listen(app, "127.0.0.1", 0);
  onTestFinished(() => {
    answer();
    app.server.closeAllConnections();
    return app.close();
  });
  return { app, url, answer };
}

/** An open connection, with all that has arrived on it. */
class Client {
  readonly socket: Socket;
  readonly closed: Promise<unknown>;
  text = "";

  private constructor(url: string) {
    this.socket = connect({ port: Number(new URL(url).port), host: "127.0.0.1" });
    this.socket.on("error", () => {});
    this.socket.on("data", (part) => {
      this.text += part;
    });
    this.closed = new Promise((resolve) => this.socket.once("close", resolve));
    onTestFinished(() => void this.socket.destroy());
  }

  static async open(url: string): Promise<Client> {
    const client = new Client(url);
    await once(client.socket, "connect");
    return client;
  }

  async ask(path: string): Promise<void> {
    this.text = "";
    this.socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    await expect.poll(() => this.text || this.socket.closed, { timeout: 10_000 }).toBeTruthy();
  }
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

it("keeps idle connections longer than proxies do, and longer than clients are told", async () => {
  const { app, url } = await start();
  const { headers } = await send(`${url}/quick`, { agent: new Agent({ keepAlive: true }) });
  const told = Number(/^timeout=(\d+)$/.exec(String(headers["keep-alive"]))?.[1]);
  expect(told).toBeGreaterThan(60);
  expect(app.server.keepAliveTimeout / 1000).toBeGreaterThanOrEqual(told + 5);
  const single = await send(`${url}/quick`, { headers: { Connection: "close" } });
  expect([single.headers.connection, single.headers["keep-alive"]]).toEqual(["close", undefined]);
});

it("takes a second request at the time after which the client ends an idle connection", async () => {
  const { url } = await start({ idleMs: 8200 });
  const client = await Client.open(url);
  await client.ask("/quick");
  expect(client.text).toContain("Keep-Alive: timeout=1\r\n");
  await wait(1100);
  await client.ask("/quick");
  expect(client.text).toContain("quick");
});

it("closes the connection that is idle for the longest time for a new one", async () => {
  const { url } = await start({ connections: 3 });
  const [first, second, third] = [await Client.open(url), await Client.open(url), await Client.open(url)];
  for (const client of [first, second, third, first]) await client.ask("/quick");
  const fourth = await Client.open(url);
  await fourth.ask("/quick");
  expect(fourth.text).toContain("quick");
  await second.closed;
  for (const client of [first, third, fourth]) {
    await client.ask("/quick");
    expect(client.text).toContain("quick");
  }
});

it("closes no connection that waits for an answer or sends a request, but the new one", async () => {
  const { url, answer } = await start({ connections: 3 });
  const waiting = await Client.open(url);
  waiting.socket.write("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const sending = await Client.open(url);
  sending.socket.write("GET /quick HTTP/1.1\r\n");
  const idle = await Client.open(url);
  await idle.ask("/quick");
  const begun = await Client.open(url);
  await idle.closed;
  await begun.ask("/quick");
  begun.socket.write("GET /quick HTTP/1.1\r\n");
  await wait(50);
  const waitingToo = await Client.open(url);
  // The beginning of a request is of less worth than a new connection.
  await begun.closed;
  waitingToo.socket.write("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await wait(50);
  await (await Client.open(url)).closed;
  answer();
  sending.socket.write("Host: localhost\r\n\r\n");
  await expect
    .poll(() => [waiting, waitingToo, sending].map(({ text }) => text.slice(-5)), { timeout: 10_000 })
    .toEqual(["\nslow", "\nslow", "quick"]);
});

it("stops at once with idle connections, and answers what it has taken", async () => {
  const { app, url, answer } = await start();
  const idle = await Client.open(url);
  await idle.ask("/quick");
  const unused = await Client.open(url);
  const waiting = await Client.open(url);
  waiting.socket.write("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await wait(50);
  const closed = app.close();
  await Promise.all([idle.closed, unused.closed]);
  expect(waiting.socket.closed).toBe(false);
  answer();
  await waiting.closed;
  expect(waiting.text).toMatch(/Connection: close\r\n.*slow$/s);
  await closed;
}, 20_000);
