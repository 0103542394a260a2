// Asks @upstash/ratelimit so many times, one by one: `node limits.mjs fixedWindow 20`.
import { Ratelimit } from "@upstash/ratelimit";
import { Redis } from "@upstash/redis";

const [algorithm, calls] = process.argv.slice(2);
const ratelimit = new Ratelimit({
  redis: Redis.fromEnv({ enableTelemetry: false }),
  limiter: Ratelimit[algorithm](1_000_000, "1 d"),
  prefix: algorithm,
  ephemeralCache: false,
  analytics: false,
  timeout: 0,
});
for (let call = 0; call < Number(calls); call++) {
  const { success } = await ratelimit.limit("203.0.113.9");
  if (!success) throw new Error("a limit that is never reached");
}
