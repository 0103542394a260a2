-- Counts what the script runs: every command is billed, and one that writes once in each region.
local reads, writes = 0, 0

local function read(...)
  reads = reads + 1
  return redis.call(...)
end

local function write(...)
  writes = writes + 1
  return redis.call(...)
end

