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
local wrote, sums = 0, nil
if added then
  -- What INCRBY does not count on, a key of another type, is found here only: MGET answers that it is none. So counts go
  -- first, and go back if one of them cannot.
  sums = {}
  for key = 1, strings do
    local more = added[key]
    if more and more ~= 0 and not (gone and gone[key]) then
      local sum = redis.pcall('INCRBY', KEYS[key], format('%d', more))
      if type(sum) == 'table' then
        for done, was in pairs(sums) do
          if was == added[done] then
            redis.call('DEL', KEYS[done])
          else
            redis.call('DECRBY', KEYS[done], format('%d', added[done]))
          end
        end
        return sum
      end
      sums[key], wrote = sum, wrote + 1
    end
  end
end
for key = 1, #KEYS do
  local name, state, last = KEYS[key], found[key], ends[key]
  if key <= strings and gone and gone[key] then
    local more = added and added[key] or 0
    if more > 0 then
      redis.call('SET', name, format('%d', more), 'PX', format('%d', lives[key]))
    else
      redis.call('DEL', name)
    end
    wrote = wrote + 1
  elseif sums and sums[key] then
    if sums[key] == added[key] then
      redis.call('PEXPIRE', name, format('%d', lives[key]))
      wrote = wrote + 1
    end
  elseif last and key > strings then
    if last > 0 then
      redis.call('HSET', name, 'refilledAt', format('%d', state[1] / 1000), 'tokens', format('%.17g', state[2]))
      redis.call('PEXPIRE', name, format('%d', last < MOST / 1000 and last or MOST / 1000))
      wrote = wrote + 2
    elseif state or gone and gone[key] then
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
