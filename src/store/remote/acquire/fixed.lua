-- One take from a fixed window of @upstash/ratelimit, the commonest claim on one: the count goes up first, and back
-- down where it does not fit. The cost is at least one and fits the limit, so a new key always fits: what goes back
-- down has its time to live already. A count beyond 2^53 is none, as in `claims`: replies are doubles here.
--
-- KEYS: the window. ARGV: the cost, the limit, the window in ms. Answers the count, also if it is beyond the limit.
local count = redis.call('INCRBY', KEYS[1], ARGV[1])
if count > ARGV[2] + 0 or count < -9007199254740992 then
  redis.call('DECRBY', KEYS[1], ARGV[1])
  if count > 9007199254740992 or count < -9007199254740992 then
    return redis.error_reply('ERR value is not an integer or out of range')
  end
elseif count == ARGV[1] + 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return count
