// A limiter of @upstash/ratelimit, driven line by line: JSON questions in, JSON answers out.
//
// {"algorithm":"fixed"|"sliding"|"bucket","limit":10,"window":10000,"refill":5,"prefix":"p","id":"alice","cost":1,"now":1700000000000}
import { createInterface } from "node:readline";
import { Ratelimit } from "@upstash/ratelimit";
import { Redis } from "@upstash/redis";

const redis = new Redis({
  url: process.env.UPSTASH_REDIS_REST_URL,
  token: process.env.UPSTASH_REDIS_REST_TOKEN,
});
const limiters = new Map();
const algorithms = {
  fixed: ({ limit, window }) => Ratelimit.fixedWindow(limit, `${window} ms`),
  sliding: ({ limit, window }) => Ratelimit.slidingWindow(limit, `${window} ms`),
  bucket: ({ limit, window, refill }) => Ratelimit.tokenBucket(refill, `${window} ms`, limit),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { algorithm, prefix, id, cost, now, ...numbers } = JSON.parse(line);
  Date.now = () => now;
  const name = JSON.stringify([algorithm, prefix, numbers]);
  if (!limiters.has(name)) {
    const limiter = algorithms[algorithm](numbers);
    // No local cache: every question reaches the store.
    limiters.set(name, new Ratelimit({ redis, limiter, prefix, ephemeralCache: false, timeout: 0 }));
  }
  try {
    const { success, remaining, reset } = await limiters.get(name).limit(id, { rate: cost });
    console.log(JSON.stringify({ success, remaining, reset }));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }));
  }
}
