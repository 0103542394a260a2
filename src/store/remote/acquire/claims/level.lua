  -- The level, and what is available.
  local available
  local whole, part, want, want_part, full, full_part, returned
  local start, count, last, instant, length, foreign, counts, first, of
  if banned then
    available = 0
  elseif algorithm == 103 then -- g
    whole, part = 0, 0
    if kept then
      whole = expires - now
      if sub(kept, 20) == window_text then
        part = 0
      elseif sub(kept, 29) == limit_text .. ':' .. window_text then
        part = tonumber(sub(kept, 19, 28)) or 0
        whole = part > 0 and whole - 1 or whole
      else
        of = tonumber(string.match(kept, ':(%d+)$', 19))
        if of and of ~= window and of >= 1 and of <= 315360000000000 then
          local rounded
          foreign = whole
          whole, rounded = share_of(whole, window, of)
          whole = rounded and whole + 1 or whole
        end
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
    if charged and not foreign then
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
        -- No window is shorter than a millisecond.
        kept = from and last and count and expires - from >= 2000
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
        kept = false
        if hash[1] and hash[2] then
          -- As with counts, what is no plain number is an error before anything is written: not nan, inf or hex.
          local time = string.match(hash[1], '^%d+$') and hash[1] * 1000
          local tokens = string.match(hash[2], '^%-?%d+%.?%d*e?%-?%d*$') and tonumber(hash[2])
          if not (time and tokens) or time > MOST or tokens > MOST or tokens < -MOST then
            return redis.error_reply('ERR value is not an integer or out of range')
          end
          kept = { time, tokens }
        end
        found[key] = kept
      end
      if kept then
        start, count = kept[1], kept[2]
      else
        start = now - now % 1000
      end
    elseif kept then
      local tokens, whose = string.match(kept, '^(%-?%d+):?(.*)$', 35)
      start, count = tonumber(sub(kept, 19, 34)), tonumber(tokens)
      if start and count and whose ~= '' and whose ~= limit_text .. ':' .. burst .. ':' .. window_text then
        foreign, start = expires, start > now and start or now
      end
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
