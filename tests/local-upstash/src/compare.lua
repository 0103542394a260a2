-- local-upstash: SET and DELEX under a condition. KEYS: key; ARGV: SET or DEL, condition, compared value, arguments of SET.
-- Replies whether it wrote and the reply of Upstash.
local held = redis.call('GET', KEYS[1])
local met
if ARGV[2] == 'IFEQ' then met = held == ARGV[3] end
if ARGV[2] == 'IFNE' then met = held ~= ARGV[3] end
if ARGV[2] == 'ABSENT' then met = not held end
if ARGV[1] == 'DEL' then
  if held and met then return { 1, redis.call('DEL', KEYS[1]) } end
  return { 0, 0 }
end
if met then return { 1, redis.call('SET', KEYS[1], unpack(ARGV, 4)) } end
for place = 5, #ARGV do
  if string.upper(ARGV[place]) == 'GET' then return { 0, held } end
end
return { 0, false }
