-- One take from a fixed window of @upstash/ratelimit, the commonest claim on one: the count goes up first, and back
-- down where it does not fit. The cost is at least one and fits the limit, so a new key always fits: what goes back
-- down has its time to live already.
--
-- KEYS: the window. ARGV: the cost, the limit, the window in ms. Answers the count, also if it is beyond the limit.
local count = redis.call('INCRBY', KEYS[1], ARGV[1])
if count > ARGV[2] + 0 then
  redis.call('DECRBY', KEYS[1], ARGV[1])
elseif count == ARGV[1] + 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return count
