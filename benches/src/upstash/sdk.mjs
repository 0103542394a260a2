// Reads with @upstash/redis, whose auto-pipelining is on by default. A line in, `callers calls`, is a round; a line out,
// its seconds.
import { createInterface } from "node:readline";
import { Redis } from "@upstash/redis";

const keys = process.env.KEYS.split(" ");
const redis = Redis.fromEnv({ enableTelemetry: false });

for await (const line of createInterface({ input: process.stdin })) {
  const [callers, calls] = line.split(" ").map(Number);
  const start = performance.now();
  await Promise.all(
    Array.from({ length: callers }, async (_, at) => {
      for (let call = 0; call < calls; call++) {
        if ((await redis.get(keys[at])) === null) throw new Error("a key that was put");
      }
    }),
  );
  console.log((performance.now() - start) / 1000);
}
