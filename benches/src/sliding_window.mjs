// Prints how @upstash/ratelimit calls Redis for its sliding window, as it goes over the wire: what loads the script
// (`load`) and what runs it (`call`).
import { createHash } from "node:crypto";
import { Ratelimit } from "@upstash/ratelimit";

const packed = (words) =>
  [`*${words.length}\r\n`, ...words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`)].join("");

const redis = {
  evalsha: async () => {
    throw new Error("NOSCRIPT");
  },
  eval: async (script, keys, values) => {
    // Redis refuses the flag of Upstash.
    const plain = script.replace(/^#!lua.*\n/, "\n");
    const sha = createHash("sha1").update(plain).digest("hex");
    const words = ["EVALSHA", sha, keys.length, ...keys, ...values].map(String);
    process.stdout.write(packed(process.argv[2] === "load" ? ["SCRIPT", "LOAD", plain] : words));
    return [1, 1];
  },
};
const limiter = Ratelimit.slidingWindow(4_000_000_000, "1 h");
await new Ratelimit({ redis, limiter, ephemeralCache: false, analytics: false, timeout: 0 }).limit("user-0");
