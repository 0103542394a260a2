-- One take by GCRA, where a unit is a whole number of microseconds: the commonest claim, as the script in `claims` decides
-- it, in its format, and a quarter cheaper.
--
-- KEYS: the key. ARGV: the client's time in µs, or '' for the server's; the window in µs, the capacity, the cost, which is
-- at least one; the limit, if it is not the capacity. Answers as that script.
local now, grace = ARGV[1], 10000
if now == '' then
  local time = redis.call('TIME')
  now, grace = time[1] * 1000000 + time[2], 1
else
  now = now + 0
end
local kept = redis.call('MGET', KEYS[1])[1]
local capacity, cost = ARGV[3] + 0, ARGV[4]
local unit = ARGV[2] / (ARGV[5] or capacity)
cost = cost == '1' and 1 or cost + 0

local taken, foreign, of, window = 0, nil, nil, nil
if kept then
  local version, letter = string.byte(kept, 1, 2)
  local expires = version == 49 and (letter == 103 or letter == 120) and tonumber(string.sub(kept, 3, 18)) -- 1, g, x
  -- A part of a microsecond is of another limit, and rounded up.
  if expires and expires > now and expires <= 9637919254740992 then
    taken = expires - now
    if letter == 120 then
      return { 0, cost > capacity and -1 or taken, 0, taken, 9007199254740992 }
    end
    if string.sub(kept, 20) ~= ARGV[2] then
      window, of = ARGV[2] + 0, tonumber(string.match(kept, ':(%d+)$', 19))
      if of and of ~= window and of >= 1 and of <= 315360000000000 then
        local rounded
        foreign = taken
        taken, rounded = share_of(taken, window, of)
        taken = rounded and taken + 1 or taken
      end
    end
  end
end
local room = unit * capacity - taken
local available = room > 0 and math.floor(room / unit) or 0
if cost > capacity then
  return { 0, -1, available, foreign or taken, now }
elseif cost > available then
  local wait = foreign and foreign - share_of(unit * (capacity - cost), of, window) or unit * cost - room
  return { 0, wait, available, foreign or taken, now }
end
taken = taken + unit * cost
local expires = now + taken
expires = expires < 9007199254740992 and expires or 9007199254740992
redis.call('SET', KEYS[1], string.format('1g%016d:%s', expires, ARGV[2]),
  'PX', string.format('%d', -math.floor(-taken / 1000) + grace))
return { 1, 0, available - cost, taken, now }
