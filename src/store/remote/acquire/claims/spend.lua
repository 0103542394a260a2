  -- The spend. Nothing is refused but t(ake), p(eek) and s(hadow): not c(harge), not r(efund), not b(an).
  local lacks = cost > available and (spend == 116 or spend == 112 or spend == 115)
  local takes = cost > 0 and not lacks and spend ~= 112 and not charged
  local wait, reset, changed, text = 0, 0, takes, nil
  if takes then
    available = available > cost and available - cost or 0
  elseif lacks and cost > capacity then
    wait = -1
  end

  if banned then
    -- Nothing is charged during a ban, and nothing given back for it.
    start = MOST
    if spend == 98 then -- b
      expires = now + cost
      text = format('1x%016d', expires)
    end
    reset = expires - now
    wait = lacks and wait == 0 and reset or wait
  elseif algorithm == 103 then -- g
    if takes then
      foreign, whole, part = nil, whole + want, part + want_part
      if part >= limit then
        whole, part = whole + 1, part - limit
      end
      whole = whole < MOST and whole or MOST
    elseif lacks and wait == 0 then
      if foreign then
        local room = full_part < want_part and full - want - 1 or full - want
        wait = foreign - share_of(room, of, window)
      else
        -- In this order nothing is beyond 2^53.
        wait = whole - (full - want)
        local parts = part - (full_part - want_part)
        if parts < 0 then
          wait, parts = wait - 1, parts + limit
        elseif parts >= limit then
          wait, parts = wait + 1, parts - limit
        end
        wait = parts > 0 and wait + 1 or wait
      end
    elseif returned then
      changed = true
    end
    start, reset = now, foreign or (part > 0 and whole + 1 or whole)
    if changed then
      expires = now + reset
      expires = expires < MOST and expires or MOST
      if part > 0 then
        text = format('1g%016d%010d%s:%s', expires, part, limit_text, window_text)
      else
        text = format('1g%016d:%s', expires, window_text)
      end
    end
  elseif algorithm == 102 or algorithm == 97 or algorithm == 65 then -- f, a, A
    local more = 0
    if takes then
      more = cost
      local last = start + window
      if last ~= expires then
        -- Another quota's window: it lasts as long as the longest that charges in it says.
        last = algorithm == 97 and now - now % window + window or last
        last = last < LATEST and last or LATEST
        expires = expires > last and expires or last
      end
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
      foreign, count = nil, count - cost
      local least = theirs and -MOST or -549755813888
      count = count > least and count or least
      -- Of theirs that holds more than fits, there may be as much as before.
      available = count > 0 and floor(count) or 0
      available = available < capacity and available or capacity
    elseif charged and not foreign then
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
      wait = foreign and foreign - now or -floor((count - cost) / limit) * window - (now - start)
    end
    local refills = count < capacity and -floor((count - capacity) / limit) or 0
    if refills > 0 then
      reset = foreign and foreign - now or refills * window - (now - start)
    end
    if changed then
      expires = start + refills * window
      expires = expires < MOST and expires or MOST
      if theirs then
        -- Full is as good as none. More than full, by a refund of theirs, lasts until the next refill.
        local lasts = count > capacity and 1 or refills
        found[key], ends[key] = { start, count }, lasts * window / 1000
      else
        text = format('1b%016d%016d%d:%s:%s:%s', expires, start, count, limit_text, burst, window_text)
      end
    end
  end
