-- Decides up to eight claims, all or nothing: `Quota::step` in doubles. What it says of an algorithm is said there.
--
-- KEYS: those that hold strings, then those that hold hashes (the buckets of @upstash/ratelimit); none twice.
-- ARGV: the client's time in µs, or '' for the server's; how many keys hold strings, '' for all; then for each claim
--   a word: the letter of the algorithm, that of the spend, and the number of the key, counted from '1';
--   the limit, the capacity ('' if it is the limit), the window in µs, and the cost;
--   for a refund, the window in which the cost was charged;
--   for a limit of @upstash/ratelimit (its algorithm in capitals), the client's time in µs.
-- Answers how many commands wrote, then for each claim: µs to wait (0 allowed, -1 never), what remains, µs until the
-- reset, the window.
--
-- Numbers are whole and below 2^54: '%d' is exact (a long has 64 bits), and a quarter of the price of '%.0f'.
--
-- Our states are text: '1', the letter of the algorithm, µs of the expiry in 16 digits, and what follows in `store`.
local byte, sub, floor, format = string.byte, string.sub, math.floor, string.format
local MOST, MOST_U32 = 9007199254740992, 4294967295

local clock = ARGV[1]
-- A state is found by clients whose clocks are behind, too: for ten seconds.
local grace = 10000
if clock == '' then
  local time = redis.call('TIME')
  clock, grace = time[1] * 1000000 + time[2], 0
else
  clock = clock + 0
end

local strings = ARGV[2] == '' and #KEYS or ARGV[2] + 0
local found = strings == 0 and {} or redis.call('MGET', unpack(KEYS, 1, strings))
-- By key: when the state that replaces what was found ends, 0 for at once; what is added to a count of theirs, and how
-- long it lives then.
local ends, added, lives = { nil, nil, nil }, nil, nil
-- Room for three claims: a table that grows costs more than all arithmetic.
local reply, said, refused, at = { 0, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil }, 1, false, 3

local count_of
while ARGV[at] do
  local algorithm, spend, key, former = byte(ARGV[at], 1, 4)
  local limit_text, burst, window_text = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local limit, window, cost = limit_text + 0, window_text + 0, ARGV[at + 4]
  cost = cost == '1' and 1 or cost + 0
  local capacity = burst == '' and limit or burst + 0
  at, key = at + 5, key - 48
  local charged, now = nil, clock
  if spend == 114 then -- r
    charged, at = ARGV[at] + 0, at + 1
  end
  local theirs = algorithm < 97
  if theirs then
    now, at = ARGV[at] + 0, at + 1
    -- Counts of theirs. What INCRBY would not count on is an error before anything is written.
    count_of = count_of or function(key)
      local text = found[key]
      local number = tonumber(text or 0)
      if not number or number > MOST or number < -MOST or text and format('%d', number) ~= text then
        return nil
      end
      return number + (added and added[key] or 0)
    end
  end

  -- What was kept: none if it is foreign, or has expired.
  local kept, expires = found[key], nil
  if kept and not theirs then
    local version, letter = byte(kept, 1, 2)
    expires = version == 49 and (letter == algorithm or letter == 102 and algorithm == 97) -- f, a
      and tonumber(sub(kept, 3, 18))
    if not (expires and expires > now and expires <= MOST) then
      kept = false
    end
  end

  -- The level, and what is available.
  local available
  local whole, part, want, want_part, full, full_part, returned
  local start, count, last, instant, length, foreign, counts, first
  if algorithm == 103 then -- g
    whole, part = 0, 0
    if kept then
      if #kept > 28 and sub(kept, 29) == limit_text .. ':' .. window_text then
        part = tonumber(sub(kept, 19, 28)) or 0
      end
      whole = expires - now
      if part > 0 then
        whole = whole - 1
      end
    end
    local unit, unit_part = floor(window / limit), window % limit
    full, full_part = unit * capacity, unit_part * capacity
    if full_part >= limit then
      local carry = floor(full_part / limit)
      full, full_part = full + carry, full_part - carry * limit
    end
    want, want_part = unit * cost, unit_part * cost
    if want_part >= limit then
      local carry
      if want_part < MOST then
        carry = floor(want_part / limit)
        want_part = want_part - carry * limit
      else
        -- A charge beyond the capacity: in two exact halves.
        local high, low = floor(cost / 65536) * unit_part, cost % 65536 * unit_part
        carry = floor(high / limit)
        low = (high - carry * limit) * 65536 + low
        local rest = floor(low / limit)
        carry, want_part = carry * 65536 + rest, low - rest * limit
      end
      want = want + carry
    end
    want = want < MOST and want or MOST
    if charged then
      local back = now > charged and want - (now - charged) or want
      if (back > 0 or back == 0 and want_part > 0) and (whole > 0 or part > 0) then
        returned, whole, part = true, whole - back, part - want_part
        if part < 0 then
          whole, part = whole - 1, part + limit
        end
        if whole < 0 then
          whole, part = 0, 0
        end
      end
    end
    local room, room_part = full - whole, full_part - part
    if room_part < 0 then
      room, room_part = room - 1, room_part + limit
    end
    if room < 0 then
      available = 0
    else
      local parts = room * limit + room_part
      available = floor(parts / window)
      if parts >= MOST then
        -- Rounded: off by one at most. A quota's own products are exact.
        available = available < capacity and available + 1 or capacity
        while available > 0 do
          local carried = unit_part * available
          local units = unit * available + floor(carried / limit)
          if units < room or units == room and carried % limit <= room_part then
            break
          end
          available = available - 1
        end
      end
    end
  elseif algorithm == 102 or algorithm == 97 or algorithm == 65 then -- f, a, A
    if theirs then
      start, count = now - now % window, count_of(key)
      if not count then
        return redis.error_reply('ERR value is not an integer or out of range')
      end
      count = count > 0 and count or 0
      expires = start + window
    else
      if kept then
        start, count = tonumber(sub(kept, 19, 34)), tonumber(sub(kept, 35))
      end
      if not (start and count) then
        start, count = algorithm == 97 and now - now % window or now, 0
        expires = start + window
      end
    end
    available = count < limit and limit - count or 0
  elseif algorithm == 115 or algorithm == 83 then -- s, S
    instant, length = floor(now / 1000), window / 1000
    local from, of
    if theirs then
      former = former - 48
      count, last = count_of(key), count_of(former)
      if not (count and last) then
        return redis.error_reply('ERR value is not an integer or out of range')
      end
      count, last = count > 0 and count or 0, last > 0 and last or 0
      start = instant - instant % length
    else
      if kept then
        from, last, count = tonumber(sub(kept, 19, 34)), tonumber(sub(kept, 35, 44)), tonumber(sub(kept, 45))
        kept = from and last and count
      end
      if kept then
        of = floor((expires - from) / 2000)
        from = floor(from / 1000)
        instant = instant > from and instant or from
      else
        last, count = 0, 0
      end
      start = instant - instant % length
    end
    if kept and not theirs then
      -- Moves on to the window of now; that of another quota by its own length, to its whole weight in sight.
      local to = of == length and start or instant
      local windows = of > 0 and floor((to - from) / of) or 2
      if windows < 1 then
        to = from
      elseif windows < 2 then
        to, last, count = from + of, count, 0
      else
        last, count = 0, 0
      end
      if of == length then
        start = to
      else
        count = count + floor((1 - (instant - to) / of) * last)
        count = count < MOST_U32 and count or MOST_U32
        last, foreign = 0, expires
      end
    end
    available = limit - (floor((1 - (instant - start) / length) * last) + count)
    available = available > 0 and available or 0
  elseif algorithm == 119 then -- w
    length = floor((window + 9) / 10)
    counts, first = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, floor(now / length)
    local ring = kept and { string.match(kept,
      '^(%d+),(%d+),(%d+),(%d+),(%d+),(%d+),(%d+),(%d+),(%d+),(%d+),(%d+),(%d+),(%d+)$', 19) }
    local total = 0
    if ring and ring[13] then
      local of, from = ring[1] + 0, ring[2] + 0
      local gone = floor(now / of) - from
      gone = gone > 0 and gone or 0
      for age = 1, 11 - gone do
        local number = ring[age + 2] + 0
        counts[age + gone], total = number, total + number
      end
      if of == length then
        first = first > from and first or from
      else
        -- A clock that went back stays in the slice it was in.
        first = floor((now > from * of and now or from * of) / length)
        total = total < MOST_U32 and total or MOST_U32
        counts, foreign = { total, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, expires
      end
    end
    count = total
    available = total < limit and limit - total or 0
  else -- b, B
    if theirs then
      if kept == nil then
        local hash = redis.call('HMGET', KEYS[key], 'refilledAt', 'tokens')
        local time, tokens = tonumber(hash[1] or nil), tonumber(hash[2] or nil)
        kept = time and tokens and { time * 1000, tokens } or false
        found[key] = kept
      end
      if kept then
        start, count = kept[1], kept[2]
      else
        start = now - now % 1000
      end
    elseif kept then
      start, count = tonumber(sub(kept, 19, 34)), tonumber(sub(kept, 35))
    end
    if start and count then
      local refills = now > start and floor((now - start) / window) or 0
      -- Theirs may hold more than fits, after a refund, until the next refill.
      if refills > 0 or not theirs then
        count = count + (refills < MOST_U32 and refills or MOST_U32) * limit
        count = count < capacity and count or capacity
      end
      start = start + refills * window
    else
      start, count = start or now, capacity
    end
    available = count > 0 and floor(count) or 0
    available = available < capacity and available or capacity
  end

  -- The spend. Nothing is refused but t(ake), p(eek) and s(hadow): not c(harge), not r(efund).
  local lacks = cost > available and (spend == 116 or spend == 112 or spend == 115)
  local takes = not lacks and spend ~= 112 and not charged
  local wait, reset, changed, text = 0, 0, takes and cost > 0, nil
  if takes then
    available = available > cost and available - cost or 0
  elseif lacks and cost > capacity then
    wait = -1
  end

  if algorithm == 103 then -- g
    if takes then
      whole, part = whole + want, part + want_part
      if part >= limit then
        whole, part = whole + 1, part - limit
      end
      whole = whole < MOST and whole or MOST
    elseif lacks and wait == 0 then
      -- In this order nothing is beyond 2^53.
      wait = whole - (full - want)
      local parts = part - (full_part - want_part)
      if parts < 0 then
        wait, parts = wait - 1, parts + limit
      elseif parts >= limit then
        wait, parts = wait + 1, parts - limit
      end
      wait = parts > 0 and wait + 1 or wait
    elseif returned then
      changed = true
    end
    start, reset = now, part > 0 and whole + 1 or whole
    if changed then
      expires = now + reset
      expires = expires < MOST and expires or MOST
      if part > 0 then
        text = format('1g%016d%010d%s:%s', expires, part, limit_text, window_text)
      else
        text = format('1g%016d', expires)
      end
    end
  elseif algorithm == 102 or algorithm == 97 or algorithm == 65 then -- f, a, A
    local more = 0
    if takes then
      more = cost
    elseif lacks and wait == 0 then
      wait = expires - now
    elseif charged == start then
      more = -(cost < count and cost or count)
    end
    changed, count = more ~= 0, count + more
    if changed then
      if charged then
        available = count < limit and limit - count or 0
      end
      if theirs then
        added, lives = added or {}, lives or {}
        added[key], lives[key] = (added[key] or 0) + more, window / 1000
      else
        count = count < MOST and count or MOST
        text = format('1f%016d%016d%d', expires, start, count)
      end
    end
    reset = count > 0 and expires - now or 0
  elseif algorithm == 115 or algorithm == 83 then -- s, S
    local began = start * 1000
    if takes then
      foreign, count = nil, count + cost
      if theirs then
        added, lives = added or {}, lives or {}
        added[key], lives[key] = (added[key] or 0) + cost, 2 * length + 1000
      else
        count = count < MOST_U32 and count or MOST_U32
      end
    elseif lacks and wait == 0 then
      if foreign then
        wait = foreign - now
      else
        -- The first offset in a window at which the last one weighs at most `room`.
        local from, weighs, room = start, last, limit - cost - count
        if room < 0 then
          -- Not in this window: in the next one, this count is the last.
          from, weighs, room = start + length, count, limit - cost
        end
        local offset = 0
        if weighs > room then
          offset = floor(length * (1 - (room + 1) / weighs))
          offset = offset > 0 and offset or 0
          offset = offset < length and offset or length
          while offset > 0 and floor((1 - (offset - 1) / length) * weighs) <= room do
            offset = offset - 1
          end
          while offset < length and floor((1 - offset / length) * weighs) > room do
            offset = offset + 1
          end
        end
        wait = (from + offset) * 1000 - now
      end
    elseif charged == began or charged and charged + window == began then
      local whose = charged == began and count or last
      local back = cost < whose and cost or whose
      changed = back > 0
      if charged == began then
        count = count - back
      else
        last = last - back
      end
      if theirs and changed then
        local counter = charged == began and key or former
        added, lives = added or {}, lives or {}
        added[counter], lives[counter] = (added[counter] or 0) - back, 2 * length + 1000
      end
      available = limit - (floor((1 - (instant - start) / length) * last) + count)
      available = available > 0 and available or 0
    end
    if foreign then
      reset = foreign - now
    elseif count > 0 then
      reset = began + 2 * window - now
    elseif last > 0 then
      reset = began + window - now
    end
    if changed and not theirs then
      expires = began + 2 * window
      text = format('1s%016d%016d%010d%d', expires, began, last, count)
    end
    start = began
  elseif algorithm == 119 then -- w
    if takes then
      foreign, counts[1] = nil, counts[1] + cost
      counts[1] = counts[1] < MOST_U32 and counts[1] or MOST_U32
    elseif lacks and wait == 0 then
      if foreign then
        wait = foreign - now
      else
        local excess, age = count + cost - limit, 11
        while excess > 0 and age > 0 do
          excess, age = excess - counts[age], age - 1
        end
        wait = (first + 11 - age) * length - now
      end
    elseif charged then
      local whose = counts[first - charged + 1]
      local back = whose and (cost < whose and cost or whose) or 0
      if back > 0 then
        changed, counts[first - charged + 1] = true, whose - back
        count = count - back
        available = count < limit and limit - count or 0
      end
    end
    expires = 0
    for age = 1, 11 do
      if counts[age] > 0 then
        expires = (first + 12 - age) * length
        break
      end
    end
    reset, start = (foreign or expires) - now, first
    if changed then
      text = format('1w%016d%d,%d,', expires, length, first) .. table.concat(counts, ',')
    end
  else -- b, B
    if takes then
      count = count - cost
      count = count > -MOST and count or -MOST
    elseif charged then
      local refilled = start > charged and floor((start - charged) / window) * limit or 0
      local before = count
      if cost > refilled then
        count = count + cost - refilled
        count = count < capacity and count or capacity
        count = count > before and count or before
      end
      changed = count ~= before
      available = count > 0 and floor(count) or 0
      available = available < capacity and available or capacity
    elseif lacks and wait == 0 then
      wait = -floor((count - cost) / limit) * window - (now - start)
    end
    local refills = count < capacity and -floor((count - capacity) / limit) or 0
    if refills > 0 then
      reset = refills * window - (now - start)
    end
    if changed then
      expires = start + refills * window
      expires = expires < MOST and expires or MOST
      if theirs then
        found[key], ends[key] = { start, count }, refills * window / 1000
      else
        text = format('1b%016d%016d%d', expires, start, count)
      end
    end
  end

  if text then
    if expires > now then
      found[key], ends[key] = text, expires
    else
      found[key], ends[key] = kept and '' or false, 0
    end
  end
  if lacks and wait >= 0 and wait < 1 then
    wait = 1
  end
  refused = refused or lacks and spend == 116
  reset = reset > 0 and reset or 0
  reply[said + 1], reply[said + 2] = wait < MOST and wait or MOST, available
  reply[said + 3], reply[said + 4] = reset < MOST and reset or MOST, start
  said = said + 4
end

if refused then
  return reply
end
local wrote = 0
for key = 1, #KEYS do
  local name, state, last = KEYS[key], found[key], ends[key]
  local more = added and added[key]
  if more and more ~= 0 then
    wrote = wrote + 1
    if redis.call('INCRBY', name, format('%d', more)) == more then
      redis.call('PEXPIRE', name, format('%d', lives[key]))
      wrote = wrote + 1
    end
  elseif last and key > strings then
    if last > 0 then
      redis.call('HSET', name, 'refilledAt', format('%d', state[1] / 1000), 'tokens', format('%.17g', state[2]))
      redis.call('PEXPIRE', name, format('%d', last < MOST / 1000 and last or MOST / 1000))
      wrote = wrote + 2
    elseif found[key] then
      -- As good as none, and their rule would leave it without a time to live.
      redis.call('DEL', name)
      wrote = wrote + 1
    end
  elseif last and last > 0 then
    redis.call('SET', name, state, 'PX', format('%d', -floor((clock - last) / 1000) + grace))
    wrote = wrote + 1
  elseif last and state then
    redis.call('DEL', name)
    wrote = wrote + 1
  end
end
reply[1] = wrote
return reply
