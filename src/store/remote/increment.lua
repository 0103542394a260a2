-- Adds to a counter, and gives a new one its time to live.
local sum = redis.call('INCRBY', KEYS[1], ARGV[1])
-- Replies are doubles here: beyond 2^53, the number is only known as text.
if sum >= 9007199254740992 or sum <= -9007199254740992 then
  sum = redis.call('GET', KEYS[1])
end
-- A counter is as large as what was added when it is new, and by coincidence; NX prolongs nothing then.
if sum == ARGV[1] or sum == tonumber(ARGV[1]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[2], 'NX')
end
return sum
