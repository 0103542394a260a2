-- Writes a batch, all of it or nothing.
--
-- KEYS: one for each write, then the indexes.
-- ARGV: seven words for each write: its condition ('' always, 'a' absent, 'p' present, '=' and the stored bytes, '#' and
-- their SHA-1 where the way here carries no such bytes), its time to live in milliseconds ('' for a delete), the value,
-- the number of its index (0 for none), the member, how many members the index may have ('' any number), and for how many
-- milliseconds who joins is a member.
--
-- Answers the reads and the writes it ran; if it refuses, also the place in the batch, why, and the current bytes.
local CONDITION, TTL, VALUE, INDEX, MEMBER, AT_MOST, LASTS = 1, 2, 3, 4, 5, 6, 7
local count = #ARGV / 7

local function field(at, number)
  return ARGV[(at - 1) * 7 + number]
end

local function refused(at, why, current)
  return { reads, writes, at - 1, why, current or '' }
end

-- Whole stored bytes are compared where they can be sent, however large: a digest would save the bytes of one value on
-- the way, and cost the one thread of the server a hash of the other.
--
-- What MGET answers for a key of another type, which is nobody's entry, is what it answers for none: the key is free,
-- and a put replaces it. A lone SET or DEL, see single.rs, finds it there: to agree, every batch that creates an entry
-- would cost an EXISTS more.
local guarded = {}
for at = 1, count do
  if field(at, CONDITION) ~= '' then
    guarded[#guarded + 1] = KEYS[at]
  end
end
if #guarded > 0 then
  local found = read('MGET', unpack(guarded))
  local place = 0
  for at = 1, count do
    local condition = field(at, CONDITION)
    if condition ~= '' then
      place = place + 1
      local current = found[place]
      if condition == 'a' then
        if current then
          return refused(at, 'exists')
        end
      elseif not current then
        return refused(at, 'gone')
      elseif condition ~= 'p' then
        local version, wanted = current, string.sub(condition, 2)
        if string.sub(condition, 1, 1) == '#' then
          version = redis.sha1hex(current)
        end
        if version ~= wanted then
          return refused(at, 'conflict', current)
        end
      end
    end
  end
end

-- By index: the writes that join it, and the members that leave it.
local indexes = #KEYS - count
local joins, leaves, now = {}, {}, nil
for index = 1, indexes do
  joins[index], leaves[index] = {}, {}
end
for at = 1, count do
  local index = tonumber(field(at, INDEX))
  if index > 0 and field(at, TTL) == '' then
    table.insert(leaves[index], field(at, MEMBER))
  elseif index > 0 then
    table.insert(joins[index], at)
    now = true
  end
end
if now then
  local time = read('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local function key_of(index)
  return KEYS[count + index]
end

local function number(integer)
  return string.format('%.0f', integer)
end

-- Returns by how many members the whole batch lets an index grow: who is a member already is not counted twice, and
-- only who was one makes room by leaving.
local function growth(index)
  local members = {}
  for _, at in ipairs(joins[index]) do
    table.insert(members, field(at, MEMBER))
  end
  for _, member in ipairs(leaves[index]) do
    table.insert(members, member)
  end
  local grows = 0
  for place, score in ipairs(read('ZMSCORE', key_of(index), unpack(members))) do
    local is_member = score and tonumber(score) > now
    if place <= #joins[index] and not is_member then
      grows = grows + 1
    elseif place > #joins[index] and is_member then
      grows = grows - 1
    end
  end
  return grows
end

local before, grows = {}, {}
for at = 1, count do
  local index, most = tonumber(field(at, INDEX)), tonumber(field(at, AT_MOST))
  if most and field(at, TTL) ~= '' then
    before[index] = before[index] or read('ZCOUNT', key_of(index), '(' .. number(now), '+inf')
    -- Who joins is asked for only where it matters.
    if before[index] + #joins[index] > most then
      grows[index] = grows[index] or growth(index)
      if grows[index] > 0 and before[index] + grows[index] > most then
        return refused(at, 'full')
      end
    end
  end
end

-- From here on nothing may fail half way, so what is not an index has to be found before: with one index, the first ZADD
-- finds it. A server without memory refuses the first command of a script that takes some, if nothing was written
-- before; so that is a ZADD or SET, and what only frees memory comes after.
local joined = 0
for index = 1, indexes do
  joined = joined + (#joins[index] > 0 and 1 or 0)
end
for index = 1, indexes do
  if joined > 1 and #joins[index] > 0 and not before[index] then
    read('ZCARD', key_of(index))
  end
end
local last = {}
for index = 1, indexes do
  if #joins[index] > 0 then
    local members = {}
    last[index] = 0
    for _, at in ipairs(joins[index]) do
      local ends = now + tonumber(field(at, LASTS))
      last[index] = math.max(last[index], ends)
      table.insert(members, number(ends))
      table.insert(members, field(at, MEMBER))
    end
    write('ZADD', key_of(index), unpack(members))
    write('ZREMRANGEBYSCORE', key_of(index), '-inf', number(now))
  end
end
local deleted = {}
for at = 1, count do
  if field(at, TTL) == '' then
    table.insert(deleted, KEYS[at])
  else
    write('SET', KEYS[at], field(at, VALUE), 'PX', field(at, TTL))
  end
end
for index = 1, indexes do
  -- The index lives as long as its last member. GT takes a key without a time to live, as a fresh one is, for eternal.
  if last[index] and write('PEXPIREAT', key_of(index), number(last[index]), 'GT') == 0 then
    write('PEXPIREAT', key_of(index), number(last[index]), 'NX')
  end
  if #leaves[index] > 0 then
    -- What is not an index has no members, and must not keep an entry from being deleted.
    writes = writes + 1
    redis.pcall('ZREM', key_of(index), unpack(leaves[index]))
  end
end
if #deleted > 0 then
  write('DEL', unpack(deleted))
end
return { reads, writes }
