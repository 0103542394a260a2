// Uses the official SDKs as applications do, and fails where they see anything but Upstash.
import assert from "node:assert/strict";
import { Ratelimit } from "@upstash/ratelimit";
import { Redis } from "@upstash/redis";

setTimeout(() => assert.fail("an answer did not come"), 90_000).unref();
const redis = Redis.fromEnv();
let identifiers = 0;
const identifier = () => `user-${identifiers++}`;

await redis.flushdb();

// Values.
assert.equal(await redis.set("text", "hällo €"), "OK");
assert.equal(await redis.get("text"), "hällo €");
assert.equal(await redis.get("none"), null);
assert.equal(await redis.set("json", { a: [1, 2.5, null], b: "x" }, { ex: 100 }), "OK");
assert.deepEqual(await redis.get("json"), { a: [1, 2.5, null], b: "x" });
assert.equal(await redis.ttl("json"), 100);
assert.equal(await redis.set("OK", "OK"), "OK");
assert.equal(await redis.get("OK"), "OK");
assert.equal(await redis.set("number", 1.5), "OK");
assert.equal(await redis.incrbyfloat("number", 1), 2.5);
assert.equal(await redis.hset("hash", { a: 1, b: { c: true } }), 2);
assert.deepEqual(await redis.hgetall("hash"), { a: 1, b: { c: true } });
assert.deepEqual(await redis.zadd("sorted", { score: 1.5, member: "m" }), 1);
assert.deepEqual(await redis.zrange("sorted", 0, -1, { withScores: true }), ["m", 1.5]);
assert.deepEqual(await redis.mget("text", "none"), ["hällo €", null]);
assert.equal((await redis.scan(0, { match: "hash" })).length, 2);
await assert.rejects(redis.lpush("text", "x"), /WRONGTYPE/);

// Pipelines and transactions.
const pipeline = redis.pipeline().set("p", 1).incr("p").lpop("p");
const results = await pipeline.exec({ keepErrors: true });
assert.equal(results[0].result, "OK");
assert.equal(results[1].result, 2);
assert.match(results[2].error, /WRONGTYPE/);
assert.deepEqual(await redis.multi().set("m", 1).incr("m").get("m").exec(), ["OK", 2, 2]);
await assert.rejects(redis.multi().set("m", 9).exec().then(() => redis.multi().lpop("m").exec()), /WRONGTYPE/);
const many = await Promise.all(Array.from({ length: 50 }, (_, n) => redis.incrby("auto", n)));
assert.equal(many.at(-1), 1225);

// Scripts.
const script = "#!lua flags=allow-key-locking\nreturn {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}";
const sha = await redis.scriptLoad(script);
assert.deepEqual(await redis.scriptExists(sha), [1]);
assert.deepEqual(await redis.eval(script, ["counter"], ["x"]), ["counter", "x", 1]);
assert.deepEqual(await redis.evalsha(sha, ["counter"], ["x"]), ["counter", "x", 2]);
await assert.rejects(redis.evalsha("0".repeat(40), [], []), /NOSCRIPT/);
assert.equal(await redis.scriptFlush(), "OK");
const lazy = redis.createScript("return ARGV[1]");
assert.equal(await lazy.exec([], ["again"]), "again");

// Read your writes: each answer brings a token, the next request takes it along.
const tokens = [];
const send = globalThis.fetch;
globalThis.fetch = async (url, options) => {
  const response = await send(url, options);
  const headers = new Headers(options.headers);
  tokens.push({ sent: headers.get("upstash-sync-token"), received: response.headers.get("upstash-sync-token") });
  return response;
};
const tracked = new Redis({
  url: process.env.UPSTASH_REDIS_REST_URL,
  token: process.env.UPSTASH_REDIS_REST_TOKEN,
  readYourWrites: true,
});
await tracked.set("sync", 1);
await tracked.get("sync");
await tracked.get("sync");
assert.ok(tokens[0].received);
assert.equal(tokens[1].sent, tokens[0].received);
assert.equal(tokens[2].sent, tokens[1].received);
assert.notEqual(tokens[2].received, tokens[1].received);
globalThis.fetch = send;

// Events.
const next = (emitter, name) => new Promise((resolve) => emitter.on(name, resolve));
const channel = redis.subscribe("channel");
await next(channel, "subscribe");
const message = next(channel, "message");
assert.equal(await redis.publish("channel", { hello: "you" }), 1);
assert.deepEqual(await message, { channel: "channel", message: { hello: "you" } });
await channel.unsubscribe();
const pattern = redis.psubscribe("chan*");
await next(pattern, "psubscribe");
const matched = next(pattern, "pmessage");
// Messages of patterns have to be JSON for the SDK.
await redis.publish("channel-2", { hello: "all" });
assert.deepEqual(await matched, { pattern: "chan*", channel: "channel-2", message: { hello: "all" } });
await pattern.unsubscribe();

// The limiters, each with a process-wide cache of blocked identifiers off.
const limiters = {
  fixed: Ratelimit.fixedWindow(3, "60 s"),
  sliding: Ratelimit.slidingWindow(3, "60 s"),
  bucket: Ratelimit.tokenBucket(1, "60 s", 3),
};
// A window must not end in the middle.
const left = 60_000 - (Date.now() % 60_000);
if (left < 5_000) await new Promise((resolve) => setTimeout(resolve, left));
for (const [name, limiter] of Object.entries(limiters)) {
  const options = { redis, limiter, prefix: `limit-${name}`, ephemeralCache: false, analytics: false, enableProtection: false };
  const limit = new Ratelimit(options);
  const id = identifier();
  assert.equal((await limit.getRemaining(id)).remaining, 3, name);
  for (const remaining of [2, 1, 0]) {
    const answer = await limit.limit(id);
    assert.equal(answer.success, true, name);
    assert.equal(answer.remaining, remaining, name);
    assert.equal(answer.limit, 3, name);
    assert.ok(answer.reset > Date.now(), name);
  }
  assert.equal((await limit.limit(id)).success, false, name);
  assert.ok((await limit.getRemaining(id)).remaining <= 0, name);
  assert.ok((await redis.keys(`limit-${name}:${id}*`)).length > 0, name);
  await limit.resetUsedTokens(id);
  assert.deepEqual(await limit.limit(id, { rate: 2 }).then((a) => [a.success, a.remaining]), [true, 1], name);
  assert.equal((await limit.limit(id, { rate: -1 })).remaining, 2, name);

  // Many at once are counted exactly.
  const crowd = identifier();
  const answers = await Promise.all(Array.from({ length: 10 }, () => limit.limit(crowd)));
  assert.equal(answers.filter((answer) => answer.success).length, 3, name);

  // And found again after the scripts are lost.
  await redis.scriptFlush();
  assert.equal((await limit.limit(identifier())).success, true, name);
}

const dynamic = new Ratelimit({ redis, limiter: limiters.fixed, prefix: "dynamic", ephemeralCache: false, dynamicLimits: true });
await dynamic.setDynamicLimit({ limit: 1 });
const id = identifier();
assert.equal((await dynamic.limit(id)).success, true);
assert.equal((await dynamic.limit(id)).success, false);

const short = new Ratelimit({ redis, limiter: Ratelimit.fixedWindow(1, "1 s"), prefix: "short" });
assert.equal((await short.blockUntilReady("id", 3_000)).success, true);
assert.equal((await short.blockUntilReady("id", 3_000)).success, true);

console.log("the SDKs see Upstash");
